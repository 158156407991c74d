"""Jira Service Management's operations and Opsgenie as sinks: alerts of one API at two addresses.

Opsgenie's own (`https://api.opsgenie.com/v2`) ends on 2027-04-05, as Atlassian announced; its alerts live on in
Jira Service Management (`https://api.atlassian.com/jsm/ops/integration/v2`), whose integration events API takes
the same requests to create, acknowledge, close and note, and no others. Limits are those of the Alert API: 130
characters for a message, 15,000 for a description, 512 for an alias and an entity, 8,000 for details, 20 tags of
50, 25,000 for a note.
"""

import hashlib
import logging
import re
from functools import cache
from typing import Any, Literal
from urllib.parse import quote

from incident_ops.adapters.notify.alert_keys import alert_key, is_post
from incident_ops.adapters.notify.http import Api, host_of
from incident_ops.adapters.notify.http_outcomes import Sink
from incident_ops.adapters.notify.plain import render_lines
from incident_ops.adapters.notify.shortened import bounded, short, short_line, web_links
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Colour, Message
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Priority
from incident_ops.core.status import Status

LONGEST_MESSAGE, LONGEST_DESCRIPTION, LONGEST_ALIAS, LONGEST_ENTITY = 130, 15_000, 512, 512
LONGEST_DETAILS, MOST_TAGS, LONGEST_TAG, LONGEST_SOURCE, LONGEST_NOTE = 8_000, 20, 50, 100, 25_000

_log = logging.getLogger(__name__)

_SOURCE = "incident_ops"
_NAMES = {"jsm": "Jira Service Management", "opsgenie": "Opsgenie"}
_PRIORITIES = {Priority.P0: "P1", Priority.P1: "P2", Priority.P2: "P3", Priority.P3: "P4"}
_FOR_INFORMATION = "P5"
_REMEDIES = {
    401: "the api_key is not accepted; copy it from the API integration again",
    403: "the API integration may not do this; allow it to create and update alerts",
    404: "there is no alerts API at this address; check the url",
    405: "there is no alerts API at this address; check the url",
}
_BEGIN_OF_A_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_BY_ALIAS = (("identifierType", "alias"),)
_GONE = "there is no such alert any more"
_NO_READING = (403, 404, 405)
_NOBODYS_REQUEST = "00000000-0000-0000-0000-000000000000"


class OpsgenieNotifier:
    """Notifier with `CanUpdate`, `CanReply` and `CanCheck`. Receipts hold the receiver's name and the alias:
    `incident_ops/<origin>/INC-7`, or for a message of its own `incident_ops/<origin>/<delivery's key>`.

    An alert that is created again while one with its alias is open joins that one, and nobody is called again:
    this is what makes repeating safe after an answer was lost, so that neither the alert nor the request's status
    (each is answered 202 before it is done) need be asked for. An incident that was reopened creates its alert
    anew, because the former is closed. Replies are notes, signed with a digest of their key.

    What differs: Opsgenie is asked how the alert stands, its message, description and priority are changed where
    they differ, and a note that is there already is not added again. Jira Service Management lets an API key
    neither read nor change: the alert is created again, which adds the new text to its activity log and leaves its
    heading and priority as they were first told, an acknowledgement is not taken back, and a note whose answer was
    lost may be there twice.

    Args:
        kind: `jsm` or `opsgenie`; the latter logs a warning, once a process, that it ends.
        receiver: its name in the configuration.
        url: of the API, with its version.
        origin: `<environment>/<installation id>`.
        timeout: seconds to connect, and to wait for an answer.
    """

    def __init__(
        self,
        *,
        kind: Literal["jsm", "opsgenie"],
        receiver: str,
        url: str,
        api_key: str,
        origin: str,
        timeout: float = 10,
    ) -> None:
        self.kind: str = kind
        self._reads = kind == "opsgenie"
        self._receiver, self._origin = receiver, origin
        self._name = f"{_NAMES[kind]} (receiver {receiver})"
        self._api = Api(
            sink=Sink(name=self._name, host=host_of(url), remedies=_REMEDIES),
            url=url,
            authorization=f"GenieKey {api_key}",
            timeout=timeout,
            said=lambda body: str(body.get("message", "")) if isinstance(body, dict) else "",
        )
        if kind == "opsgenie":
            _warn_of_the_end()

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        alias = alert_key(message, key=key, origin=self._origin, longest=LONGEST_ALIAS)
        if message.about is None or not is_post(key) or message.about.is_open:
            self._create(message, alias)
        if message.about is not None and is_post(key):
            self._move(message.about.status, alias)
        return Receipt(channel=self._receiver, message=alias)

    def update(self, receipt: Receipt, message: Message, *, key: str) -> None:
        alias, incident = receipt.message, message.about
        is_its_alert = incident is not None and alias == alert_key(
            message, key=f"{incident.id}:post:", origin=self._origin, longest=LONGEST_ALIAS
        )
        if incident is not None and is_its_alert and not incident.is_open:
            self._move(incident.status, alias)
            return
        shown = self._shown(alias) if self._reads else None
        if shown is None or shown.get("status") == "closed":
            self._create(message, alias)
            shown = {}
        else:
            self._change(shown, message, alias)
        if incident is not None and is_its_alert:
            self._move(incident.status, alias, was_taken=bool(shown.get("acknowledged")))

    def reply(self, thread: Receipt, text: str, *, key: str, broadcast: bool) -> Receipt:
        signature = _signature(key)
        note = f"{_plain(short(text, LONGEST_NOTE - len(signature) - 1))}\n{signature}"
        if not (self._reads and self._has_note(thread.message, signature)):
            self._act(thread.message, "notes", f"a note on {thread.message}", note=note)
        return Receipt(channel=thread.channel, message=key)

    def check(self, destination: Destination) -> None:
        """Asks for a request that nobody made: who is let in hears that there is none."""
        answer = self._api.ask(
            "GET", f"/alerts/requests/{_NOBODYS_REQUEST}", what="the question for a request", also=(404,)
        )
        if not isinstance(answer.json, dict):
            raise TransportError(
                f"{self._name}: there is no alerts API at its address; check the url", needs_person=True
            )

    # ---- requests

    def _create(self, message: Message, alias: str) -> None:
        value = alert_of(message, alias)
        self._api.ask("POST", "/alerts", what=f"the alert {alias}", value=value, adds=True)

    def _change(self, shown: dict[str, Any], message: Message, alias: str) -> None:
        wanted = alert_of(message, alias)
        for name in ("message", "description", "priority"):
            if shown.get(name) != wanted[name]:
                self._api.ask(
                    "PUT",
                    f"{_path(alias)}/{name}",
                    what=f"the {name} of {alias}",
                    query=_BY_ALIAS,
                    value={name: wanted[name]},
                    gone=_GONE,
                )

    def _move(self, status: Status, alias: str, *, was_taken: bool = False) -> None:
        if not status.is_open:
            self._act(alias, "close", f"the end of {alias}", note=f"incident_ops: {status}")
        elif status is not Status.TRIGGERED:
            self._act(alias, "acknowledge", f"the acknowledgement of {alias}", note=f"incident_ops: {status}")
        elif was_taken:
            self._act(alias, "unacknowledge", f"the end of the acknowledgement of {alias}")

    def _act(self, alias: str, action: str, what: str, **more: str) -> None:
        value = {"user": _SOURCE, "source": _SOURCE, **more}
        self._api.ask(
            "POST",
            f"{_path(alias)}/{action}",
            what=what,
            query=_BY_ALIAS,
            value=value,
            adds=True,
            gone=_GONE,
            also=(404,) if action == "close" else (),  # what is not there is over
        )

    def _shown(self, alias: str) -> dict[str, Any] | None:
        """The alert as Opsgenie has it; None if there is none, or if the integration may not read."""
        shown = self._read(_path(alias), f"the question for {alias}")
        return shown if isinstance(shown, dict) else None

    def _has_note(self, alias: str, signature: str) -> bool:
        path, what = f"{_path(alias)}/notes", f"the question for notes of {alias}"
        notes = self._read(path, what, limit="100", order="desc")
        listed = notes if isinstance(notes, list) else []
        return any(isinstance(note, dict) and signature in str(note.get("note")) for note in listed)

    def _read(self, path: str, what: str, **query: str) -> Any:
        asked = (*_BY_ALIAS, *query.items())
        answer = self._api.ask("GET", path, what=what, query=asked, also=_NO_READING)
        value = answer.json
        if answer.status in _NO_READING:
            return None
        if not isinstance(value, dict) or "data" not in value:
            raise TransportError(f"{self._name} answered {what} with something that cannot be read")
        return value["data"]


