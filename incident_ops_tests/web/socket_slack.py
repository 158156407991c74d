"""Slack with Socket Mode: the stand-in's HTTP, and a WebSocket server to which it leads who asks."""

import json
import queue
import threading
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from incident_ops_tests.fake_slack import FakeSlack
from incident_ops_tests.waiting import wait_until

Json = dict[str, Any]
APP_TOKEN = "xapp-1-fake"
SECONDS = 15.0


class SocketSlack(FakeSlack):
    """
    Attributes:
        connections: those that were opened, in order, closed ones included.
        refuses: an error's name that the next `apps.connections.open` are answered with, or empty.
        leads_to: the address that is named instead of our own.
    """

    def __init__(self, **anything: Any) -> None:
        super().__init__(**anything)
        self.connections: list[ServerConnection] = []
        self.refuses = ""
        self.leads_to = ""
        self._answers: queue.Queue[Json] = queue.Queue()
        self._server_of_sockets: Server = serve(self._serve, "127.0.0.1", 0)
        self._listening = threading.Thread(target=self._server_of_sockets.serve_forever, daemon=True)

    def start(self) -> Self:
        self._listening.start()
        return super().start()

    def stop(self) -> None:
        self._server_of_sockets.shutdown()
        for connection in self.connections:
            connection.close()
        self._listening.join(SECONDS)
        super().stop()

    def _handle(self, method: str, body: Json, token: str | None) -> Json:
        if method != "apps.connections.open":
            return super()._handle(method, body, token)
        if token != APP_TOKEN or self.refuses:
            return {"ok": False, "error": self.refuses or "invalid_auth"}
        port = self._server_of_sockets.socket.getsockname()[1]
        return {"ok": True, "url": self.leads_to or f"ws://127.0.0.1:{port}/link/?ticket=secret-ticket"}

    def _serve(self, connection: ServerConnection) -> None:
        connection.send(json.dumps({"type": "hello", "num_connections": 1}))
        self.connections.append(connection)
        try:
            for message in connection:
                self._answers.put(json.loads(message))
        except ConnectionClosed:
            return

    # what the test does

    def wait_for_connection(self, number: int = 1) -> None:
        wait_until(lambda: len(self.connections) >= number, SECONDS, f"connection {number}", pause=0.02)

    def asks(self, type: str, payload: Json, *, id: str = "e-1", accepts: bool = True) -> Json:
        """Sends an envelope over the newest connection and waits for the acknowledgement."""
        self.sends({"type": type, "envelope_id": id, "payload": payload, "accepts_response_payload": accepts})
        return self._answers.get(timeout=SECONDS)

    def sends(self, envelope: Json) -> None:
        self.connections[-1].send(json.dumps(envelope))
