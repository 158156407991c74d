"""HTTP around an answering object: bodies, headers, and the troubles that happen on the wire."""

import json
import socket
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl

from incident_ops_tests.fake_slack.records import Json
from incident_ops_tests.fake_slack.troubles import Trouble

LONGEST_HANG = 60.0  # seconds


class Answering(Protocol):
    """Gives an answer, or the trouble that stands in its way."""

    def answer(
        self, method: str, body: Json, token: str, *, path: str = ""
    ) -> tuple[Json | None, Trouble | None]: ...

    def headers_of(self, method: str) -> Mapping[str, str]: ...


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away (it timed out, as tests mean it to) is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def handler_of(slack: Answering) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1  # one packet for headers and body: two would cost 40 ms by Nagle's algorithm

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = _body(raw, self.headers.get_content_type())
            _, _, query = self.path.partition("?")
            body.update(parse_qsl(query))
            token = body.pop("token", None) or self.headers.get("Authorization", "").removeprefix("Bearer ")
            path = self.path.partition("?")[0]
            method = path.rsplit("/", 1)[-1]
            answer, trouble = slack.answer(method, body, token, path=path)
            if trouble is None:
                headers = {"Content-Type": "application/json", **slack.headers_of(method)}
                return self._respond(200, json.dumps(answer).encode(), headers)
            trouble.begun.set()
            if trouble.released:
                trouble.released.wait(LONGEST_HANG)
            if trouble.status:
                return self._respond(trouble.status, trouble.body, trouble.headers)
            return self._hang_up()

        do_GET = do_POST

        def _respond(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _hang_up(self) -> None:
            self.close_connection = True
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # the client was first

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are kept in `calls`; standard error stays clean."""

    return Handler


def _body(raw: bytes, content_type: str) -> Json:
    if content_type == "application/json":
        body = json.loads(raw or b"{}")
        return body if isinstance(body, dict) else {}
    return dict(parse_qsl(raw.decode()))
