"""One request to Slack and the meaning of its answer, for everything of ours that talks to it.

Raises `TransportError` and `CannotBeKnown`, never an error of `slack_sdk`'s, but where a caller wants to look at
Slack's own name of the error (`ask`).
"""

import logging
from collections.abc import Iterator, Mapping
from http.client import HTTPException, InvalidURL
from typing import Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web import SlackResponse

from incident_ops.adapters.notify.slack.errors import (
    BLOCKS_REFUSED,
    METADATA_REFUSED,
    Request,
    error_name,
    is_for_now,
    no_answer,
    refused,
)
from incident_ops.adapters.notify.slack.http import once_only
from incident_ops.core.errors import TransportError

_MOST_PAGES = 25
_MOST_WARNINGS = 1_000

_log = logging.getLogger(__name__)


class CannotBeKnown(Exception):
    """Slack will not tell us, now or later. Never raised out of the adapter."""


class SlackApi:
    """Sends a request once. Raises `ValueError` for a client that repeats or follows redirects."""

    def __init__(self, client: WebClient) -> None:
        self._client = once_only(client)
        self._warned: set[str] = set()

    def ask(
        self, request: Request, *, json: dict[str, Any] | None = None, params: dict[str, Any] | None = None
    ) -> SlackResponse:
        """One HTTP request. Raises `SlackApiError` for an answer that is not `ok`, `TransportError` for none.

        Writing methods take JSON, reading ones form parameters.
        """
        try:
            return self._client.api_call(request.method, json=json, params=params)
        # AttributeError: slack_sdk takes any JSON for an object. LookupError: a body in an encoding nobody knows.
        except (URLError, UnicodeDecodeError, AttributeError, LookupError) as error:
            raise no_answer(error, request) from None
        except (SlackRequestError, InvalidURL, ValueError):
            problem = f"{request} was not sent: the base URL is no web address; set INCIDENT_OPS_SLACK_BASE_URL"
            raise TransportError(problem, needs_person=True) from None
        except (OSError, HTTPException) as error:
            raise no_answer(error, request) from None

    def do(
        self, request: Request, *, json: dict[str, Any] | None = None, params: dict[str, Any] | None = None
    ) -> SlackResponse:
        """As `ask`, with every refusal as a `TransportError`."""
        try:
            return self.ask(request, json=json, params=params)
        except SlackApiError as error:
            raise refused(error, request) from None

    def write(
        self, request: Request, arguments: dict[str, Any], *, instead_of_blocks: dict[str, Any] | None = None
    ) -> SlackResponse:
        """Send; what Slack refuses of the form is left out and sent again, since nothing was shown yet."""
        while True:
            try:
                return self.ask(request, json=arguments)
            except SlackApiError as error:
                name = error_name(error)
                if name in BLOCKS_REFUSED and instead_of_blocks is not None and arguments.get("blocks"):
                    arguments = {**_without(arguments, "blocks"), **instead_of_blocks}
                elif name in METADATA_REFUSED and "metadata" in arguments:
                    arguments = _without(arguments, "metadata")
                else:
                    raise refused(error, request) from None
                _log.warning("Slack refused the form of %s (%s): sent in a simpler one", request, name)

    def read(self, request: Request, arguments: Mapping[str, Any]) -> SlackResponse:
        """Ask; raises `CannotBeKnown` when asking again cannot help, `TransportError` with `fate_unknown` else."""
        try:
            return self.ask(request, params=dict(arguments))
        except TransportError as trouble:
            raise _still_unknown(trouble) from None
        except SlackApiError as error:
            trouble = refused(error, request)
            if is_for_now(error, trouble):
                raise _still_unknown(trouble) from None
            raise CannotBeKnown(str(trouble)) from None

    def pages(self, request: Request, arguments: Mapping[str, Any]) -> Iterator[SlackResponse]:
        cursor = ""
        for _ in range(_MOST_PAGES):
            page = self.read(request, {**arguments, "cursor": cursor} if cursor else arguments)
            yield page
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return
        raise CannotBeKnown(f"{request} has more than {_MOST_PAGES} pages")

    def answer(self, url: str, body: dict[str, Any]) -> None:
        """Post to a `response_url`, which is a secret and never named. Raises `TransportError`."""
        request = Request(method="an answer")
        try:
            status = self._client.post_answer(url, body)
        except (OSError, HTTPException, ValueError, LookupError) as error:
            raise no_answer(error, request) from None
        if status >= 300:
            raise TransportError(f"{request} was refused with HTTP {status}", permanent=True)

    def warn(self, sentence: str) -> None:
        """Log it, the first time."""
        if sentence not in self._warned:
            if len(self._warned) >= _MOST_WARNINGS:
                self._warned.clear()
            self._warned.add(sentence)
            _log.warning("%s", sentence)


def _still_unknown(trouble: TransportError) -> TransportError:
    """The same trouble while looking up: whatever kept us from looking, the message's fate is still open."""
    return TransportError(
        str(trouble), needs_person=trouble.needs_person, fate_unknown=True, retry_after=trouble.retry_after
    )


def _without(arguments: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if key != name}
