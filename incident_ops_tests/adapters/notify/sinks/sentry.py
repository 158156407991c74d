"""Sentry, on a stand-in that takes envelopes apart and keeps events by their id."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import jsonschema

from incident_ops.adapters.notify.sentry import SentryNotifier
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify.local_server import (
    Answer,
    LocalServer,
    Request,
    http_failures,
    json_answer,
)
from incident_ops_tests.adapters.notify.sinks import Opening, Sink

PUBLIC_KEY = "5ecre7ba5e64a1b2c3d4e5f60718293a"
LARGEST_EVENT = 1_000_000

# After develop.sentry.dev, "Event Payloads" and "Data Handling": only what we use is allowed.
SCHEMA = {
    "type": "object",
    "required": ["event_id", "platform", "level", "logentry", "fingerprint"],
    "additionalProperties": False,
    "properties": {
        "event_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "timestamp": {"type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d"},
        "platform": {"const": "other"},
        "level": {"enum": ["fatal", "error", "warning", "info", "debug"]},
        "logger": {"type": "string", "maxLength": 64},
        "environment": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[^\\s/]+$"},
        "logentry": {
            "type": "object",
            "required": ["formatted"],
            "properties": {"formatted": {"type": "string", "minLength": 1, "maxLength": 8_192}},
        },
        "fingerprint": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 255}},
        "tags": {
            "type": "object",
            "propertyNames": {"pattern": "^[A-Za-z0-9_.:-]{1,32}$"},
            "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[^\\n]+$"},
        },
        "contexts": {"type": "object", "additionalProperties": {"type": "object"}},
        "extra": {"type": "object"},
        "exception": {
            "type": "object",
            "required": ["values"],
            "properties": {
                "values": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["type", "value"],
                        "properties": {
                            "type": {"type": "string", "minLength": 1, "maxLength": 128},
                            "value": {"type": "string", "maxLength": 8_192},
                        },
                    },
                }
            },
        },
    },
}
_VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


class Project:
    """`events` are those that Sentry would keep."""

    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}

    def answer(self, request: Request) -> Answer:
        if request.path != "/api/42/envelope/":
            return json_answer({"detail": "not found"}, 404)
        if f"sentry_key={PUBLIC_KEY}," not in request.headers.get("x-sentry-auth", ""):
            return json_answer({"detail": "missing authorization information"}, 403)
        head, item, payload = request.body.rstrip(b"\n").split(b"\n", 2)
        event, described = json.loads(payload), json.loads(item)
        problems = [f"{'.'.join(map(str, e.path))} {e.message[:100]}" for e in _VALIDATOR.iter_errors(event)]
        if described["type"] != "event" or described["length"] != len(payload):
            problems.append("not an event")
        if problems or json.loads(head)["event_id"] != event["event_id"]:
            return json_answer({"detail": "invalid event", "causes": problems}, 400)
        if len(payload) > LARGEST_EVENT:
            return Answer(status=413)
        self.events.setdefault(event["event_id"], event)
        return json_answer({"id": event["event_id"]})


def notifier_at(url: str, timeout: float = 5.0) -> SentryNotifier:
    dsn = re.sub("//", f"//{PUBLIC_KEY}@", f"{urlsplit(url).geturl()}/42", count=1)
    return SentryNotifier(receiver="errors", dsn=dsn, environment="prod", origin="prod/7f3a", timeout=timeout)


@contextmanager
def sentry() -> Iterator[Sink]:
    project = Project()
    with LocalServer(project.answer) as server:
        yield Sink(
            notifier=notifier_at(server.url),
            destination=Destination(kind="sentry", address="errors"),
            posts=lambda: [json.dumps(event, ensure_ascii=False) for event in project.events.values()],
            sent=server.sent,
            secrets=(PUBLIC_KEY,),
            failing=http_failures(server, notifier_at),
        )


SINKS: dict[str, Opening] = {"sentry": sentry}
