"""A server of ours on a loopback port of its own, and requests as Slack makes them."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import requests
from starlette.types import ASGIApp

from incident_ops.web.server import WebServer, address_of, listen
from incident_ops.web.signatures import signature_of
from incident_ops_tests.waiting import wait_until

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
FORM = "application/x-www-form-urlencoded"
SECONDS = 10.0


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Its URL; at the end it stops as it would for a signal."""
    bound = listen("127.0.0.1", 0)
    url = address_of(bound)
    server = WebServer(app, bound)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.is_ready, SECONDS, "the server is ready", pause=0.01)
        yield url
    finally:
        server.stop()
        thread.join(SECONDS)
    assert not thread.is_alive()


class Slack:
    """Calls us as Slack does.

    Args:
        clock: what time it is where Slack is.
    """

    def __init__(
        self, url: str, *, secret: str = SECRET, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._url, self._secret, self._clock = url, secret, clock

    def interacts(self, payload: Mapping[str, Any], *, at: datetime | None = None) -> requests.Response:
        return self.posts("/slack/interactivity", {"payload": json.dumps(payload)}, at=at)

    def commands(self, text: str, **more: str) -> requests.Response:
        fields = {"command": "/incident", "text": text, "user_id": "U1ANN", "user_name": "ann", **more}
        return self.posts("/slack/commands", fields)

    def posts(
        self, path: str, fields: Mapping[str, str], *, at: datetime | None = None, **headers: str
    ) -> requests.Response:
        return self.sends(path, urlencode(fields).encode(), at=at, **headers)

    def sends(
        self, path: str, body: bytes, *, content_type: str = FORM, at: datetime | None = None, **headers: str
    ) -> requests.Response:
        """`headers` come instead of the right ones; an empty one is left out."""
        time = str(int((at or self._clock()).timestamp()))
        sent = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": time,
            "X-Slack-Signature": signature_of(body, time, self._secret),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        kept = {name: value for name, value in sent.items() if value}
        return requests.post(f"{self._url}{path}", data=body, headers=kept, timeout=SECONDS)
