"""Alertmanager as a sink: one alert an open incident, pushed to the API v2 (`POST /api/v2/alerts`), so that
whatever reads Alertmanager (Grafana, Karma, amtool) shows our incidents.

An alert there *is* its labels: change one, and it is another alert. Ours change (the severity, the owner), so
after each push the alerts of the same incident with other labels are looked for and ended. An alert also fades: it
is over at its `endsAt` unless it is sent again before. Ours are sent again every two minutes and last ten, so that
an incident_ops that is dead leaves no alerts behind.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from incident_ops.adapters.notify.alert_keys import alert_key, is_post
from incident_ops.adapters.notify.http import Api, basic, host_of
from incident_ops.adapters.notify.http_outcomes import Sink
from incident_ops.adapters.notify.shortened import first_of, short, short_line, web_links
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.incident import Incident
from incident_ops.core.message import Message
from incident_ops.core.record import utc_text
from incident_ops.core.routing import Destination

REPEATED_EVERY = timedelta(minutes=2)
LASTS = 5 * REPEATED_EVERY
"""Of an alert that is not sent again: four repeats may fail before it is over."""

MESSAGE_LASTS = timedelta(minutes=15)
"""Of a message that is no incident's alert (a digest, a question): nobody ends it."""

MOST_LABELS, LONGEST_LABEL, LONGEST_ANNOTATION = 40, 300, 4_000
ALERTS_OF_A_PUSH = 100

_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_]")
_OURS = ("alertname", "incident", "origin", "message")
_SHOWN_ELSEWHERE = ("status", "root", "cause_class", "source")  # as annotations, or said already
_REMEDIES = {
    404: "there is no Alertmanager with the API v2 at this address; check the url",
    405: "there is no Alertmanager with the API v2 at this address; check the url",
}

Labels = Mapping[str, str]


class AlertmanagerNotifier:
    """Notifier with `CanUpdate`, `CanCheck` and `Fades`. Receipts hold the receiver's name and the incident's key
    `incident_ops/<origin>/INC-7`, or for other messages `incident_ops/<origin>/<delivery's key>`.

    Labels: `alertname` (`IncidentOpsFreshness` by nature; `IncidentOpsMessage` for what is no incident),
    `incident` (`INC-7`), `origin`, `severity` (`SEV1`), `priority`, `nature` and those of the incident's labels
    that are known (`owner`, `team`, `asset`, `check`, `environment`, `tag_…`). The status is an annotation: as a
    label each acknowledgement would be an alert that ends and another that begins. Annotations besides: `summary`,
    `description`, `runbook_url`, `dashboard`. The same alert sent again is the same alert, so that nothing needs
    to be looked up when an answer was lost.

    Args:
        receiver: its name in the configuration.
        url: of Alertmanager, with its route prefix if it has one.
        token: a bearer's; otherwise `user` and `password` are for basic authentication.
        origin: `<environment>/<installation id>`.
        clock: the time now, aware, in UTC.
        timeout: seconds to connect, and to wait for an answer.
    """

    kind: str = "alertmanager"

    def __init__(
        self,
        *,
        receiver: str,
        url: str,
        token: str | None,
        user: str | None,
        password: str | None,
        origin: str,
        clock: Callable[[], datetime],
        timeout: float = 10,
    ) -> None:
        self._receiver, self._origin, self._clock = receiver, origin, clock
        name = f"Alertmanager (receiver {receiver})"
        authorization = f"Bearer {token}" if token else basic(user, password or "") if user else None
        self._api = Api(
            sink=Sink(name=name, host=host_of(url), remedies=_REMEDIES),
            url=url,
            authorization=authorization,
            timeout=timeout,
            said=lambda body: str(body.get("message", "")) if isinstance(body, dict) else str(body),
        )

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        name = self._name(message, key)
        if message.about is not None and is_post(key):
            self._show(message, message.about)
        else:
            self._push([self._message_alert(message, name)], what="a message")
        return Receipt(channel=self._receiver, message=name)

    def update(self, receipt: Receipt, message: Message, *, key: str) -> None:
        incident = message.about
        if incident is not None and receipt.message == self._name(message, f"{incident.id}:post:"):
            self._show(message, incident)
        else:
            self._push([self._message_alert(message, receipt.message)], what="a message")

    @property
    def every(self) -> timedelta:
        return REPEATED_EVERY

    def repeat(self, messages: Sequence[Message]) -> None:
        alerts = [
            self._alert(message, message.about)
            for message in messages
            if message.about is not None and message.about.is_open
        ]
        for first in range(0, len(alerts), ALERTS_OF_A_PUSH):
            self._push(alerts[first : first + ALERTS_OF_A_PUSH], what="open incidents")

    def check(self, destination: Destination) -> None:
        """Asks for the version, which needs the same rights as a push."""
        status = self._api.ask_json("GET", "/api/v2/status", what="the question for its version")
        if not isinstance(status, dict) or "versionInfo" not in status:
            problem = f"Alertmanager (receiver {self._receiver}) did not tell its version"
            raise TransportError(f"{problem}; check that its url leads to an Alertmanager", needs_person=True)

    def _show(self, message: Message, incident: Incident) -> None:
        alert = self._alert(message, incident)
        self._push([alert], what=f"the alert of {incident.id}")
        former = [
            {"labels": shown["labels"], "startsAt": shown["startsAt"], "endsAt": self._over(shown["startsAt"])}
            for shown in self._shown(incident)
            if shown["labels"] != alert["labels"]
        ]
        if former:
            self._push(former, what=f"the end of former alerts of {incident.id}")

    def _shown(self, incident: Incident) -> list[dict[str, Any]]:
        """The incident's alerts that are not over, as Alertmanager has them."""
        filters = (("incident", incident.id), ("origin", _value(self._origin)))
        shown = self._api.ask_json(
            "GET",
            "/api/v2/alerts",
            what=f"the question for alerts of {incident.id}",
            query=[("filter", f"{name}={_quoted(value)}") for name, value in filters],
        )
        return [
            one
            for one in shown
            if isinstance(one, dict)
            and isinstance(one.get("labels"), dict)
            and isinstance(one.get("startsAt"), str)
        ]

    def _push(self, alerts: Sequence[Mapping[str, Any]], *, what: str) -> None:
        self._api.ask("POST", "/api/v2/alerts", what=what, value=alerts, adds=True)

    def _over(self, begun: str) -> str | None:
        """Now, or the alert's beginning where that is later: an end before it is refused."""
        now = self._clock()
        try:
            begins = datetime.fromisoformat(begun)
        except ValueError:
            return utc_text(now)
        return utc_text(max(now, begins) if begins.tzinfo else now)

    def _alert(self, message: Message, incident: Incident) -> dict[str, Any]:
        now = self._clock()
        begins = min(incident.started_at, now)
        ends = now + LASTS if incident.is_open else max(incident.resolved_at or now, begins)
        return alert_of(message, labels_of(incident, self._origin), begins=begins, ends=ends)

    def _name(self, message: Message, key: str) -> str:
        return alert_key(message, key=key, origin=self._origin, longest=LONGEST_LABEL)

    def _message_alert(self, message: Message, name: str) -> dict[str, Any]:
        labels = {"alertname": "IncidentOpsMessage", "origin": _value(self._origin), "message": _value(name)}
        if message.about is not None:
            labels |= {"about": message.about.id, "severity": str(message.about.severity)}
        now = self._clock()
        return alert_of(message, labels, begins=now, ends=now + MESSAGE_LASTS)


