"""An HTTP server on this machine that stands for a sink: it keeps every request, answers as it is told to, and
plays the troubles of `fake_slack.troubles`."""

import gzip
import json
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from incident_ops.engine.ports import Notifier
from incident_ops_tests.adapters.notify.certificates import server_context
from incident_ops_tests.adapters.notify.sinks import RETRY_AFTER, TIMEOUT, Failure
from incident_ops_tests.fake_slack import Trouble, dropped, hang, rate_limited, server_error

LONGEST_HANG = 60.0  # seconds


@dataclass(frozen=True, kw_only=True)
class Request:
    """One that arrived. `path` has the query; the names of `headers` are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(value: Any, status: int = 200) -> Answer:
    return Answer(status=status, body=json.dumps(value).encode(), headers={"Content-Type": "application/json"})


class LocalServer:
    """
    Args:
        answer: what becomes of a request; called by one thread at a time.
        certificate_of: the host whose certificate the server shows; None for plain HTTP.
    """

    def __init__(self, answer: Callable[[Request], Answer], *, certificate_of: str | None = None) -> None:
        self._answer = answer
        self._lock = threading.RLock()
        self._requests: list[Request] = []
        self._raw: list[bytes] = []
        self._troubles: list[Trouble] = []
        self._met: list[Trouble] = []
        self._beside: list[LocalServer] = []
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        if certificate_of is not None:
            context = server_context(certificate_of)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._scheme = "http" if certificate_of is None else "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for other in self._beside:
            other.__exit__()
        for trouble in (*self._met, *self._troubles):
            trouble.release()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def next(self, *troubles: Trouble) -> None:
        """The next requests meet these troubles, one each, in order."""
        with self._lock:
            self._troubles.extend(troubles)

    def beside(self, other: "LocalServer") -> None:
        """Run another server as long as this one."""
        self._beside.append(other.__enter__())

    @property
    def requests(self) -> list[Request]:
        with self._lock:
            return list(self._requests)

    def sent(self) -> bytes:
        """Every byte that arrived, headers and bodies; JSON besides as it reads without its escapes."""
        with self._lock:
            return b"\n".join(self._raw)

    def answer(self, request: Request) -> tuple[Answer | None, Trouble | None]:
        """What the handler is to do."""
        with self._lock:
            self._requests.append(request)
            self._raw += _bytes_of(request)
            trouble = self._troubles.pop(0) if self._troubles else None
            if trouble is not None:
                self._met.append(trouble)
            answer = None if trouble and not trouble.handled else self._answer(request)
        return answer, trouble


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, or did not like our certificate, is no error of ours."""
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError):
            super().handle_error(request, client_address)


def _handler_of(server: LocalServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        wbufsize = -1  # one packet for headers and body: two would cost 40 ms by Nagle's algorithm

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = gzip.decompress(raw) if self.headers.get("Content-Encoding") == "gzip" else raw
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer, trouble = server.answer(
                Request(method=self.command, path=self.path, headers=headers, body=body)
            )
            if trouble is not None:
                trouble.begun.set()
                if trouble.released:
                    trouble.released.wait(LONGEST_HANG)
                if not trouble.status:
                    return self._hang_up()
                answer = Answer(status=trouble.status, body=trouble.body, headers=trouble.headers)
            assert answer is not None
            return self._respond(answer)

        do_GET = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_POST

        def _respond(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def _hang_up(self) -> None:
            self.close_connection = True
            try:
                self.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # the client was first

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are kept; standard error stays clean."""

    return Handler


def _bytes_of(request: Request) -> list[bytes]:
    seen = [f"{request.method} {request.path}".encode(), repr(dict(request.headers)).encode(), request.body]
    try:
        seen.append(json.dumps(request.json, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    except ValueError:
        return seen  # no JSON
    return seen


def http_failures(
    server: LocalServer,
    make: Callable[[str, float], Notifier],
    *,
    without: tuple[Failure, ...] = (),
    unauthorised: Trouble | None = None,
) -> Mapping[Failure, Callable[[], Notifier]]:
    """What any sink that speaks HTTP can meet.

    Args:
        make: the notifier for a server's address and a time to wait for an answer.
        without: failures that the kind cannot meet.
        unauthorised: how the sink refuses a token; 401 unless said otherwise.
    """

    def meeting(trouble: Callable[[], Trouble], timeout: float = 5.0) -> Callable[[], Notifier]:
        def arranged() -> Notifier:
            server.next(trouble())
            return make(server.url, timeout)

        return arranged

    def with_another_hosts_certificate() -> Notifier:
        other = LocalServer(lambda request: Answer(), certificate_of="elsewhere.test")
        server.beside(other)
        return make(other.url, 5.0)

    failures = {
        Failure.RATE_LIMITED: meeting(lambda: rate_limited(RETRY_AFTER)),
        Failure.BROKEN: meeting(lambda: server_error(500)),
        Failure.SILENT: meeting(hang, TIMEOUT),
        Failure.DROPPED: meeting(dropped),
        Failure.UNAUTHORISED: meeting(lambda: unauthorised or Trouble(status=401, body=b"{}")),
        Failure.UNREACHABLE: lambda: make(f"http://127.0.0.1:{unused_port()}", 5.0),
        Failure.WRONG_CERTIFICATE: with_another_hosts_certificate,
    }
    return {failure: arrange for failure, arrange in failures.items() if failure not in without}


def unused_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
