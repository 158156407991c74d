"""HTTP for sinks: a request goes out once, and every outcome but success is a `TransportError` with a remedy.

What to ask, and what an answer means beyond its status, belongs to the kind of sink. Which addresses may be asked
is `http_addresses.py`. Nothing here shows a URL's path, query or user, a token or a header: the host may be named.
"""

import json
import logging
import re
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from contextvars import ContextVar
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import requests
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from incident_ops.adapters.notify.http_addresses import Forbidden, Pins
from incident_ops.adapters.notify.http_connection import Surroundings, surroundings_of
from incident_ops.adapters.notify.http_outcomes import Sink, no_answer, refused, unusable
from incident_ops.adapters.notify.plain import one_line
from incident_ops.core.error_text import redact, shorten
from incident_ops.core.errors import TransportError

LONGEST_ANSWER = 4 * 1024 * 1024
"""Bytes of an answer that are read; what comes after them is not looked at."""

_LONGEST_SAID = 200
_HEADERS = {
    "User-Agent": "incident_ops",
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # what is short on the wire is short in memory
    "Content-Type": "application/json; charset=utf-8",
}
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")

_asking = ContextVar("asking", default=False)


def _tells_no_address(record: logging.LogRecord) -> bool:
    """urllib3 logs paths and queries, where webhooks keep their secrets."""
    return not _asking.get()


