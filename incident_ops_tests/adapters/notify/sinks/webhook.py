"""A webhook, on a stand-in that verifies signatures, validates events and drops those that it has seen."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from incident_ops.adapters.notify.webhook import WebhookNotifier
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify.local_server import Answer, LocalServer, Request, http_failures
from incident_ops_tests.adapters.notify.schemas import violations
from incident_ops_tests.adapters.notify.sinks import Opening, Sink
from incident_ops_tests.builders import minutes

SECRET = f"whsec_{base64.b64encode(b'a key of thirty-two bytes length').decode()}"
PATH = "/hooks/T0P-SECRET-PATH"
PASSWORD = "pa55-of-the-hook"
NOW = minutes(100)


class Consumer:
    """What somebody who reads our events knows: the incidents as they were told last, and messages.

    Attributes:
        events: that were accepted, without those that came again.
    """

    def __init__(self, secret: str | None = SECRET) -> None:
        self._key = base64.b64decode(secret.removeprefix("whsec_")) if secret else None
        self.events: dict[tuple[str, str], dict[str, Any]] = {}

    def answer(self, request: Request) -> Answer:
        if self._key is not None and not self._is_ours(request):
            return Answer(status=401)
        if request.headers["content-type"].partition(";")[0] != "application/cloudevents+json":
            return Answer(status=415)
        wrong = violations("cloudevents_1_0_2", request.json)
        if wrong or len(request.body) > 65_536:
            return Answer(status=400, body=f"{len(request.body)} bytes, {wrong}".encode())
        self.events.setdefault((request.json["source"], request.json["id"]), request.json)
        return Answer(status=202)

    def _is_ours(self, request: Request) -> bool:
        assert self._key is not None
        headers = request.headers
        if abs(int(headers["webhook-timestamp"]) - NOW.timestamp()) > 300:
            return False
        text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
        expected = base64.b64encode(hmac.new(self._key, text, hashlib.sha256).digest()).decode()
        is_signed = any(
            hmac.compare_digest(f"v1,{expected}", each) for each in headers["webhook-signature"].split()
        )
        return is_signed and headers["webhook-id"] == request.json["id"]

    @property
    def posts(self) -> list[str]:
        latest: dict[str, str] = {}
        for event in self.events.values():
            if event["type"] != "incident_ops.incident.note":
                is_incident = event["type"].startswith("incident_ops.incident.")
                name = event["subject"] if is_incident else event["id"]
                latest[name] = json.dumps(event["data"], ensure_ascii=False)
        return list(latest.values())

    def notes_on(self, subject: str) -> list[str]:
        notes = [event for event in self.events.values() if event["type"] == "incident_ops.incident.note"]
        return [event["data"]["text"] for event in notes if event["subject"] == subject]


def notifier_at(
    url: str, timeout: float = 5.0, *, private: bool = True, secret: str | None = SECRET
) -> WebhookNotifier:
    return WebhookNotifier(
        receiver="war-room",
        url=f"{url.replace('://', f'://hook:{PASSWORD}@')}{PATH}",
        secret=secret,
        private=private,
        origin="prod eu/7f3a",
        clock=lambda: NOW,
        timeout=timeout,
    )


@contextmanager
def webhook() -> Iterator[Sink]:
    consumer = Consumer()
    with LocalServer(consumer.answer) as server:
        yield Sink(
            notifier=notifier_at(server.url),
            destination=Destination(kind="webhook", address="war-room"),
            posts=lambda: consumer.posts,
            replies=lambda key: consumer.notes_on(key.partition(":")[0]),
            sent=server.sent,
            secrets=(SECRET, PATH, PASSWORD),
            failing=http_failures(server, notifier_at),
        )


SINKS: dict[str, Opening] = {"webhook": webhook}
