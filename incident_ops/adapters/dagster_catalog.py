"""The catalog as the webserver tells it, over HTTP.

What is asked is in `dagster_queries`; the event log is read in `dagster_events`.
"""

import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from incident_ops.adapters.dagster_links import base_of
from incident_ops.adapters.dagster_queries import DagsterQueries, first_line
from incident_ops.core.error_text import redact, shorten
from incident_ops.core.errors import SourceUnavailable

CONNECT_SECONDS = 5.0
DETAILS_AT_ONCE = 500


class GraphQLCatalog(DagsterQueries):
    """Reads one webserver.

    Args:
        url: as the browser has it, path prefix included; a user and password in it are used and never shown.
        timeout: seconds to wait for the answer (20,000 assets take about five).
        details_at_once: see `DagsterQueries`.
    """

    source = "webserver"

    def __init__(self, url: str, *, timeout: float = 15.0, details_at_once: int = DETAILS_AT_ONCE) -> None:
        super().__init__(details_at_once=details_at_once)
        self._url = url.strip().rstrip("/")
        self._shown = redact(base_of(url))
        self._timeout = timeout

    def _answer_to(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        with requests.Session() as session:
            session.trust_env = not _is_loopback(self._url)  # a proxy cannot reach our own machine
            try:
                response = session.post(
                    f"{self._url}/graphql",
                    json={"query": query, "variables": variables},
                    timeout=(min(CONNECT_SECONDS, self._timeout), self._timeout),
                    allow_redirects=False,  # a redirected POST becomes a GET, whose answer would mislead
                )
            except requests.ConnectTimeout:
                raise self._unavailable("cannot be reached: nothing there takes the connection") from None
            except requests.Timeout:
                raise self._unavailable(f"gave no answer within {self._timeout:g} s") from None
            except requests.ConnectionError as error:
                refused = "refused" in str(error).lower()
                why = "refuses the connection (is it running?)" if refused else "cannot be reached"
                raise self._unavailable(why) from None
            except (requests.RequestException, ValueError):  # no address at all; the error may quote its password
                raise self._unavailable("could not be asked: the address or the answer is malformed") from None
        return self._data_of(response)

    def _data_of(self, response: requests.Response) -> Mapping[str, Any]:
        """What a GraphQL answer holds. Errors come with status 200 or 400, and are then worth more than it."""
        if response.is_redirect:
            raise self._unavailable(f"answered with a redirect (HTTP {response.status_code})")
        try:
            body = response.json()
        except ValueError:
            body = None
        errors = body.get("errors") if isinstance(body, dict) else None
        if errors:
            raise self._unavailable(f"answered with an error: {_message_of(errors)}")
        if not response.ok:
            raise self._unavailable(f"answered with HTTP {response.status_code}")
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, dict):
            kind = response.headers.get("content-type", "unknown content")
            raise self._unavailable(f"answered with something that is not GraphQL ({shorten(kind, 80)})")
        return data

    def _unavailable(self, why: str) -> SourceUnavailable:
        return SourceUnavailable(
            f"Dagster's webserver at {self._shown} {why}; INCIDENT_OPS_DAGSTER_URL says where it is."
        )


def _message_of(errors: object) -> str:
    first = errors[0] if isinstance(errors, list) else errors
    message = first.get("message", "") if isinstance(first, dict) else first
    return first_line(str(message))


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