def labels_of(incident: Incident, origin: str) -> Labels:
    """The labels by which Alertmanager knows the incident; names are legal, values not empty. Pure."""
    labels = {
        "alertname": f"IncidentOps{''.join(part.capitalize() for part in str(incident.nature).split('_'))}",
        "incident": incident.id,
        "origin": _value(origin),
    }
    for name, value in incident.current_labels.items():
        legal = _name(name)
        if len(labels) < MOST_LABELS and name not in _SHOWN_ELSEWHERE and legal not in (*_OURS, *labels):
            labels |= {legal: shown} if (shown := _value(value)) else {}
    for name in ("severity", "priority", "nature"):  # whatever else there are too many of
        labels[name] = incident.current_labels[name]
    return labels


def alert_of(message: Message, labels: Labels, *, begins: datetime, ends: datetime) -> dict[str, Any]:
    """A `postableAlert` of the API v2. Pure."""
    links = web_links(message.links, 10)
    annotations = {
        "summary": short_line(message.headline, 300),
        "description": short(_description(message), LONGEST_ANNOTATION),
        "status": str(message.about.status) if message.about is not None else "",
        "runbook_url": next((link.url for link in links if link.label == "Runbook"), ""),
        "dashboard": links[0].url if links else "",
    }
    alert: dict[str, Any] = {
        "labels": dict(labels),
        "annotations": {name: value for name, value in annotations.items() if value},
        "startsAt": utc_text(begins),
        "endsAt": utc_text(ends),
    }
    if links:
        alert["generatorURL"] = links[0].url
    return alert


def _description(message: Message) -> str:
    lines = [short(message.summary, 2_000), short(message.note, 500)]
    lines += [f"{short_line(label, 60)}: {short_line(value, 300)}" for label, value in message.facts[:30]]
    for heading, items in message.lists[:5]:
        lines += [f"{short_line(heading, 60)}:", *(f"- {item}" for item in first_of(items, 20, limit=200))]
    return "\n".join(line for line in lines if line)


def _name(name: str) -> str:
    """`tag:incident_ops/tier` as a name that Prometheus allows: `tag_incident_ops_tier`."""
    legal = _NOT_IN_A_NAME.sub("_", name)[:100]
    return legal if legal and not legal[0].isdigit() else f"_{legal}"


def _value(text: str) -> str:
    return short_line(text, LONGEST_LABEL)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
