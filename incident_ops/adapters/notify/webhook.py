"""A webhook as a sink: CloudEvents 1.0 in structured mode, signed as Standard Webhooks asks.

What a receiver gets is a POST of `application/cloudevents+json` (github.com/cloudevents/spec, version 1.0.2):

- `id`: the delivery's key; unique with `source`, and the same when a try is repeated: drop what you have seen.
- `source`: `incident_ops/<environment>/<installation id>`.
- `type`: `incident_ops.incident.triggered`, `.acknowledged`, `.mitigated`, `.resolved`, `.updated` for the
  incident as it stands now, `.note` for a line of its story, `incident_ops.message` for what is said besides (a
  question, a digest). A type that names a status says that it is new as far as this process knows; which it is
  now is said by `data.incident.status`.
- `subject`: `INC-7`; missing for what is about no single incident.
- `time`: when the incident changed, or when the message was sent.
- `data.incident`: the incident as `incident-ops show` prints it; null for what is about none. `data.message`:
  `headline`, `summary`, `note`, `calls`, `facts`, `lists`, `links`, `detail`, as people read them. A note has
  `data.text`, and of the incident only `id`. Texts are plain, without control characters, and no markup is taken
  out of them: escape them for where you show them.
- `data.left_out`: what was cut so that the event has no more than 65,536 bytes, the size that everything that
  passes events on must bear: path in `data` → how many items or characters are missing.

With a `secret` the request is signed (github.com/standard-webhooks/standard-webhooks): headers `webhook-id` (the
event's id), `webhook-timestamp` (seconds since 1970) and `webhook-signature`. A receiver verifies so: refuse a
timestamp more than five minutes away; compute HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body as it
came>` with the secret as key; compare, in constant time, `v1,` and the result in base64 with each of the words in
`webhook-signature`; one must be equal. A secret that begins with `whsec_` is base64 after that, any other is taken
as it is, in UTF-8.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from incident_ops.adapters.notify.alert_keys import is_post
from incident_ops.adapters.notify.http import Api, host_of
from incident_ops.adapters.notify.http_addresses import Pins
from incident_ops.adapters.notify.http_outcomes import Sink
from incident_ops.adapters.notify.shortened import short, short_line
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.incident import Incident
from incident_ops.core.message import Message
from incident_ops.core.record import incident_record, utc_text
from incident_ops.core.routing import Destination
from incident_ops.core.status import Status

LARGEST_EVENT = 65_536
"""Bytes: "intermediaries MUST forward events of a size of 64 KiByte or less" (CloudEvents 1.0.2, Size Limits)."""

_MOST_KEPT = 10_000
_STEPS = ((500, 20_000), (100, 8_000), (50, 2_000), (20, 500), (8, 200), (3, 100))
"""Items of a list and characters of a text that are kept, tried in order until the event fits."""

_FREE = ("incident.labels", "incident.facts")  # objects with any number of names

_PREFIX = "whsec_"
_NAMES = {Status.CLOSED: "resolved"}
_REMEDIES = {
    404: "nothing takes webhooks at this address; check the url",
    405: "nothing takes webhooks at this address; check the url",
    410: "the webhook was taken down; remove it, or write its new url",
    401: "the receiving side does not accept the signature or the credentials; check the secret on both sides",
    403: "the receiving side does not accept the signature or the credentials; check the secret on both sides",
}
_NOT_ASKED_SO = (400, 404, 405, 411, 415, 422, 426, 500, 501)


class WebhookNotifier:
    """Notifier with `CanUpdate`, `CanReply` and `CanCheck`: everything is an event of its own. Receipts hold the
    receiver's name and the event's id.

    The address must be public unless `private` is set, and even then no metadata service (`http_addresses.py`).

    Args:
        receiver: its name in the configuration.
        secret: signs the events; without one they are not signed.
        private: addresses of our own network are meant.
        origin: `<environment>/<installation id>`.
        clock: the time now, aware, in UTC.
        timeout: seconds to connect, and to wait for an answer.
    """

    kind: str = "webhook"

    def __init__(
        self,
        *,
        receiver: str,
        url: str,
        secret: str | None,
        private: bool,
        origin: str,
        clock: Callable[[], datetime],
        timeout: float = 10,
    ) -> None:
        self._receiver, self._clock = receiver, clock
        self._source = quote(f"incident_ops/{origin}", safe="/")
        self._name = f"the webhook of receiver {receiver}"
        self._signing_key = signing_key(secret) if secret else None
        self._is_secret_unusable = bool(secret) and not self._signing_key
        self._told = told_at(self._source, receiver)
        sink = Sink(name=self._name, host=host_of(url), remedies=_REMEDIES)
        self._api = Api(sink=sink, url=url, pins=Pins(private=private), timeout=timeout)

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        if message.about is not None and is_post(key):
            self._told.pop(message.about.id, None)
            self._tell(message, message.about, key)
        else:
            subject = message.about.id if message.about is not None else None
            self._post(self._event(key, "message", subject, self._clock(), data_of(message)))
        return Receipt(channel=self._receiver, message=key)

    def update(self, receipt: Receipt, message: Message, *, key: str) -> None:
        if message.about is not None and is_post(receipt.message):
            self._tell(message, message.about, key)
        else:
            self._post(self._event(key, "message", None, self._clock(), data_of(message)))

    def reply(self, thread: Receipt, text: str, *, key: str, broadcast: bool) -> Receipt:
        number = thread.message.partition(":")[0]
        data = {"text": text, "incident": {"id": number}}
        self._post(self._event(key, "incident.note", number, self._clock(), data))
        return Receipt(channel=thread.channel, message=key)

    def check(self, destination: Destination) -> None:
        """Asks which methods are taken (OPTIONS), which shows nothing to anybody. To be told none is no fault."""
        if self._is_secret_unusable:
            raise self._bad_secret()
        self._api.ask("OPTIONS", what="the question for its methods", also=_NOT_ASKED_SO)

    # ---- events

    def _tell(self, message: Message, incident: Incident, key: str) -> None:
        stands = (incident.status, incident.reopened, incident.acknowledged_at)
        is_news = self._told.get(incident.id) != stands
        name = _NAMES.get(incident.status, str(incident.status)) if is_news else "updated"
        event = self._event(key, f"incident.{name}", incident.id, incident.updated_at, data_of(message))
        self._post(event)
        if len(self._told) >= _MOST_KEPT:
            self._told.clear()
        self._told[incident.id] = stands

    def _event(
        self, key: str, name: str, subject: str | None, at: datetime, data: Mapping[str, Any]
    ) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": id_of(key),
            "source": self._source,
            "type": f"incident_ops.{name}",
            **({"subject": subject} if subject else {}),
            "time": utc_text(at),
            "datacontenttype": "application/json",
            "data": data,
        }

    def _post(self, event: Mapping[str, Any]) -> None:
        if self._is_secret_unusable:
            raise self._bad_secret()
        body = body_of(event)
        headers = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
        if self._signing_key:
            headers |= signed(body, str(event["id"]), self._clock(), self._signing_key)
        self._api.ask("POST", what=f"the event {event['type']}", body=body, headers=headers, adds=True)

    def _bad_secret(self) -> TransportError:
        problem = f"{self._name} was not asked: its secret begins with {_PREFIX} and is not base64 after it"
        return TransportError(f"{problem}; copy it again", needs_person=True)


@lru_cache(maxsize=256)
def told_at(source: str, receiver: str) -> dict[str, tuple[Status, int, datetime | None]]:
    """How incidents stood when this process told of them last; notifiers come and go with every pass."""
    return {}


def data_of(message: Message) -> dict[str, Any]:
    """The event's data, not shortened yet. Pure."""
    return {
        "incident": incident_record(message.about) if message.about is not None else None,
        "message": {
            "headline": message.headline,
            "summary": message.summary,
            "note": message.note,
            "calls": list(message.calls),
            "facts": [{"label": label, "value": value} for label, value in message.facts],
            "lists": [{"heading": heading, "items": list(items)} for heading, items in message.lists],
            "links": [{"label": link.label, "url": link.url} for link in message.links],
            "detail": message.detail,
        },
    }


