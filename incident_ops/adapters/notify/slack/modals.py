"""The windows that open when more than a press is needed. What a filled one amounts to is `filled.py`.

A window carries the incident and the place where it was asked for, as `private_metadata`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from incident_ops.adapters.notify.slack.actions import More
from incident_ops.adapters.notify.slack.blocks import Block, context, mrkdwn, plain_text
from incident_ops.adapters.notify.slack.text import fit, fit_line, inline, plain
from incident_ops.adapters.notify.slack.users import USER_ID
from incident_ops.core.incident import Incident
from incident_ops.core.reasons import REASONS
from incident_ops.core.severity import Severity
from incident_ops.core.status import Role

# Slack's limits (docs.slack.dev, reference/views): a title of 24 characters, 3,000 a text input.
LONGEST_INPUT = 3_000
HEADLINE = 300


class Modal(StrEnum):
    """The windows, by their callback ids."""

    ASSIGN = "incident_assign"
    RESOLVE = "incident_resolve"
    NOTE = "incident_write_note"
    SEVERITY = "incident_severity"
    ROLE = "incident_role"
    SILENCE = "incident_silence"
    SNOOZE = "incident_snooze"


OF_THE_MENU = {
    More.NOTE: Modal.NOTE,
    More.SEVERITY: Modal.SEVERITY,
    More.ROLE: Modal.ROLE,
    More.SILENCE: Modal.SILENCE,
    More.SNOOZE: Modal.SNOOZE,
}

_TITLES = {
    Modal.ASSIGN: ("Assign", "Assign"),
    Modal.RESOLVE: ("Resolve", "Resolve"),
    Modal.NOTE: ("Add a note", "Write it down"),
    Modal.SEVERITY: ("Change the severity", "Change"),
    Modal.ROLE: ("Take or hand over", "Save"),
    Modal.SILENCE: ("Silence", "Silence"),
    Modal.SNOOZE: ("Snooze", "Snooze"),
}

WHO, REASON, TEXT, SEVERITY, ROLE, LENGTH, OTHER_LENGTH = (
    "who", "reason", "text", "severity", "role", "length", "other_length"
)  # fmt: skip
"""Ids of the inputs, each block's and its element's."""

END = "end"
LENGTHS = {"1h": "1 hour", "4h": "4 hours", "24h": "24 hours"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a window was asked for: `channel` is empty where Slack did not say, `thread` outside of a thread."""

    channel: str = ""
    thread: str = ""


def modal(kind: Modal, incident: Incident, *, asked_by: str, place: Place) -> dict[str, Any]:
    """
    Args:
        asked_by: who opens it, an id in Slack; chosen where a person is to be.
    """
    title, submit = _TITLES[kind]
    return {
        "type": "modal",
        "callback_id": str(kind),
        "title": plain_text(title),
        "submit": plain_text(submit),
        "close": plain_text("Cancel"),
        "private_metadata": json.dumps(
            {"incident": incident.id, "channel": place.channel, "thread": place.thread}
        ),
        "blocks": [_headline(incident), *_INPUTS[kind](incident, asked_by)],
    }


def note_window(title: str, sentence: str) -> dict[str, Any]:
    """A window that only says something."""
    return {
        "type": "modal",
        "title": plain_text(title),
        "close": plain_text("Close"),
        "blocks": [{"type": "section", "text": plain_text(fit(sentence, LONGEST_INPUT, plain))}],
    }


def _headline(incident: Incident) -> Block:
    words = f"{incident.id} {incident.severity} {incident.title}"
    return {"type": "section", "text": plain_text(fit_line(words, HEADLINE, plain))}


def _assign(incident: Incident, asked_by: str) -> Sequence[Block]:
    return [_input(WHO, "To whom", _people(asked_by))]


def _resolve(incident: Incident, asked_by: str) -> Sequence[Block]:
    reasons = {str(reason): words for reason, words in REASONS.items()}
    return [_input(REASON, "What was it?", _radio(reasons)), _text("A note for the timeline", optional=True)]


