"""PagerDuty as a sink: events of the Events API v2, by PagerDuty's own client.

Limits and meanings are those of developer.pagerduty.com (Events API v2 overview, Send an Alert Event): a summary
of 1,024 characters, a `dedup_key` of 255, an event of 512 KB.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

import httpx2
from pagerduty import Error, EventsApiV2Client, HttpError, UrlError

from incident_ops.adapters.notify.alert_keys import alert_key, is_post
from incident_ops.adapters.notify.http import host_of
from incident_ops.adapters.notify.http_outcomes import Sink, no_answer, refused, unusable
from incident_ops.adapters.notify.shortened import first_of, short, short_line, web_links
from incident_ops.core.delivery import Receipt
from incident_ops.core.error_text import redact
from incident_ops.core.errors import TransportError
from incident_ops.core.incident import Incident
from incident_ops.core.message import Colour, Message
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Severity
from incident_ops.core.status import Status

LONGEST_SUMMARY, LONGEST_KEY, LARGEST_EVENT = 1_024, 255, 512 * 1_024
MOST_LINKS = 20

_SEVERITIES = {
    Severity.SEV0: "critical",
    Severity.SEV1: "error",
    Severity.SEV2: "warning",
    Severity.SEV3: "info",
}
_TAKEN = (Status.ACKNOWLEDGED, Status.MITIGATED)
_NEW_KEY = "copy the integration key of the service's Events API v2 integration into routing_key again"
_ROUTING_KEY = re.compile("(routing|integration|service)[ _]key", re.IGNORECASE)
_ENVELOPE = 4 * 1_024  # what the client adds, and room


class PagerDutyNotifier:
    """Notifier with `CanUpdate`. Receipts hold the receiver's name and the `dedup_key`.

    An incident that is over when its first event is sent only resolves: nobody is woken for it. PagerDuty cannot
    be asked for an event, and need not: one with the same `dedup_key` joins the alert that is there. It cannot be
    told that an acknowledgement has ended either; an incident that is triggered again adds a line to its alert.
    A message of its own (a question, a digest) is an alert that only PagerDuty's users resolve.

    Args:
        receiver: its name in the configuration.
        origin: `<environment>/<installation id>`.
        timeout: seconds to connect, and to wait for an answer.
    """

    kind: str = "pagerduty"

    def __init__(self, *, receiver: str, routing_key: str, url: str, origin: str, timeout: float = 10) -> None:
        self._origin = origin
        self._routing_key, self._url, self._timeout = routing_key, url.rstrip("/"), timeout
        self._sink = Sink(
            name=f'PagerDuty of receiver "{receiver}"',
            host=host_of(url),
            remedies={
                401: _NEW_KEY,
                403: _NEW_KEY,
                404: "check its url; it is https://events.pagerduty.com or https://events.eu.pagerduty.com",
            },
        )

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        dedup_key = alert_key(message, key=key, origin=self._origin, longest=LONGEST_KEY)
        if message.about is None or not is_post(key):
            self._submit("trigger", dedup_key, event_of(message))
        else:
            self._show(message, message.about.status, dedup_key, is_known=False)
        return Receipt(channel=destination.address, message=dedup_key)

    def update(self, receipt: Receipt, message: Message, *, key: str) -> None:
        status = Status.TRIGGERED if message.about is None else message.about.status
        self._show(message, status, receipt.message, is_known=True)

    def _show(self, message: Message, status: Status, dedup_key: str, *, is_known: bool) -> None:
        if not status.is_open:
            self._submit("resolve", dedup_key, {})
            return
        if status is Status.TRIGGERED or not is_known:
            self._submit("trigger", dedup_key, event_of(message))
        if status in _TAKEN:
            self._submit("acknowledge", dedup_key, {})

    def _submit(self, action: str, dedup_key: str, event: dict[str, Any]) -> None:
        what = f"{action} of {dedup_key}"
        try:
            with _OnceOnlyClient(self._routing_key, self._url, self._timeout) as client:
                client.send_event(action, dedup_key=dedup_key, **event)
        except HttpError as error:
            raise self._refusal(cast(httpx2.Response, error.response), what) from None
        except (UrlError, httpx2.InvalidURL, httpx2.UnsupportedProtocol, ValueError):
            raise unusable(self._sink) from None
        except (Error, httpx2.HTTPError, OSError) as error:
            raise self._silence(error, what) from None

    def _silence(self, error: Exception, what: str) -> TransportError:
        trouble = no_answer(error, self._sink, what, adds=False)
        was_connecting = isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)
        if was_connecting and not trouble.needs_person:
            problem = f"{what} was not sent: no connection to {self._sink}"
            return TransportError(f"{problem}; check its url, the firewall and the proxy")
        return trouble

    def _refusal(self, answer: httpx2.Response, what: str) -> TransportError:
        if answer.is_success:
            return TransportError(f"{self._sink} answered {what} with something that cannot be read")
        said = _errors_in(answer).replace(self._routing_key, "[redacted]")
        if answer.status_code == 400 and _ROUTING_KEY.search(said):
            return TransportError(f"{self._sink} does not know its routing_key; {_NEW_KEY}", needs_person=True)
        if answer.status_code == 400:
            problem = f"{self._sink} refused {what} (HTTP 400)" + (f"; it says: {redact(said)}" if said else "")
            return TransportError(f"{problem}; if it refuses every event, {_NEW_KEY}", permanent=True)
        return refused(
            answer.status_code, dict(answer.headers), self._sink, what, said=redact(said), adds=False, gone=""
        )


class _OnceOnlyClient(EventsApiV2Client):
    """PagerDuty's client, which repeats by itself (after a 429 without end), sending everything once."""

    max_network_attempts = 0

    def __init__(self, routing_key: str, url: str, timeout: float) -> None:
        super().__init__(routing_key, base_url=url)
        self.timeout = timeout

    @property
    def url(self) -> str:
        return self._url

    @url.setter
    def url(self, new_base_url: str) -> None:
        """In place of the client's own, which wants https: a relay in one's own network may do without."""
        if not new_base_url.startswith(("https://", "http://")):
            raise UrlError("no web address")
        self._url = new_base_url

    def postprocess(self, response: httpx2.Response) -> None:
        """Called after every try; an error from here keeps the client from the next."""
        if not response.is_success:
            raise HttpError(f"HTTP {response.status_code}", response)


