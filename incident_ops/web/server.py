"""Uvicorn around the application: on a socket of our own, quiet, and gone within seconds of being asked."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from incident_ops.core.errors import ConfigError

LAST_ANSWERS = 3  # seconds that requests under way have at the end
_STOPPING = (signal.SIGINT, signal.SIGTERM)


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound and can be served on; port 0 takes a free one.

    Raises:
        ConfigError: nobody can listen there; the sentence says why.
    """
    place = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError, OverflowError) as error:
        raise ConfigError([f'"{host}" is no address of this machine; correct --host.']) from error
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()  # what comes before we are ready waits
    except OSError as error:
        bound.close()
        sentence = f"nobody can listen on {place} ({error.strerror}); choose another --host or --port."
        raise ConfigError([sentence]) from error
    return bound


def address_of(bound: socket.socket) -> str:
    """The URL under which the socket is reached."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if bound.family == socket.AF_INET6 else f"http://{host}:{port}"


class WebServer:
    """Serves until `stop` is called or, in the main thread, SIGINT or SIGTERM comes."""

    def __init__(self, app: ASGIApp, bound: socket.socket) -> None:
        self._bound = bound
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="warning",
                access_log=False,  # it would go to standard output, and nobody reads it
                server_header=False,
                proxy_headers=False,
                ws="none",
                timeout_graceful_shutdown=LAST_ANSWERS,
                limit_concurrency=1_000,  # connections, idle ones too
            )
        )

    @property
    def is_ready(self) -> bool:
        return self._server.started

    def run(self) -> None:
        with self._bound, self._stopped_by_signals():
            self._server.run(sockets=[self._bound])

    def stop(self) -> None:
        """Returns at once; `run` returns when the last requests are answered."""
        self._server.should_exit = True

    @contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        """Being told to stop is no error. Uvicorn raises at its end what it caught, for these handlers."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, lambda *_: self.stop()) for number in _STOPPING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
