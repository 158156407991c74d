"""The entrance from Slack: buttons, windows, the slash command and the message shortcut → commands to the desk.

The transports (a signed HTTP endpoint, Socket Mode) are elsewhere: what arrives here is Slack's. Slack takes an
entrance that needs three seconds for broken, so an answer takes the desk's own time, at most one question to Slack
about who presses (remembered afterwards) and one request that shows something; neither waits longer than a second.
"""

import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from slack_sdk import WebClient

from incident_ops.adapters.notify.slack import answers as answers
from incident_ops.adapters.notify.slack.actions import (
    ACKNOWLEDGE,
    ASSIGN,
    MORE,
    RESOLVE,
    answer_of,
    choice_of,
    number_of,
)
from incident_ops.adapters.notify.slack.api import SlackApi
from incident_ops.adapters.notify.slack.errors import Request
from incident_ops.adapters.notify.slack.filled import NotFilledIn, about, command_of, errors_of
from incident_ops.adapters.notify.slack.http import ANSWERS, quick
from incident_ops.adapters.notify.slack.modals import OF_THE_MENU, Modal, Place, modal, note_window
from incident_ops.adapters.notify.slack.payload import Asked, asked_in, text_in, values_in
from incident_ops.adapters.notify.slack.said import author_in, note_text
from incident_ops.adapters.notify.slack.scopes import COMMAND, NOTE_SHORTCUT
from incident_ops.adapters.notify.slack.users import EmailsById, nickname
from incident_ops.core.commands import Acknowledge, Assign, Command, Note, Resolve
from incident_ops.core.errors import IncidentOpsError, TransportError
from incident_ops.core.incident import Incident
from incident_ops.core.message import Link
from incident_ops.core.reasons import how_it_ended
from incident_ops.core.status import Status
from incident_ops.engine.ports import IncidentDesk

_log = logging.getLogger(__name__)

LONGEST_WAIT = 1  # seconds, for one request

_WORD = re.compile(r"[a-z]+(?=\s)")
"""At the beginning of a sentence; names and addresses stay as they are."""
_NUMBER = re.compile(r"(?:INC-)?([1-9][0-9]{0,14})", re.IGNORECASE)
_NOT_OURS = (
    "This is not something that incident_ops asked for; the app in Slack may be newer or older than what runs."
)
_LATE_WINDOW = "Slack did not open the window in time; press again."
_NO_WINDOW = "Slack does not let the app open windows; what it says is in the log of incident_ops."
_NOBODY = "Slack did not say who asks, so nothing was done."

Body = Mapping[str, Any]


