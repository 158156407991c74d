"""What people can press under a post: which buttons an incident has as it stands, and what a press says.

A button carries `INC-n` and nothing else; everything it is about is looked up when it is pressed. The windows that
some of them open are `modals.py`, what becomes of a press `desk.py`.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

from incident_ops.adapters.notify.slack.blocks import Block, mrkdwn, plain_text
from incident_ops.core.incident import Incident
from incident_ops.core.reasons import REASONS
from incident_ops.core.status import TRANSITIONS, Resolution, Status

ACTIONS_BLOCK, ANSWER_BLOCK = "incident_actions", "incident_answer"

ACKNOWLEDGE = "incident_acknowledge"
ASSIGN = "incident_assign"
RESOLVE = "incident_resolve"
MORE = "incident_more"
ANSWER = "incident_answer_"
"""Begins an action's id; the reason is its end."""


class More(StrEnum):
    """The menu behind the three dots: Slack allows five entries, so each opens a window."""

    NOTE = "note"
    SEVERITY = "severity"
    ROLE = "role"
    SILENCE = "silence"
    SNOOZE = "snooze"


_MORE = {
    More.NOTE: "Add a note…",
    More.SEVERITY: "Change the severity…",
    More.ROLE: "Take or hand over a role…",
    More.SILENCE: "Silence…",
    More.SNOOZE: "Snooze…",
}

_CHOICES = {str(choice): choice for choice in More}
_ANSWERS = {f"{ANSWER}{reason}": reason for reason in REASONS}
_INCIDENT = re.compile(r"INC-([1-9][0-9]{0,14})")


def actions_of(incident: Incident) -> Sequence[Block]:
    """One block while it is open; a question with its answers when it ended without a reason; else nothing, as for
    the sample of a test, whose number nothing bears."""
    if number_of(incident.id) is None:
        return ()
    if incident.is_open:
        return (_actions(incident),)
    if incident.resolution is None and incident.merged_into is None:
        return _question(incident)
    return ()


def number_of(value: str) -> int | None:
    """The number in `INC-7`; None for anything else."""
    found = _INCIDENT.fullmatch(value)
    return int(found[1]) if found else None


def choice_of(value: str) -> tuple[More, int] | None:
    """What a choice in the menu says: `note:INC-7`."""
    chosen, _, incident = value.partition(":")
    number = number_of(incident)
    choice = _CHOICES.get(chosen)
    return (choice, number) if choice is not None and number is not None else None


def answer_of(action_id: str) -> Resolution | None:
    """The reason in the id of one of the answers."""
    return _ANSWERS.get(action_id)


def _actions(incident: Incident) -> Block:
    elements = [
        _button("Assign…", ASSIGN, incident.id),
        _button("Resolve…", RESOLVE, incident.id),
        {
            "type": "overflow",
            "action_id": MORE,
            "options": [
                {"text": plain_text(words), "value": f"{choice}:{incident.id}"} for choice, words in _MORE.items()
            ],
        },
    ]
    if Status.ACKNOWLEDGED in TRANSITIONS[incident.status]:
        elements.insert(0, {**_button("Acknowledge", ACKNOWLEDGE, incident.id), "style": "primary"})
    return {"type": "actions", "block_id": ACTIONS_BLOCK, "elements": elements}


def _question(incident: Incident) -> Sequence[Block]:
    answers = [_button(words, f"{ANSWER}{reason}", incident.id) for reason, words in REASONS.items()]
    return (
        {"type": "section", "text": mrkdwn("*What was it?*")},
        {"type": "actions", "block_id": ANSWER_BLOCK, "elements": answers},
    )


def _button(words: str, action_id: str, value: str) -> Block:
    return {"type": "button", "text": plain_text(words), "action_id": action_id, "value": value}
