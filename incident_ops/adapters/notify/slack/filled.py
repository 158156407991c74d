"""A window as it comes back: what it was about, and the command that what was filled in amounts to."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

from incident_ops.adapters.notify.plain import clean
from incident_ops.adapters.notify.slack.actions import number_of
from incident_ops.adapters.notify.slack.channels import CONVERSATION_ID
from incident_ops.adapters.notify.slack.modals import (
    END,
    HEADLINE,
    LENGTH,
    LENGTHS,
    LONGEST_INPUT,
    OTHER_LENGTH,
    REASON,
    ROLE,
    SEVERITY,
    TEXT,
    WHO,
    Modal,
    Place,
)
from incident_ops.adapters.notify.slack.payload import text_in, values_in
from incident_ops.adapters.notify.slack.text import fit, plain
from incident_ops.adapters.notify.slack.users import USER_ID
from incident_ops.core.commands import Assign, Command, Grade, Note, Resolve, Silence, Snooze, TakeRole
from incident_ops.core.durations import DurationSyntaxError, format_duration, parse_duration
from incident_ops.core.severity import Severity
from incident_ops.core.status import Resolution, Role

LONGEST_QUIET = timedelta(days=30)

_MODALS = {str(kind): kind for kind in Modal}
Choice = TypeVar("Choice", bound=StrEnum)

_FIRST_INPUT = {
    Modal.ASSIGN: WHO,
    Modal.RESOLVE: REASON,
    Modal.NOTE: TEXT,
    Modal.SEVERITY: SEVERITY,
    Modal.ROLE: ROLE,
    Modal.SILENCE: LENGTH,
    Modal.SNOOZE: LENGTH,
}


class NotFilledIn(Exception):
    """`problems` is a sentence for each input that cannot be used."""

    def __init__(self, **problems: str) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems


def about(view: Mapping[str, Any]) -> tuple[Modal, int, Place] | None:
    """Which window it is, the incident and the place; None for a window that is not of ours."""
    kind = text_in(view, "callback_id")
    try:
        carried = json.loads(text_in(view, "private_metadata"))
    except (ValueError, RecursionError):
        return None
    number = number_of(text_in(carried, "incident"))
    if kind not in _MODALS or number is None:
        return None
    channel = text_in(carried, "channel")
    is_channel = CONVERSATION_ID.fullmatch(channel) is not None
    return _MODALS[kind], number, Place(channel=channel if is_channel else "", thread=text_in(carried, "thread"))


def command_of(kind: Modal, number: int, view: Mapping[str, Any], *, address_of: Callable[[str], str]) -> Command:
    """What was filled in.

    Args:
        address_of: id in Slack → e-mail address.

    Raises:
        NotFilledIn: something is missing or cannot be understood.
    """
    filled = _Filled(view)
    match kind:
        case Modal.ASSIGN:
            return Assign(number=number, to=address_of(filled.person(WHO) or _missing(WHO, "Choose a person.")))
        case Modal.RESOLVE:
            reason = filled.choice(REASON, Resolution, "Choose what it was.")
            return Resolve(number=number, reason=reason, note=filled.text(TEXT))
        case Modal.NOTE:
            return Note(number=number, text=filled.text(TEXT) or _missing(TEXT, "Write something."))
        case Modal.SEVERITY:
            return Grade(number=number, severity=filled.choice(SEVERITY, Severity, "Choose a severity."))
        case Modal.ROLE:
            role, who = filled.choice(ROLE, Role, "Choose a role."), filled.person(WHO)
            return TakeRole(number=number, role=role, who=address_of(who) if who else None)
        case Modal.SILENCE:
            lasting = filled.length() or _missing(LENGTH, "Choose for how long.")
            return Silence(number=number, lasting=lasting, comment=filled.text(TEXT) or f"for INC-{number}")
        case Modal.SNOOZE:
            return Snooze(number=number, lasting=filled.length())


def errors_of(kind: Modal, sentence: str) -> dict[str, str]:
    """A sentence about the whole, shown at the first input: Slack has no other place."""
    return {_FIRST_INPUT[kind]: fit(sentence, HEADLINE, plain)}


class _Filled:
    """The state of a window."""

    def __init__(self, view: Mapping[str, Any]) -> None:
        self._values = values_in(view, "state", "values")

    def _value(self, name: str) -> Mapping[str, Any]:
        return values_in(self._values, name, name)

    def text(self, name: str) -> str:
        return clean(text_in(self._value(name), "value")).strip()[:LONGEST_INPUT]

    def person(self, name: str) -> str:
        user = text_in(self._value(name), "selected_user")
        return user if USER_ID.fullmatch(user) else ""

    def chosen(self, name: str) -> str:
        return text_in(self._value(name), "selected_option", "value")

    def choice(self, name: str, choices: type[Choice], otherwise: str) -> Choice:
        try:
            return choices(self.chosen(name))
        except ValueError:
            _missing(name, otherwise)

    def length(self) -> timedelta | None:
        """What was written in words comes before what was chosen; None for the end of it."""
        written, chosen = self.text(OTHER_LENGTH), self.chosen(LENGTH)
        if not written and chosen == END:
            return None
        if not written and chosen not in LENGTHS:
            _missing(LENGTH, "Choose for how long.")
        try:
            length = parse_duration("".join(written.split()) or chosen)
        except DurationSyntaxError as error:
            raise NotFilledIn(**{OTHER_LENGTH: f"{error}."}) from None
        if not timedelta(0) < length <= LONGEST_QUIET:
            longest = format_duration(LONGEST_QUIET)
            raise NotFilledIn(**{OTHER_LENGTH: f"Write a length of more than nothing and at most {longest}."})
        return length


def _missing(name: str, sentence: str) -> NoReturn:
    raise NotFilledIn(**{name: sentence})