class SlackDesk:
    """
    Args:
        client: made by `slack_client`.
        clock: the time now, aware, in UTC.
        links_of: where one can look further.
    """

    def __init__(
        self,
        client: WebClient,
        desk: IncidentDesk,
        *,
        clock: Callable[[], datetime],
        links_of: Callable[[Incident], tuple[Link, ...]] = lambda _: (),
    ) -> None:
        self._api = SlackApi(quick(client, timeout=LONGEST_WAIT))
        self._answer_hosts = (ANSWERS, _root_of(client.base_url))
        self._desk, self._clock, self._links_of = desk, clock, links_of
        self._people = EmailsById(self._api, desk.address_of, clock)

    def handle(self, payload: Body) -> Body | None:
        """Do what was asked for. What fails is told to the person, in words; nothing is raised.

        Args:
            payload: an interactive payload, or the form fields of a slash command.

        Returns:
            The body of the acknowledgement; None for an empty one.
        """
        asked = asked_in(payload)
        if asked is None:
            _log.warning("Slack sent something without saying who asks; refused")
            return answers.sentence(_NOBODY)
        if "command" in payload:
            return self._command(payload, asked)
        match text_in(payload, "type"):
            case "block_actions":
                return self._tell(asked, self._pressed(payload, asked))
            case "view_submission":
                return self._submitted(values_in(payload, "view"), asked)
            case "view_closed":
                return None
            case "message_action" if text_in(payload, "callback_id") == NOTE_SHORTCUT:
                return self._tell(asked, self._kept(payload, asked))
            case other:
                _log.warning("Slack sent %.40r, which nobody here knows; refused", other)
                self._tell(asked, _NOT_OURS)
                return answers.sentence(_NOT_OURS)

    def tell_late(self, payload: Body, answer: Body) -> None:
        """What `handle` gave when Slack had stopped waiting for it: a command's answer goes to where it was given,
        the refusal of a window to the place of its button. Nothing is raised."""
        asked = asked_in(payload)
        if asked is None:
            return
        if "command" in payload:
            self._show(asked, answer)
            return
        known = about(values_in(payload, "view"))
        problems = values_in(answer, "errors")
        if known is not None and problems:
            _, number, place = known
            self._whisper(asked, f"INC-{number}: nothing was done. {' '.join(map(str, problems.values()))}", place)

    # ---- presses

    def _pressed(self, payload: Body, asked: Asked) -> str:
        """What to say of it; empty when a window says it all."""
        actions = payload.get("actions")
        action = actions[0] if isinstance(actions, list) and actions else {}
        action_id = text_in(action, "action_id")
        try:
            if action_id == MORE:
                choice = choice_of(text_in(action, "selected_option", "value"))
                return self._open(OF_THE_MENU[choice[0]], choice[1], asked) if choice else _NOT_OURS
            number = number_of(text_in(action, "value"))
            if number is None:
                return _NOT_OURS
            if action_id in _OPENS:
                return self._open(_OPENS[action_id], number, asked)
            if action_id == ACKNOWLEDGE:
                return self._acknowledge(number, asked)
            if reason := answer_of(action_id):
                return self._perform(Resolve(number=number, reason=reason), by=self._who(asked))
            return _NOT_OURS
        except IncidentOpsError as trouble:
            return _refusal(trouble)

    def _open(self, kind: Modal, number: int, asked: Asked) -> str:
        incident = self._desk.incident(number)
        if not incident.is_open or incident.merged_into is not None:
            return f"{how_it_ended(incident)}."
        place = Place(channel=asked.channel, thread=asked.thread)
        view = modal(kind, incident, asked_by=asked.user, place=place)
        request = Request(method="views.open", place=incident.id)
        try:
            self._api.do(request, json={"trigger_id": asked.trigger, "view": view})
        except TransportError as trouble:
            _log.warning("a window could not be opened: %s", trouble)
            return _NO_WINDOW if trouble.needs_person else _LATE_WINDOW
        return ""

    def _acknowledge(self, number: int, asked: Asked) -> str:
        """Who took it while Slack told no address of theirs, and presses again, has it by their address then."""
        who, incident = self._who(asked), self._desk.incident(number)
        if incident.status is Status.ACKNOWLEDGED and incident.assignee in self._names(asked, who):
            return self._perform(Assign(number=number, to=who), by=who)
        return self._perform(Acknowledge(number=number), by=who)

    def _perform(self, command: Command, *, by: str) -> str:
        return answers.done(command, self._desk.perform(command, by=by))

    def _who(self, asked: Asked) -> str:
        return self._people.address_of(asked.user, name=asked.name)

    def _names(self, asked: Asked, who: str) -> set[str]:
        """What else they may be called here: their names in Slack, from when it told no address."""
        return {nickname(name) for name in (asked.name, asked.user) if name} - {who}

    # ---- windows

    def _submitted(self, view: Body, asked: Asked) -> Body | None:
        known = about(view)
        if known is None:
            return {"response_action": "update", "view": note_window("Nothing was done", _NOT_OURS)}
        kind, number, place = known
        try:
            command = command_of(kind, number, view, address_of=self._people.address_of)
            said = self._perform(command, by=self._who(asked))
        except NotFilledIn as empty:
            return {"response_action": "errors", "errors": empty.problems}
        except IncidentOpsError as trouble:
            return {"response_action": "errors", "errors": errors_of(kind, _refusal(trouble))}
        self._whisper(asked, said, place)
        return None

    # ---- notes

    def _kept(self, payload: Body, asked: Asked) -> str:
        """Somebody's message, from the thread of an incident or the post itself, onto the timeline."""
        message = values_in(payload, "message")
        thread = text_in(message, "thread_ts") or text_in(message, "ts") or text_in(payload, "message_ts")
        try:
            text = note_text(message, name_of=self._name_of)
            if not text:
                return "There is no text in this message that could be kept."
            number = self._desk.incident_of_message(asked.channel, thread)
            if number is None:
                return "This message belongs to no incident: it is neither an incident's post nor in its thread."
            who = self._who(asked)
            return self._perform(Note(number=number, text=text, author=self._author(message, asked, who)), by=who)
        except IncidentOpsError as trouble:
            return _refusal(trouble)

    def _author(self, message: Body, asked: Asked, who: str) -> str:
        user, name = author_in(message)
        if user == asked.user:
            return who
        return self._people.address_of(user, name=name) if user else nickname(name)

    def _name_of(self, user: str) -> str:
        """Of somebody who is mentioned: no request is made for each of them."""
        return self._people.remembered(user) or user

    # ---- the slash command

    def _command(self, fields: Body, asked: Asked) -> Body:
        if text_in(fields, "command") != COMMAND:
            return answers.sentence(_NOT_OURS)
        said = text_in(fields, "text").split()
        verb, rest = (said[0].lower(), said[1:]) if said else ("", [])
        try:
            match verb, rest:
                case "list", []:
                    return self._list(self._desk.open_incidents(), "Open incidents", "Nothing is open.")
                case "mine", []:
                    return self._mine(asked)
                case "show", [incident] if number := _NUMBER.fullmatch(incident):
                    return answers.shown(self._desk.incident(int(number[1])), links_of=self._links_of)
                case "oncall", _:
                    return answers.on_call(self._desk.on_call(), " ".join(rest))
                case _:
                    return answers.help_text("" if verb in ("", "help") else " ".join(said))
        except IncidentOpsError as trouble:
            return answers.sentence(_refusal(trouble))

    def _mine(self, asked: Asked) -> Body:
        who = self._who(asked)
        nothing = f"Nothing open is yours ({who})."
        if "@" not in who:
            nothing = f"Slack tells no e-mail address of yours, so you are {who} here, and nothing open is theirs."
        known = (who, *sorted(self._names(asked, who)))
        yours = {incident.number: incident for name in known for incident in self._desk.of_person(name)}
        return self._list(list(yours.values()), "Yours", nothing)

    def _list(self, incidents: Any, heading: str, nothing: str) -> Body:
        return answers.listed(
            incidents, heading=heading, nothing=nothing, links_of=self._links_of, now=self._clock()
        )

    # ---- to one person alone

    def _tell(self, asked: Asked, said: str) -> None:
        """Where they pressed, seen by them alone. An answer that does not arrive is no reason to fail: what was
        done is done."""
        if said:
            self._show(asked, answers.sentence(said))

    def _show(self, asked: Asked, body: Body) -> None:
        if not asked.response_url.startswith(self._answer_hosts):
            self._whisper_body(asked, body, Place(channel=asked.channel, thread=asked.thread))
            return
        thread = {"thread_ts": asked.thread} if asked.thread else {}
        try:
            self._api.answer(asked.response_url, {**body, "replace_original": False, **thread})
        except TransportError as trouble:
            _log.warning("what became of a press could not be told: %s", trouble)

    def _whisper(self, asked: Asked, said: str, place: Place) -> None:
        self._whisper_body(asked, answers.sentence(said), place)

    def _whisper_body(self, asked: Asked, body: Body, place: Place) -> None:
        if not place.channel:
            return
        thread = {"thread_ts": place.thread} if place.thread else {}
        request = Request(method="chat.postEphemeral", place=place.channel)
        arguments = {
            "channel": place.channel,
            "user": asked.user,
            "text": body["text"],
            "blocks": body["blocks"],
            **thread,
        }
        try:
            self._api.do(request, json=arguments)
        except TransportError as trouble:
            _log.warning("what became of a window could not be told: %s", trouble)


_OPENS = {ASSIGN: Modal.ASSIGN, RESOLVE: Modal.RESOLVE}


def _root_of(base_url: str) -> str:
    """`https://slack.test/api/` → `https://slack.test/`."""
    scheme, _, rest = base_url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/"


def _refusal(trouble: IncidentOpsError) -> str:
    said = str(trouble) or "That is not possible now."
    first = said[:1].upper() if _WORD.match(said) else said[:1]
    return f"{first}{said[1:]}{'' if said.endswith('.') else '.'}"