def body_of(event: Mapping[str, Any]) -> bytes:
    """The event as it is sent, at most `LARGEST_EVENT` bytes. Pure."""
    body = b""
    for items, characters in _STEPS:
        if _least(event["data"], items, characters) > LARGEST_EVENT and (items, characters) != _STEPS[-1]:
            continue  # without cleaning megabytes to learn it
        left_out: dict[str, int] = {}
        data = _shortened(event["data"], "", items, characters, left_out)
        if left_out:
            data["left_out"] = dict(list(left_out.items())[:items])
        body = json.dumps({**event, "data": data}, ensure_ascii=False, separators=(",", ":")).encode()
        if len(body) <= LARGEST_EVENT:
            break
    return body


def _least(value: Any, items: int, characters: int) -> int:
    """About the fewest bytes that `value` takes when it is cut so."""
    if isinstance(value, str):
        return min(len(value), characters)
    if isinstance(value, dict):
        return sum(8 + _least(inner, items, characters) for inner in value.values())
    if isinstance(value, list):
        return sum(2 + _least(inner, items, characters) for inner in value[:items])
    return 4


def _shortened(value: Any, path: str, items: int, characters: int, left_out: dict[str, int]) -> Any:
    """`value` with its texts cleaned, and its texts and lists cut; what is missing is counted in `left_out`."""
    if isinstance(value, str):
        if len(value) > characters:
            left_out[path] = len(value) - characters
        return short(value, characters)
    if isinstance(value, dict):
        if path in _FREE and len(value) > items:
            left_out[path] = len(value) - items
            value = dict(list(value.items())[:items])
        shortened: dict[str, Any] = {}
        for name, inner in value.items():
            shown = _shown_name(str(name), min(characters, 200))
            shortened[shown] = _shortened(inner, f"{path}.{shown}" if path else shown, items, characters, left_out)
        return shortened
    if isinstance(value, list):
        if len(value) > items:
            left_out[path] = len(value) - items
        return [
            _shortened(inner, f"{path}[{place}]", items, characters, left_out)
            for place, inner in enumerate(value[:items])
        ]
    return value


def _shown_name(name: str, limit: int) -> str:
    """Our own are identifiers, which are nothing to clean."""
    return name if len(name) <= limit and name.isidentifier() else short_line(name, limit)


def signed(body: bytes, event_id: str, at: datetime, key: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks for `body`. Pure."""
    seconds = str(int(at.timestamp()))
    digest = hmac.new(key, b".".join((event_id.encode(), seconds.encode(), body)), hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    return {"webhook-id": event_id, "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}


def signing_key(secret: str) -> bytes:
    """The bytes behind a secret; empty for a `whsec_` that is not base64. Pure."""
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:  # binascii's own among them
        return b""


def id_of(key: str) -> str:
    """The delivery's key as it can stand in a header; without a full stop, which separates what is signed."""
    return quote(key, safe=":/@ -_+,", errors="replace").replace(".", "%2E")
