"""Sentry as a sink: an event for an incident, in an envelope of Sentry's own SDK.

Only the SDK's values are used. Its client sends in a thread of its own and keeps what became of it to itself; ours
is told. Fields and limits are those of develop.sentry.dev (SDK: Event Payloads, Envelopes, Data Handling).
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from sentry_sdk.envelope import Envelope
from sentry_sdk.utils import BadDsn, Dsn

from incident_ops.adapters.notify.alert_keys import alert_key
from incident_ops.adapters.notify.http import Api, host_of
from incident_ops.adapters.notify.http_outcomes import Sink, unusable
from incident_ops.adapters.notify.shortened import bounded, first_of, short, short_line
from incident_ops.core.alert import AlertKind
from incident_ops.core.delivery import Receipt
from incident_ops.core.incident import Incident
from incident_ops.core.message import Colour, Message
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Severity

LONGEST_TAG, LONGEST_TEXT, LONGEST_KEY = 200, 8_000, 255

_EVENTS = uuid.UUID("0b6ba0e6-6d0c-5f0e-9d55-2f0f3c1f6a51")  # any fixed one: the namespace of our event ids
_LEVELS = {
    Severity.SEV0: "fatal",
    Severity.SEV1: "error",
    Severity.SEV2: "warning",
    Severity.SEV3: "info",
}
_ERRORS = (AlertKind.RUN_FAILED, AlertKind.CHECK_ERRORED)
_ENDPOINT = "copy the DSN from the project's Client Keys again"
_TYPE = re.compile(r"(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w{0,99})(?=:)")


class SentryNotifier:
    """Notifier. Receipts hold the receiver's name and the event's id.

    An incident that carries an error of a run becomes an error event, which Sentry groups by the error's
    signature: the same error of two incidents is one issue there. Any other incident that is routed here becomes a
    message event of its own group, as does every other message: what is sent here is seen here. Events cannot be
    changed: what happens to the incident later is not told, and its links lead to it. An event that is sent twice
    has the same id and is kept once.

    Args:
        receiver: its name in the configuration.
        dsn: of a project; a secret.
        origin: `<environment>/<installation id>`.
        timeout: seconds to connect, and to wait for an answer.
    """

    kind: str = "sentry"

    def __init__(self, *, receiver: str, dsn: str, environment: str, origin: str, timeout: float = 10) -> None:
        self._environment, self._origin = environment, origin
        self._dsn = _read(dsn)
        url = self._dsn.to_auth().get_api_url() if self._dsn else ""
        unknown = f"the project or its key is not known; {_ENDPOINT}"
        self._sink = Sink(
            name=f'Sentry of receiver "{receiver}"',
            host=host_of(url),
            remedies={401: unknown, 403: unknown, 404: unknown},
        )
        self._api = Api(sink=self._sink, url=url, timeout=timeout, said=_reason_in)

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        if self._dsn is None:
            raise unusable(self._sink)
        group = alert_key(message, key=key, origin=self._origin, longest=LONGEST_KEY)
        event_id = uuid.uuid5(_EVENTS, f"{self._origin} {key.encode('utf-8', 'backslashreplace')!r}").hex
        event = event_of(message, event_id=event_id, group=group, environment=self._environment)
        envelope = Envelope(headers={"event_id": event_id})
        envelope.add_event(event)  # pyright: ignore[reportArgumentType] - the SDK's type is a closed one
        headers = {
            "Content-Type": "application/x-sentry-envelope",
            "X-Sentry-Auth": self._dsn.to_auth("incident_ops").to_header(),
        }
        what = f"the event of {message.incident_id}" if message.incident_id else "the message"
        self._api.ask("POST", what=what, body=envelope.serialize(), headers=headers)
        return Receipt(channel=destination.address, message=event_id)


def event_of(message: Message, *, event_id: str, group: str, environment: str) -> dict[str, Any]:
    """The event's payload, well below the megabyte that Sentry takes. Pure."""
    incident, message = message.about, bounded(message)
    event: dict[str, Any] = {
        "event_id": event_id,
        "platform": "other",
        "logger": "incident_ops",
        "level": "info" if message.colour is Colour.BLUE else "error",
        "environment": re.sub(r"[\s/]", "-", short_line(environment, 64)) or "production",
        "logentry": {"formatted": short(f"{message.headline}\n{message.summary}", LONGEST_TEXT)},
        "fingerprint": ["incident_ops", group],
        "contexts": {
            "facts": {label or "–": value for label, value in message.facts},
            "links": {link.label: link.url for link in message.links},
        },
        "extra": _extra(message),
    }
    if incident is not None:
        event |= {
            "level": _LEVELS[incident.severity],
            "timestamp": incident.detected_at.isoformat(),
            "tags": _tags(incident),
        }
        if carries_an_error(incident):
            event["exception"] = {"values": [_exception(message)]}
            if incident.error_signature:
                event["fingerprint"] = ["incident_ops", short_line(incident.error_signature, LONGEST_KEY)]
    return event


def carries_an_error(incident: Incident) -> bool:
    """Whether code of a run or of a check raised it, rather than data that was looked at."""
    return bool(incident.error_signature) or any(member.kind in _ERRORS for member in incident.members)


def _exception(message: Message) -> Mapping[str, Any]:
    """The error's text with its place, which Dagster gives as text. Its class stands before the first colon."""
    text = message.detail or message.summary
    found = _TYPE.match(text) or _TYPE.match(message.summary)
    return {
        "type": found[1] if found else "RunFailed",
        "value": short(text, LONGEST_TEXT),
        "mechanism": {"type": "incident_ops", "handled": False},
    }


def _tags(incident: Incident) -> Mapping[str, str]:
    asset = incident.root.subject.asset
    tags = {
        "incident": incident.id,
        "asset": asset.key if asset else "",
        "owner": incident.owner or "unknown",
        "severity": str(incident.severity),
        "nature": str(incident.nature),
        "partition": incident.root.partition or "",
    }
    return {name: short_line(value, LONGEST_TAG) for name, value in tags.items() if value}


def _extra(message: Message) -> Mapping[str, Any]:
    extra: dict[str, Any] = {heading: first_of(items, 50, limit=300) for heading, items in message.lists}
    if message.note:
        extra["note"] = message.note
    if message.detail:
        extra["detail"] = message.detail
    return extra


def _read(dsn: str) -> Dsn | None:
    try:
        return Dsn(dsn.strip())
    except (BadDsn, ValueError):  # its text quotes the DSN
        return None


def _reason_in(body: Any) -> str:
    """Sentry's own words: `detail`, and `causes` of an event that it cannot read."""
    return str(body.get("detail", "")) if isinstance(body, dict) else ""