@cache
def _warn_of_the_end() -> None:
    _log.warning("Opsgenie's API ends on 2027-04-05; move the receivers with opsgenie: to jsm:")


def alert_of(message: Message, alias: str) -> dict[str, Any]:
    """The body of a request to create an alert, within every limit. Pure."""
    incident = message.about
    links = web_links(message.links, 10)
    alert: dict[str, Any] = {
        "message": _plain(short_line(message.headline, LONGEST_MESSAGE)) or _SOURCE,
        "alias": alias,
        "description": _plain(short(render_lines(bounded(message)), LONGEST_DESCRIPTION)),
        "source": _SOURCE,
        "priority": _FOR_INFORMATION,
        "tags": [_SOURCE],
        "details": {link.label: link.url for link in links},
    }
    if incident is not None:
        asset = incident.root.subject.asset
        owner, environment = incident.owner or "", incident.labels.get("environment", "")
        wanted = (_SOURCE, str(incident.severity), str(incident.nature), owner, environment)
        tags = (short_line(tag, LONGEST_TAG).replace(",", " ").strip() for tag in wanted)
        alert |= {
            "entity": short_line(asset.key if asset else str(incident.root.subject), LONGEST_ENTITY),
            "tags": [tag for tag in tags if tag][:MOST_TAGS],
            "details": alert["details"]
            | {name: value for name, value in incident.current_labels.items() if value},
        }
        if message.colour is not Colour.GREEN:
            alert["priority"] = _PRIORITIES[incident.priority]
    alert["details"] = _details(alert["details"])
    return alert


def _details(details: dict[str, str]) -> dict[str, str]:
    """The first that fit together."""
    fitting: dict[str, str] = {}
    room = LONGEST_DETAILS
    for name, value in details.items():
        name, value = short_line(name, 100), _plain(short_line(value, 1_000))
        room -= len(name) + len(value)
        if room < 0:
            break
        if name and value:
            fitting[name] = value
    return fitting


def _plain(text: str) -> str:
    """Opsgenie shows HTML in texts as such: what could begin a tag begins none."""
    return _BEGIN_OF_A_TAG.sub("‹", text)


def _path(alias: str) -> str:
    return f"/alerts/{quote(alias, safe='', errors='replace')}"


def _signature(key: str) -> str:
    """What tells a note of ours from any other."""
    return f"— incident_ops {hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