for _name in ("urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_tells_no_address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. The names of `headers` are in lower case; `body` is cut at `LONGEST_ANSWER`."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's values; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


class Api:
    """One sink's HTTP interface.

    Proxies and certificate authorities are taken from the environment as requests does; `.netrc` is not read.
    Every request has a connection of its own: one that was kept may be dead, and then nobody knows what arrived.

    Args:
        sink: how it is called in sentences, and what its refusals mean.
        url: where it is; a user and password in it become basic authentication. One that cannot be used is told by
            the first request.
        authorization: value of the header.
        pins: judges the addresses behind the host's name and holds on to them; None lets all pass.
        timeout: seconds to connect, and between two parts of an answer; a body is read for as long at most.
        said: the sink's own words in the body of a refusal.
    """

    def __init__(
        self,
        *,
        sink: Sink,
        url: str,
        authorization: str | None = None,
        pins: Pins | None = None,
        timeout: float = 10,
        said: Callable[[Any], str] = lambda body: "",
    ) -> None:
        self._sink = sink
        self._parts = _parts_of(url)
        self._authorization = authorization or (_user_of(self._parts) if self._parts else None)
        self._pins = pins
        self._timeout = timeout
        self._surroundings: Surroundings | None = None
        self._said = said

    def ask(
        self,
        method: str,
        path: str = "",
        *,
        what: str,
        query: Sequence[tuple[str, str]] = (),
        value: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        adds: bool = False,
        gone: str = "",
        also: Collection[int] = (),
    ) -> Answer:
        """The answer, if its status says success or is one of `also`.

        Args:
            path: below the sink's address, quoted.
            what: the request in words, `the alert of INC-7`.
            value: sent as JSON in place of a `body`.
            adds: repeating it could show something twice.
            gone: what 404 and 410 mean where they are about one thing, which is final.
        """
        if value is not None:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            body = text.encode("utf-8", "replace")
        sent = {**_HEADERS, **(headers or {})}
        if self._authorization is not None:
            sent["Authorization"] = self._authorization
        if self._parts is None or not all(map(_HEADER_VALUE.fullmatch, sent.values())):
            raise unusable(self._sink)
        request = requests.Request(method, _url(self._parts, path), params=list(query), data=body, headers=sent)
        outcome = self._outcome(request, what, adds=adds)
        if isinstance(outcome, TransportError):
            raise outcome  # here, so that no traceback shows the library's error, address and all
        if outcome.status in also or 200 <= outcome.status < 300:
            return outcome
        said = self.words(outcome)
        raise refused(outcome.status, outcome.headers, self._sink, what, said=said, adds=adds, gone=gone)

    def ask_json(self, method: str, path: str = "", *, what: str, adds: bool = False, **more: Any) -> Any:
        """The values in the answer's body, an object or a list. Raises as `ask` does, and for any other body."""
        answer = self.ask(method, path, what=what, adds=adds, **more)
        value = answer.json
        if not isinstance(value, dict | list):
            problem = f"{self._sink} answered {what} with something that cannot be read"
            raise TransportError(f"{problem}; check its address and the proxy", fate_unknown=adds)
        return value

    def _outcome(self, request: requests.Request, what: str, *, adds: bool) -> Answer | TransportError:
        token = _asking.set(True)
        try:
            return self._exchange(request)
        except Forbidden as error:
            return TransportError(f"{self._sink} was not asked: {error}", needs_person=True)
        except (requests.RequestException, HTTPError, HTTPException, OSError, UnicodeError) as error:
            return no_answer(error, self._sink, what, adds=adds)
        finally:
            _asking.reset(token)

    def _exchange(self, request: requests.Request) -> Answer:
        url, around = str(request.url), self._surroundings or surroundings_of(str(request.url))
        self._surroundings = around
        addresses = self._pins.addresses_of(url, is_proxied=around.is_proxied) if self._pins is not None else None
        prepared, places = request.prepare(), addresses or (None,)
        for place in places[:-1]:
            try:
                return self._once(prepared, around, place, connect=self._timeout / len(places))
            except requests.ConnectionError as error:
                if not _never_connected(error):
                    raise
        return self._once(prepared, around, places[-1], connect=self._timeout / len(places))

    def _once(
        self, request: requests.PreparedRequest, around: Surroundings, place: str | None, *, connect: float
    ) -> Answer:
        """Not by a session of requests: that reads all of a redirect's body and parses where it leads to, even if
        it is told not to follow, and puts credentials of `.netrc` over ours."""
        timeout = (connect, self._timeout)
        ways = {"verify": around.bundle, "proxies": around.proxies}
        connection = around.connection(str(request.url), place)
        with closing(connection), connection.send(request, timeout=timeout, stream=True, **ways) as response:
            names = {name.lower(): value for name, value in response.headers.items()}
            body = _beginning_of(response, deadline=time.monotonic() + self._timeout)
            return Answer(status=response.status_code, headers=names, body=body)

    def words(self, answer: Answer) -> str:
        """What the sink gives as its reasons, in one short line without markup of its own or secrets of ours."""
        value = answer.json
        words = redact(one_line(self._said(value)[:2_000])) if value is not None else ""
        for secret in self._secrets():
            words = words.replace(secret, "[redacted]")
        return shorten(words, _LONGEST_SAID)

    def _secrets(self) -> list[str]:
        scheme, _, credentials = (self._authorization or "").partition(" ")
        secrets = [credentials, self._parts.path.strip("/") if self._parts else ""]
        if scheme == "Basic":
            secrets.append(b64decode(credentials).decode(errors="replace").partition(":")[2])
        return [secret for secret in secrets if len(secret) > 5]


def host_of(url: str) -> str:
    """What may be told of an address: its host, and the port if it is written out."""
    parts = _parts_of(url)
    return _netloc(parts) if parts else "an address that cannot be read"


def _parts_of(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url.strip())
        is_usable = parts.scheme in ("http", "https") and parts.hostname is not None and parts.port != 0
    except ValueError:
        return None
    return parts if is_usable else None


def _netloc(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _url(parts: SplitResult, path: str) -> str:
    """An address without a path of ours is used whole, with its query."""
    whole = parts._replace(netloc=_netloc(parts), fragment="")
    return urlunsplit(whole._replace(path=parts.path.rstrip("/") + path, query="") if path else whole)


def _user_of(parts: SplitResult) -> str | None:
    if parts.username is None:
        return None
    return basic(unquote(parts.username), unquote(parts.password or ""))


def _never_connected(error: requests.ConnectionError) -> bool:
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _beginning_of(response: requests.Response, *, deadline: float) -> bytes:
    """The status is known by now: a body that breaks off or never ends is only shorter."""
    read = bytearray()
    try:
        while len(read) < LONGEST_ANSWER and time.monotonic() < deadline:
            part = response.raw.read1(min(65_536, LONGEST_ANSWER - len(read)))
            if not part:
                break
            read += part
    except (HTTPError, HTTPException, OSError):
        return bytes(read)
    return bytes(read)