def event_of(message: Message) -> dict[str, Any]:
    """What a `trigger` says besides its keys; at most 512 KB with them. Pure."""
    links = web_links(message.links, MOST_LINKS)
    incident = message.about
    event: dict[str, Any] = {
        "payload": _payload(message, incident),
        "links": [{"href": link.url, "text": link.label} for link in links],
        "client": "incident-ops",
    }
    if links:
        event["client_url"] = links[0].url
    for share in (1, 4, 16, 64):
        event["payload"]["custom_details"] = _details(message, share)
        if len(json.dumps(event)) <= LARGEST_EVENT - _ENVELOPE:
            break
    return event


def _payload(message: Message, incident: Incident | None) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "summary": short_line(message.headline, LONGEST_SUMMARY) or "incident-ops",
        "source": "incident-ops",
        "severity": "info" if message.colour is Colour.BLUE else "error",
    }
    if incident is not None:
        asset = incident.root.subject.asset
        payload |= {
            "source": short_line(str(incident.root.subject), 255) or "incident-ops",
            "severity": _SEVERITIES[incident.severity],
            "timestamp": incident.detected_at.isoformat(),
            "component": short_line(asset.key if asset else incident.root.subject.name or "", 255),
            "group": short_line(incident.owner or "unknown", 255),
            "class": str(incident.nature),
        }
    return payload


def _details(message: Message, share: int) -> Mapping[str, Any]:
    """What PagerDuty shows as a table; a `share` of 4 is a quarter of what is shown at most."""
    details: dict[str, Any] = {"summary": short(message.summary, max(40, 4_000 // share))}
    if message.note:
        details["note"] = short(message.note, max(40, 2_000 // share))
    for label, value in message.facts[: 50 // share]:
        details[short_line(label, 100) or "–"] = short(value, max(40, 1_000 // share))
    if message.detail:
        details["detail"] = short(message.detail, max(40, 20_000 // share))
    for heading, items in message.lists[:10]:
        details[short_line(heading, 100) or "–"] = first_of(items, max(1, 50 // share), limit=300)
    if message.calls:
        details["calls"] = first_of(message.calls, 20, limit=100)
    return details


def _errors_in(answer: httpx2.Response) -> str:
    """The errors that the answer names, in one line."""
    try:
        body = answer.json()
    except ValueError:  # from a proxy: nothing of it is ours to show
        return ""
    errors = body.get("errors") if isinstance(body, dict) else None
    named = [error for error in errors if isinstance(error, str)] if isinstance(errors, list) else []
    return short_line("; ".join(named), 300)