def _note(incident: Incident, asked_by: str) -> Sequence[Block]:
    return [_text("What is to be remembered", optional=False)]


def _severity(incident: Incident, asked_by: str) -> Sequence[Block]:
    severities = {str(severity): _SEVERITIES[severity] for severity in Severity}
    return [
        _input(SEVERITY, "Severity", _radio(severities, initial=str(incident.severity))),
        context(mrkdwn("It stays as you set it, whatever alerts come later.")),
    ]


_SEVERITIES = {
    Severity.SEV0: "SEV0, the worst",
    Severity.SEV1: "SEV1",
    Severity.SEV2: "SEV2",
    Severity.SEV3: "SEV3, the mildest",
}


def _role(incident: Incident, asked_by: str) -> Sequence[Block]:
    held = [f"{role.label}: {fit_line(who, 100, inline)}" for role, who in incident.roles.items()]
    roles = {
        str(Role.COMMANDER): "Commander: leads the response",
        str(Role.COMMUNICATOR): "Communicator: tells the others",
    }
    free = next((str(role) for role in Role if role not in incident.roles), str(Role.COMMANDER))
    return [
        *([context(mrkdwn("; ".join(held)))] if held else []),
        _input(ROLE, "Role", _radio(roles, initial=free)),
        _input(WHO, "Who has it from now on (nobody: leave it empty)", _people(asked_by), optional=True),
    ]


def _silence(incident: Incident, asked_by: str) -> Sequence[Block]:
    what = fit_line(str(incident.root.subject), HEADLINE, inline)
    return [
        context(mrkdwn(f"Nobody is told of {what} for so long; everything is still recorded.")),
        *_lengths(LENGTHS),
        _text("Why", optional=True),
    ]


def _snooze(incident: Incident, asked_by: str) -> Sequence[Block]:
    return [
        context(mrkdwn("Nobody is told of this incident for so long; everything is still recorded.")),
        *_lengths({**LENGTHS, END: "No longer: end the snooze"}),
    ]


_INPUTS: Mapping[Modal, Callable[[Incident, str], Sequence[Block]]] = {
    Modal.ASSIGN: _assign,
    Modal.RESOLVE: _resolve,
    Modal.NOTE: _note,
    Modal.SEVERITY: _severity,
    Modal.ROLE: _role,
    Modal.SILENCE: _silence,
    Modal.SNOOZE: _snooze,
}


def _lengths(choices: Mapping[str, str]) -> Sequence[Block]:
    other = {
        "type": "plain_text_input",
        "action_id": OTHER_LENGTH,
        "placeholder": plain_text("30m, 2d, 1h30m"),
        "max_length": 20,
    }
    return [
        _input(LENGTH, "For how long", _radio(choices, initial=next(iter(choices)))),
        _input(OTHER_LENGTH, "Or for another length", other, optional=True),
    ]


def _text(label: str, *, optional: bool) -> Block:
    element = {
        "type": "plain_text_input",
        "action_id": TEXT,
        "multiline": True,
        "max_length": LONGEST_INPUT,
    }
    return _input(TEXT, label, element, optional=optional)


def _people(asked_by: str) -> Block:
    chosen = {"initial_user": asked_by} if USER_ID.fullmatch(asked_by) else {}
    return {"type": "users_select", "action_id": WHO, "placeholder": plain_text("Choose a person"), **chosen}


def _radio(choices: Mapping[str, str], *, initial: str | None = None) -> Block:
    options = {value: {"text": plain_text(words), "value": value} for value, words in choices.items()}
    chosen = {"initial_option": options[initial]} if initial is not None else {}
    return {"type": "radio_buttons", "options": list(options.values()), **chosen}


def _input(name: str, label: str, element: Block, *, optional: bool = False) -> Block:
    return {
        "type": "input",
        "block_id": name,
        "label": plain_text(label),
        "element": {**element, "action_id": name},
        "optional": optional,
    }
