"""What can go wrong between a client and Slack, for `fake_slack.py` to play."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What goes wrong with a request. Make one with the functions below.

    Attributes:
        handled: the request takes effect before the trouble begins.
        status, body, headers: what is answered instead; a status of 0 closes the connection without an answer.
        released: the answer waits until this is set.
        begun: set when the request has come as far as the trouble.
    """

    handled: bool = False
    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    released: threading.Event | None = None
    begun: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        if self.released:
            self.released.set()


def rate_limited(seconds: int) -> Trouble:
    body = json.dumps({"ok": False, "error": "ratelimited"}).encode()
    return Trouble(status=429, body=body, headers={"Retry-After": str(seconds)})


def server_error(status: int = 500, *, handled: bool = False) -> Trouble:
    return Trouble(handled=handled, status=status, body=b"<html>upstream error</html>")


def redirect(location: str, *, status: int = 302) -> Trouble:
    return Trouble(status=status, body=b"<html>moved</html>", headers={"Location": location})


def error(name: str, **more: Any) -> Trouble:
    """Slack's `{"ok": false, "error": name}`, with HTTP status 200."""
    return Trouble(status=200, body=json.dumps({"ok": False, "error": name, **more}).encode())


def not_json(body: bytes = b"<html>Please log in</html>", *, handled: bool = False) -> Trouble:
    return Trouble(handled=handled, status=200, body=body)


def dropped() -> Trouble:
    """The connection is closed before the request has any effect."""
    return Trouble()


def lost_answer() -> Trouble:
    """The request takes effect, then the connection is closed without an answer."""
    return Trouble(handled=True)


def hang(*, handled: bool = False) -> Trouble:
    """No answer until `release()`, the server's end or a minute; then the connection is closed."""
    return Trouble(handled=handled, released=threading.Event())
