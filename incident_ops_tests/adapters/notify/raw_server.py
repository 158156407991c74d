"""A server that answers one request with given bytes: for methods and answers that no proper server has."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def raw_server(answer: bytes, *, stays: bool = False) -> Iterator[tuple[str, list[bytes]]]:
    """Its address, and what arrived.

    Args:
        stays: the connection is left open until the end.
    """
    received: list[bytes] = []
    leave = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                received.append(connection.recv(65_536))
                connection.sendall(answer)
                if stays:
                    leave.wait(30)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", received
        leave.set()
        thread.join(30)
