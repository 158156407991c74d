"""What an HTTP status, or the lack of an answer, means to a delivery: the table behind `http.py`."""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from socket import gaierror

import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
)

from incident_ops.core.errors import TransportError

LONGEST_WAIT = timedelta(days=1)
"""A sink may ask for longer; it is asked again after a day."""

_COMMON_REMEDIES = {
    401: "the token or password is not accepted; replace it",
    403: "the account may not do this; give it the right, or use another",
    407: "the proxy wants a password; put one into HTTPS_PROXY",
}
_NOT_TAKEN = frozenset({425, 429})  # the sink says that it has done nothing
_OPENSSL_EXPIRED, _OPENSSL_OTHER_HOST, _OPENSSL_OTHER_ADDRESS = 10, 62, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """A sink as sentences call it.

    Attributes:
        name: `the webhook of receiver "war-room"`.
        host: of its address, with the port if that is written out.
        remedies: HTTP status → what is to be done about it, for statuses that only a change of set-up can mend.
    """

    name: str
    host: str
    remedies: Mapping[int, str] = field(default_factory=dict[int, str])

    def __str__(self) -> str:
        return f"{self.name} ({self.host})"


def unusable(sink: Sink) -> TransportError:
    """Its address or its token cannot even stand in a request."""
    return TransportError(
        f"{sink.name} was not asked: its address is not an http(s) address, or its token has a character that "
        "no token has; copy both again",
        needs_person=True,
    )


def refused(
    status: int, headers: Mapping[str, str], sink: Sink, what: str, *, said: str, adds: bool, gone: str
) -> TransportError:
    """The trouble behind a status that is no success.

    3xx, 401, 403, 407 and what `sink.remedies` names need a person; 408, 425, 429 and 5xx are tried again, after
    `Retry-After` if there is one; every other status is final.

    Args:
        headers: their names in lower case.
        said: the sink's own words, harmless and short.
        gone: what 404 and 410 mean; empty if they mean nothing in particular.
    """
    if 300 <= status < 400:
        problem = f"{sink} answered {what} with a redirect (HTTP {status}), which is not followed"
        return TransportError(f"{problem}; write the final address", needs_person=True)
    if status in (404, 410) and gone:
        return TransportError(f"{sink} refused {what} (HTTP {status}): {gone}", permanent=True)
    if status in (408, *_NOT_TAKEN) or status >= 500:
        wait = _retry_after(headers)
        asks = f" and asks to wait {int(wait.total_seconds())} s" if wait else ""
        return TransportError(
            f"{sink} answered {what} with HTTP {status}{asks}",
            fate_unknown=adds and status not in _NOT_TAKEN,
            retry_after=wait,
        )
    because = f"; it says: {said}" if said else ""
    remedy = sink.remedies.get(status) or _COMMON_REMEDIES.get(status)
    if remedy:
        return TransportError(f"{sink} refused {what} (HTTP {status}): {remedy}{because}", needs_person=True)
    return TransportError(f"{sink} refused {what} (HTTP {status}){because}", permanent=True)


def no_answer(error: Exception, sink: Sink, what: str, *, adds: bool) -> TransportError:
    """The trouble behind a request that got no answer. The library's own words are not repeated: they hold the
    whole address."""
    causes = list(_causes(error))

    def find(*kinds: type[BaseException]) -> BaseException | None:
        return next((cause for cause in causes if isinstance(cause, kinds)), None)

    certificate = find(ssl.SSLCertVerificationError)
    if isinstance(certificate, ssl.SSLCertVerificationError):
        fault, remedy = _certificate_fault(certificate.verify_code)
        return TransportError(f"{sink} was not asked: its certificate {fault}; {remedy}", needs_person=True)
    if find(requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader, requests.exceptions.InvalidSchema):
        return unusable(sink)
    if find(LocationValueError, UnicodeError) or isinstance(error, ValueError):
        return unusable(sink)
    if any("Tunnel connection failed: 407" in str(cause) for cause in causes):
        return TransportError(f"{what} was not sent to {sink}: {_COMMON_REMEDIES[407]}", needs_person=True)
    if find(NameResolutionError, gaierror):
        return TransportError(f"{what} was not sent: the host of {sink} cannot be resolved; check the address")
    if find(ProxyError, NewConnectionError, ConnectTimeoutError):
        problem = f"{what} was not sent: no connection to {sink}"
        return TransportError(f"{problem}; check the address, the firewall and the proxy")
    tls = find(ssl.SSLError)
    if tls is not None and not isinstance(tls, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        problem = f"{what} was not sent: {sink} does not speak TLS as expected"
        return TransportError(f"{problem}; check https:// and the port", needs_person=True)
    if find(requests.Timeout, ReadTimeoutError, TimeoutError):
        return TransportError(f"{sink} did not answer {what} in time", fate_unknown=adds)
    return TransportError(f"the connection to {sink} broke off during {what}", fate_unknown=adds)


def _certificate_fault(code: int) -> tuple[str, str]:
    if code == _OPENSSL_EXPIRED:
        return "has expired", "renew it"
    if code in (_OPENSSL_OTHER_HOST, _OPENSSL_OTHER_ADDRESS):
        return "is another host's", "check the address and the proxy"
    return "is not signed by an authority that is trusted here", "check the address, or set REQUESTS_CA_BUNDLE"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps, outermost first: urllib3 and requests put the cause into `args` or `reason`."""
    seen: set[int] = set()
    ahead: list[object] = [error]
    while ahead:
        one = ahead.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        ahead += [getattr(one, "reason", None), *one.args, one.__cause__, one.__context__]


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Seconds, or a date (RFC 9110, 10.2.3), which is counted from the sink's own clock if it tells it."""
    wish = headers.get("retry-after", "").strip()
    if wish.isascii() and wish.isdecimal():
        return min(timedelta(seconds=int(wish[:9])), LONGEST_WAIT)
    until = _date(wish)
    if until is None:
        return None
    now = _date(headers.get("date", "")) or datetime.now(UTC)
    return max(timedelta(0), min(until - now, LONGEST_WAIT))


def _date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
