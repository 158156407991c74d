"""Alertmanager, on a stand-in that takes an alert for its labels and forgets what is over."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from incident_ops.adapters.notify.alertmanager import AlertmanagerNotifier
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify.local_server import (
    Answer,
    LocalServer,
    Request,
    http_failures,
    json_answer,
)
from incident_ops_tests.adapters.notify.schemas import violations
from incident_ops_tests.adapters.notify.sinks import Opening, Sink
from incident_ops_tests.builders import minutes

TOKEN = "am-t0ken-very-secret"


class Alerts:
    """The alerts by their labels. Of one that is sent again the text is replaced, and its end if that is later or
    the alert is over with it."""

    def __init__(self, clock: Callable[[], datetime], token: str | None = None) -> None:
        self._clock = clock
        self._token = token
        self._kept: dict[str, dict[str, Any]] = {}

    @property
    def firing(self) -> list[dict[str, Any]]:
        return [alert for alert in self._kept.values() if _at(alert["endsAt"]) > self._clock()]

    @property
    def ever(self) -> list[dict[str, Any]]:
        return list(self._kept.values())

    def answer(self, request: Request) -> Answer:
        parts = urlsplit(request.path)
        if self._token is not None and request.headers.get("authorization") != f"Bearer {self._token}":
            return Answer(status=401, body=b"Unauthorized")
        if (request.method, parts.path) == ("GET", "/api/v2/status"):
            return json_answer({"versionInfo": {"version": "0.25.0"}})
        if parts.path != "/api/v2/alerts":
            return Answer(status=404, body=b"path was not found")
        if request.method == "GET":
            return json_answer(self._found([text for name, text in parse_qsl(parts.query) if name == "filter"]))
        return self._post(request.json)

    def _post(self, alerts: list[dict[str, Any]]) -> Answer:
        wrong = violations("alertmanager_v2", alerts)
        wrong += [
            "start time must be before end time"
            for alert in alerts
            if not wrong and _at(alert["startsAt"]) > _at(alert["endsAt"])
        ]
        if wrong:
            return json_answer("; ".join(wrong), status=400)
        for alert in alerts:
            name = json.dumps(alert["labels"], sort_keys=True)
            former = self._kept.get(name)
            is_over = _at(alert["endsAt"]) <= self._clock()
            if former is not None and not is_over:
                alert = {**alert, "startsAt": min(former["startsAt"], alert["startsAt"], key=_at)}
                alert["endsAt"] = max(former["endsAt"], alert["endsAt"], key=_at)
            self._kept[name] = alert
        return Answer()

    def _found(self, filters: list[str]) -> list[dict[str, Any]]:
        wanted = [re.fullmatch(r'(\w+)="((?:\\.|[^"\\])*)"', each) for each in filters]
        assert all(wanted), f"filters that cannot be parsed: {filters}"
        pairs = [(each[1], each[2].replace('\\"', '"').replace("\\\\", "\\")) for each in wanted if each]
        return [alert for alert in self.firing if all(alert["labels"].get(name) == text for name, text in pairs)]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def notifier_at(
    url: str, timeout: float = 5.0, *, clock: Callable[[], datetime] = lambda: minutes(100)
) -> AlertmanagerNotifier:
    return AlertmanagerNotifier(
        receiver="ops",
        url=url,
        token=TOKEN,
        user=None,
        password=None,
        origin='prod "eu"/7f3a',
        clock=clock,
        timeout=timeout,
    )


@contextmanager
def alertmanager() -> Iterator[Sink]:
    alerts = Alerts(lambda: minutes(100), TOKEN)
    with LocalServer(alerts.answer) as server:
        yield Sink(
            notifier=notifier_at(server.url),
            destination=Destination(kind="alertmanager", address="ops"),
            posts=lambda: [json.dumps(alert, ensure_ascii=False) for alert in alerts.ever],
            sent=server.sent,
            secrets=(TOKEN,),
            failing=http_failures(server, notifier_at),
        )


SINKS: dict[str, Opening] = {"alertmanager": alertmanager}
