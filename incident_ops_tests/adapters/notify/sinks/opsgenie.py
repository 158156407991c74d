"""Jira Service Management and Opsgenie, on a stand-in with the alert API's limits."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from incident_ops.adapters.notify.opsgenie import OpsgenieNotifier
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify.local_server import (
    Answer,
    LocalServer,
    Request,
    http_failures,
    json_answer,
)
from incident_ops_tests.adapters.notify.sinks import Opening, Sink

API_KEY = "eb243592-faa2-4ba2-a551-1afdf565c889"
_LONGEST = {
    "message": 130,
    "alias": 512,
    "description": 15_000,
    "entity": 512,
    "source": 100,
    "note": 25_000,
    "user": 100,
}
_FIELDS = {*_LONGEST, "tags", "details", "priority"}
_OF_AN_INTEGRATION = {"acknowledge", "close", "notes"}


class Alerts:
    """Alerts by alias; one that is created again joins the one that is open.

    Args:
        reads: Opsgenie; without it the API lets a key create, acknowledge, close and note, and nothing else.
    """

    def __init__(self, *, reads: bool) -> None:
        self._reads = reads
        self.alerts: list[dict[str, Any]] = []

    def answer(self, request: Request) -> Answer:
        parts = urlsplit(request.path)
        if request.headers.get("authorization") != f"GenieKey {API_KEY}":
            return json_answer({"message": "Could not authenticate"}, status=401)
        steps = [unquote(step) for step in parts.path.removeprefix("/v2/alerts").split("/")[1:]]
        if steps[:1] == ["requests"]:
            return json_answer({"message": "Request not found", "requestId": "r-0"}, status=404)
        if request.method == "POST" and not steps:
            return self._create(request.json)
        if dict(parse_qsl(parts.query)).get("identifierType") != "alias":
            return json_answer({"message": "Identifier is not an id"}, status=422)
        alias, action = steps[0], (steps[1] if len(steps) > 1 else "")
        if request.method == "POST" and (self._reads or action in _OF_AN_INTEGRATION):
            return self._act(self.of(alias), action, request.json)
        if not self._reads:
            return json_answer({"message": "No such endpoint"}, status=404)
        alert = self.of(alias)
        if alert is None:
            return json_answer({"message": "Alert not found"}, status=404)
        if request.method == "PUT":
            return _refusal(request.json) or self._put(alert, action, request.json)
        return json_answer({"data": [{"note": note} for note in alert["notes"]] if action == "notes" else alert})

    def of(self, alias: str) -> dict[str, Any] | None:
        """The open alert of that name, else the latest."""
        named = [alert for alert in self.alerts if alert["alias"] == alias]
        return next((alert for alert in named if alert["status"] == "open"), named[-1] if named else None)

    def _create(self, value: dict[str, Any]) -> Answer:
        refusal = _refusal(value)
        if refusal is not None:
            return refusal
        if "message" not in value:
            return json_answer({"message": "Message can not be empty"}, status=422)
        former = self.of(value["alias"])
        if former is not None and former["status"] == "open":
            former["count"] += 1
            former["activity"].append(value)
        else:
            new = {"status": "open", "acknowledged": False, "count": 1, "notes": [], "activity": []}
            self.alerts.append(value | new)
        return _accepted()

    def _put(self, alert: dict[str, Any], name: str, value: dict[str, Any]) -> Answer:
        alert[name] = value[name]
        return _accepted()

    def _act(self, alert: dict[str, Any] | None, action: str, value: dict[str, Any]) -> Answer:
        """Asynchronous, so that nobody hears that the alert is not there."""
        refusal = _refusal(value)
        if refusal is not None or alert is None:
            return refusal or _accepted()
        if action == "notes":
            alert["notes"].append(value["note"])
        elif action == "close":
            alert["status"] = "closed"
        elif action in ("acknowledge", "unacknowledge"):
            alert["acknowledged"] = action == "acknowledge"
        return _accepted()


def _refusal(value: dict[str, Any]) -> Answer | None:
    wrong = [name for name, longest in _LONGEST.items() if len(value.get(name, "")) > longest]
    wrong += [name for name in value if name not in _FIELDS]
    tags, details = value.get("tags", []), value.get("details", {})
    wrong += ["tags"] if len(tags) > 20 or any(len(tag) > 50 for tag in tags) else []
    wrong += (
        ["an empty detail"] if not all(name.strip() and text.strip() for name, text in details.items()) else []
    )
    wrong += ["an empty tag"] if not all(tag.strip() for tag in tags) else []
    wrong += ["details"] if sum(len(name) + len(text) for name, text in details.items()) > 8_000 else []
    wrong += ["priority"] if value.get("priority", "P1") not in ("P1", "P2", "P3", "P4", "P5") else []
    return json_answer({"message": f"not valid: {', '.join(wrong)}"}, status=422) if wrong else None


def _accepted() -> Answer:
    return json_answer({"result": "Request will be processed", "took": 0.1, "requestId": "r-1"}, status=202)


def notifier_at(url: str, timeout: float = 5.0, *, kind: Literal["jsm", "opsgenie"] = "jsm") -> OpsgenieNotifier:
    return OpsgenieNotifier(
        kind=kind, receiver="war-room", url=f"{url}/v2", api_key=API_KEY, origin="prod/7f3a", timeout=timeout
    )


@contextmanager
def _sink(kind: Literal["jsm", "opsgenie"]) -> Iterator[Sink]:
    stand_in = Alerts(reads=kind == "opsgenie")
    make = partial(notifier_at, kind=kind)

    def posts() -> list[str]:
        texts = [json.dumps(alert, ensure_ascii=False) for alert in stand_in.alerts if alert["status"] == "open"]
        closed = {alert["alias"]: alert for alert in stand_in.alerts if alert["status"] == "closed"}
        opened = {alert["alias"] for alert in stand_in.alerts if alert["status"] == "open"}
        return texts + [f"resolved: {alert}" for alias, alert in closed.items() if alias not in opened]

    def replies(alias: str) -> list[str]:
        alert = stand_in.of(alias)
        return alert["notes"] if alert else []

    with LocalServer(stand_in.answer) as server:
        yield Sink(
            notifier=make(server.url),
            destination=Destination(kind=kind, address="war-room"),
            posts=posts,
            replies=replies,
            sent=server.sent,
            secrets=(API_KEY,),
            failing=http_failures(server, make),
        )


def jsm() -> AbstractContextManager[Sink]:
    return _sink("jsm")


def opsgenie() -> AbstractContextManager[Sink]:
    return _sink("opsgenie")


SINKS: dict[str, Opening] = {"jsm": jsm, "opsgenie": opsgenie}
