"""Which programs may report to us: those with the token or, where none is set, those on this very machine.

Without a token we do as Dagster's own webserver on a developer's machine does. A page of the internet in that
machine's browser is kept out twice: it may not send JSON elsewhere without our consent, which nobody gets (CORS),
and a name of its own that leads to 127.0.0.1 (DNS rebinding) stands in `Host`.
"""

import hmac
import re
from ipaddress import ip_address
from typing import Protocol

from starlette.datastructures import Headers

from incident_ops.core.errors import ConfigError
from incident_ops.web.requests import Refused

TOKEN_VARIABLE = "INCIDENT_OPS_API_TOKEN"

_TOKEN = re.compile(r"[!-~]+")
_THIS_MACHINE = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?", re.IGNORECASE)
_OF_PROXIES = frozenset({"forwarded", "via", "x-real-ip"})


class Access(Protocol):
    def state(self, path: str) -> str:
        """For people: whether `path` is on, and for whom."""
        ...

    def check(self, headers: Headers) -> None:
        """Raises:
        Refused: who sends this may not; the sentence names the variable that would change it.
        """
        ...


def access_at(host: str, token: str | None) -> Access:
    """Who may report.

    Args:
        host: the address that we listen on, as numbers.

    Raises:
        ConfigError: no request could carry this token.
    """
    if token is not None:
        return WithToken(token)
    return OnThisMachine() if ip_address(host).is_loopback else Closed(host)


class WithToken:
    """Whoever sends `Authorization: Bearer <token>`."""

    def __init__(self, token: str) -> None:
        if not _TOKEN.fullmatch(token):
            sentence = f"{TOKEN_VARIABLE} has characters that no header carries; use letters, digits and signs."
            raise ConfigError([sentence])
        self._token = token.encode()

    def __repr__(self) -> str:
        return "WithToken()"

    def state(self, path: str) -> str:
        return f"on, at {path}, with a token"

    def check(self, headers: Headers) -> None:
        scheme, _, sent = headers.get("Authorization", "").partition(" ")
        is_right = hmac.compare_digest(sent.strip().encode(), self._token)
        if scheme.lower() != "bearer" or not is_right:
            raise Refused(401, f"This needs the token of {TOKEN_VARIABLE}, sent as Authorization: Bearer.")


class OnThisMachine:
    """Programs that reach us at a loopback address, with nobody in between who says so."""

    def state(self, path: str) -> str:
        return f"on, at {path}, without a token, on this machine only"

    def check(self, headers: Headers) -> None:
        hosts = headers.getlist("Host")
        is_direct = len(hosts) == 1 and _THIS_MACHINE.fullmatch(hosts[0]) is not None
        if not is_direct or any(_is_of_a_proxy(name) for name in headers):
            raise Refused(403, f"While {TOKEN_VARIABLE} is not set, only this machine itself may do this.")


class Closed:
    """Nobody: there is no token, and others can reach us."""

    def __init__(self, host: str) -> None:
        self._why = f"{TOKEN_VARIABLE} is not set and others can reach {host}"

    def state(self, path: str) -> str:
        return f"off: {self._why}"

    def check(self, headers: Headers) -> None:
        raise Refused(403, f"Nothing is taken here: {self._why}.")


def _is_of_a_proxy(name: str) -> bool:
    return name in _OF_PROXIES or name.startswith("x-forwarded-")
