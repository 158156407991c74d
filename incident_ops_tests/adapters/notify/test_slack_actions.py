"""What can be pressed under a post: what fits the incident as it stands, and nothing that leads nowhere."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from incident_ops.adapters.notify.slack.actions import (
    REASONS,
    More,
    actions_of,
    answer_of,
    choice_of,
    number_of,
)
from incident_ops.adapters.notify.slack.blocks import render
from incident_ops.adapters.notify.slack.notifier import SlackNotifier, slack_notifier
from incident_ops.core.incident import Incident
from incident_ops.core.message import Colour, bulletin, compose, told
from incident_ops.core.status import Resolution, Role
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.golden_files import assert_looks_as_it_did
from incident_ops_tests.adapters.notify.slack_account import FIN, TOKEN
from incident_ops_tests.builders import T0, make_incident
from incident_ops_tests.fake_slack import FakeSlack, error
from incident_ops_tests.fake_slack.rules import block_problems

ERIN = "erin@acme.test"
LATER = T0 + timedelta(minutes=30)
KEY = "INC-7:post:slack:#fin"

TRIGGERED = make_incident(7)
ACKNOWLEDGED = TRIGGERED.acknowledged(by=ERIN, at=T0 + timedelta(minutes=5)).in_role(
    Role.COMMANDER, ERIN, by=ERIN, at=LATER
)
MITIGATED = ACKNOWLEDGED.mitigated(by=ERIN, at=LATER)
RESOLVED = ACKNOWLEDGED.resolved(at=LATER)
WITH_REASON = ACKNOWLEDGED.resolved(at=LATER, by=ERIN, reason=Resolution.FIXED)
MERGED = replace(RESOLVED, merged_into=3)
CLOSED = RESOLVED.closed(at=LATER)

STATES = {
    "triggered": TRIGGERED,
    "acknowledged": ACKNOWLEDGED,
    "resolved_without_reason": RESOLVED,
    "resolved_with_reason": WITH_REASON,
}


def words(incident: Incident) -> list[str]:
    """What can be read on the buttons and in the menu."""
    found: list[str] = []
    for block in actions_of(incident):
        for element in block.get("elements", ()):
            options = element.get("options")
            found.extend(o["text"]["text"] for o in options) if options else found.append(element["text"]["text"])
    return found


@pytest.mark.parametrize("state", STATES)
def test_the_post_with_its_buttons_looks_as_it_did(state: str) -> None:
    message = compose(STATES[state], links_of=lambda _: messages.LINKS)
    payload = render(message, actions=actions_of(STATES[state]))
    assert block_problems(list(payload.blocks)) == []
    assert_looks_as_it_did(f"with_buttons_{state}", {"text": payload.text, "blocks": payload.blocks})


MENU = [
    "Add a note…",
    "Change the severity…",
    "Take or hand over a role…",
    "Silence…",
    "Snooze…",
]


@pytest.mark.parametrize(
    ("incident", "shown"),
    [
        (TRIGGERED, ["Acknowledge", "Assign…", "Resolve…", *MENU]),
        (ACKNOWLEDGED, ["Assign…", "Resolve…", *MENU]),
        (MITIGATED, ["Assign…", "Resolve…", *MENU]),
        (RESOLVED, ["Fixed", "Expected", "False alarm", "Duplicate", "No action needed"]),
        (CLOSED, ["Fixed", "Expected", "False alarm", "Duplicate", "No action needed"]),
        (WITH_REASON, []),
        (MERGED, []),
        (make_incident(0), []),
    ],
    ids=["triggered", "acknowledged", "mitigated", "resolved", "closed", "with a reason", "merged", "sample"],
)
def test_only_what_is_possible_now_can_be_pressed(incident: Incident, shown: list[str]) -> None:
    assert words(incident) == shown


def test_a_press_carries_the_incident_and_nothing_else() -> None:
    for block in (*actions_of(TRIGGERED), *actions_of(RESOLVED)):
        for element in block.get("elements", ()):
            values = [option["value"] for option in element.get("options", ())] or [element["value"]]
            for value in values:
                assert value.rpartition(":")[2] == "INC-7"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("INC-7", 7),
        ("INC-123456789012345", 123456789012345),
        *(
            (bad, None)
            for bad in ("INC-0", "INC-07", "INC-", "7", "inc-7", "INC-7 ", "INC-7\n", "INC-٣", "INC--1", "")
        ),
        ("INC-1234567890123456", None),
    ],
)
def test_only_a_number_comes_back_as_one(value: str, number: int | None) -> None:
    assert number_of(value) == number


def test_choices_and_answers_come_back_as_what_they_were() -> None:
    assert [choice_of(f"{more}:INC-7") for more in More] == [(more, 7) for more in More]
    assert [choice_of(bad) for bad in ("note", "note:7", "drop:INC-7", ":INC-7", "")] == [None] * 5
    assert [answer_of(f"incident_answer_{reason}") for reason in REASONS] == list(Resolution)
    assert [answer_of(bad) for bad in ("incident_answer_", "incident_answer_lost", "fixed")] == [None] * 3


# ---- where they are shown


@pytest.fixture
def interactive(server: FakeSlack) -> SlackNotifier:
    return slack_notifier(TOKEN, server.base_url, interactive=True)


def pressable(blocks: list[dict[str, Any]]) -> list[str]:
    return [block["block_id"] for block in blocks if block["type"] == "actions"]


def test_without_somebody_who_answers_there_are_no_dead_buttons(
    server: FakeSlack, notifier: SlackNotifier
) -> None:
    receipt = notifier.send(FIN, compose(TRIGGERED, links_of=lambda _: ()), key=KEY)
    notifier.update(receipt, compose(RESOLVED, links_of=lambda _: ()), key="INC-7:edit:slack:#fin:r2")
    assert [pressable(call.body["blocks"]) for call in server.calls] == [[], []]


def test_an_edit_changes_the_buttons_too(server: FakeSlack, interactive: SlackNotifier) -> None:
    receipt = interactive.send(FIN, compose(TRIGGERED, links_of=lambda _: ()), key=KEY)
    interactive.update(receipt, compose(RESOLVED, links_of=lambda _: ()), key="INC-7:edit:slack:#fin:r2")
    interactive.update(receipt, compose(WITH_REASON, links_of=lambda _: ()), key="INC-7:edit:slack:#fin:r3")
    shown = [pressable(call.body["blocks"]) for call in server.calls]
    assert shown == [["incident_actions"], ["incident_answer"], []]


def test_what_is_no_incidents_post_has_no_buttons(server: FakeSlack, interactive: SlackNotifier) -> None:
    """A consumer of the data is told, not asked; a digest is about many."""
    notice = told(TRIGGERED, "Your data is late", colour=Colour.RED, links=())
    interactive.send(FIN, notice, key="INC-7:start:ana@acme.test:1")
    interactive.send(FIN, bulletin("Digest"), key="digest:2026-11-20")
    assert [pressable(post.blocks) for post in server.posts("#fin")] == [[], []]


def test_blocks_that_slack_refuses_take_the_buttons_with_them(
    server: FakeSlack, interactive: SlackNotifier
) -> None:
    server.next(error("invalid_blocks"))
    interactive.send(FIN, compose(TRIGGERED, links_of=lambda _: ()), key=KEY)
    [post] = server.posts("#fin")
    assert post.blocks == []
    assert "INC-7" in post.text
