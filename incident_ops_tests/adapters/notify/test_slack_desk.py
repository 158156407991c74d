"""From a button pressed in Slack to the incident in our store, and back to the post.

The payloads are as Slack sends them, the server enforces Slack's rules, the desk and the store are our own.
"""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from slack_sdk import WebClient

from incident_ops.adapters.notify.slack.actions import ACKNOWLEDGE, ASSIGN, MORE, RESOLVE, More
from incident_ops.adapters.notify.slack.desk import LONGEST_WAIT, SlackDesk
from incident_ops.core.errors import IllegalTransition, IncidentOpsError, StoreUnavailable
from incident_ops.core.incident import Incident
from incident_ops.core.severity import Severity
from incident_ops.core.status import Resolution, Role, Status
from incident_ops_tests.adapters.notify.slack_account import TOKEN
from incident_ops_tests.adapters.notify.slack_payloads import (
    button,
    chosen,
    reply,
    selected,
    written,
)
from incident_ops_tests.adapters.notify.slack_stage import BrokenDesk, Stage
from incident_ops_tests.adapters.notify.slack_texts import assert_harmless
from incident_ops_tests.fake_slack import FakeSlack, error, hang, server_error

ERIN, MAX = "erin@acme.test", "max@acme.test"


def test_an_incident_is_worked_on_in_slack_from_its_beginning_to_its_end(stage: Stage) -> None:
    assert stage.post.headline.startswith("🔴")
    assert stage.buttons() == [ACKNOWLEDGE, ASSIGN, RESOLVE, MORE]

    assert stage.presses(ACKNOWLEDGE) is None
    stage.delivers()
    assert stage.post.headline.startswith("🟡")
    assert stage.buttons() == [ASSIGN, RESOLVE, MORE]

    stage.presses(ASSIGN)
    assert stage.fills_in({"who": selected("U0MAX")}) is None
    stage.chooses(More.ROLE)
    stage.fills_in({"role": chosen("commander"), "who": selected("U0ERIN")})
    stage.chooses(More.SEVERITY, by="U0MAX")
    stage.fills_in({"severity": chosen("SEV1")}, by="U0MAX")
    stage.chooses(More.NOTE, by="U0MAX")
    stage.fills_in({"text": written("the source sent yesterday's file twice")}, by="U0MAX")
    stage.delivers()

    stage.presses(RESOLVE)
    stage.fills_in({"reason": chosen("fixed"), "text": written("loaded again")})
    stage.delivers()

    incident = stage.incident
    assert (incident.status, incident.resolution) == (Status.RESOLVED, Resolution.FIXED)
    assert (incident.assignee, incident.severity, incident.roles) == (MAX, Severity.SEV1, {Role.COMMANDER: ERIN})
    assert stage.thread == [
        "Acknowledged by erin@acme.test",
        "Assigned to max@acme.test by erin@acme.test",
        "erin@acme.test is commander",
        "SEV2 → SEV1 by max@acme.test",
        "max@acme.test: the source sent yesterday's file twice",
        "Resolved by erin@acme.test as fixed, after 3 min\nerin@acme.test: loaded again",
    ]
    assert stage.post.headline.startswith("🟢")
    assert stage.buttons() == []
    assert stage.whispers == [
        "INC-1 is acknowledged.",
        "INC-1 is assigned to max@acme.test.",
        "erin@acme.test is commander of INC-1.",
        "INC-1 is SEV1 now.",
        "It is on the timeline of INC-1.",
        "INC-1 is resolved as: fixed.",
    ]
    assert len(stage.server.posts()) == 1


def test_an_incident_that_ended_by_itself_is_asked_about_with_one_press(stage: Stage) -> None:
    stage.heals()
    stage.delivers()
    assert stage.incident.status is Status.RESOLVED
    assert stage.buttons() == [f"incident_answer_{reason}" for reason in Resolution]
    stage.presses("incident_answer_false_positive", by="U0MAX")
    stage.delivers()
    assert stage.incident.resolution is Resolution.FALSE_POSITIVE
    assert stage.buttons() == []
    assert stage.whispers == ["INC-1 is resolved as: false alarm."]


def test_silence_and_snooze_keep_it_quiet(stage: Stage) -> None:
    stage.chooses(More.SILENCE)
    stage.fills_in({"length": chosen("4h"), "other_length": written(None), "text": written("a known backfill")})
    stage.chooses(More.SNOOZE)
    stage.fills_in({"length": chosen("1h"), "other_length": written("30m")})
    [silence] = stage.store.silences(since=stage.clock())
    assert (silence.ends - silence.begins, silence.author) == (timedelta(hours=4), ERIN)
    assert silence.comment == "a known backfill"
    assert any("snoozed" in line for line in stage.story)
    stage.chooses(More.SNOOZE)
    stage.fills_in({"length": chosen("end")})
    assert stage.whispers == [
        "Nobody is told of a/b: not_null for 4 h.",
        "INC-1 is snoozed for 30 min.",
        "INC-1 is no longer snoozed.",
    ]


def test_a_role_is_taken_handed_over_and_laid_down(stage: Stage) -> None:
    for who, by in ((selected("U0ERIN"), "U0ERIN"), (selected("U0MAX"), "U0ERIN"), (selected(None), "U0MAX")):
        stage.chooses(More.ROLE, by=by)
        stage.fills_in({"role": chosen("communicator"), "who": who}, by=by)
    stage.delivers()
    assert stage.incident.roles == {}
    assert [line.partition(" (by ")[0] for line in stage.thread] == [
        "erin@acme.test is communicator",
        "max@acme.test is communicator, after erin@acme.test",
        "max@acme.test is no longer communicator",
    ]


def test_a_window_suggests_who_opens_it_and_what_is_free(stage: Stage) -> None:
    stage.chooses(More.ROLE)
    stage.fills_in({"role": chosen("commander"), "who": selected("U0ERIN")})
    stage.chooses(More.ROLE, by="U0MAX")
    view = stage.server.views[-1].view
    elements = {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}
    assert elements["who"]["initial_user"] == "U0MAX"
    assert elements["role"]["initial_option"]["value"] == "communicator"


# ---- what fails is said, and nothing is done


def test_many_press_at_once_and_one_was_first(stage: Stage) -> None:
    payloads = [stage.of_a_press(button(ACKNOWLEDGE, "INC-1"), by=user) for user in ("U0ERIN", "U0MAX") * 4]
    with ThreadPoolExecutor(len(payloads)) as threads:
        assert list(threads.map(stage.desk.handle, payloads)) == [None] * len(payloads)
    assert stage.whispers.count("INC-1 is acknowledged.") == 1
    assert len([text for text in stage.whispers if "already" in text]) == len(payloads) - 1
    assert len([line for line in stage.story if line.startswith("acknowledged by")]) == 1


def test_a_button_of_an_incident_that_became_part_of_another_says_of_which(stage: Stage) -> None:
    class Front(BrokenDesk):
        def incident(self, number: int) -> Incident:
            return replace(stage.incident, merged_into=3)

    stage.desk = stage.desk_on(Front(IncidentOpsError()))
    stage.presses(RESOLVE)
    assert stage.whispers == ["INC-1 was merged into INC-3: what is to be done is done there."]


def test_two_people_press_the_same_button(stage: Stage) -> None:
    stage.presses(ACKNOWLEDGE, by="U0ERIN")
    stage.presses(ACKNOWLEDGE, by="U0MAX")
    assert stage.incident.assignee == ERIN
    assert stage.whispers[-1] == "INC-1 is acknowledged already: erin@acme.test has it."


def test_a_button_of_an_incident_that_is_over_opens_no_window(stage: Stage) -> None:
    stage.presses(RESOLVE)
    stage.fills_in({"reason": chosen("fixed")})
    stage.presses(ASSIGN)
    assert len(stage.server.views) == 1
    assert stage.whispers[-1] == "INC-1 is resolved already, as fixed."


def test_the_same_answer_twice_says_who_gave_it(stage: Stage) -> None:
    stage.heals()
    for user in ("U0MAX", "U0ERIN"):
        stage.presses("incident_answer_false_positive", by=user)
    stage.presses(ACKNOWLEDGE)
    assert stage.whispers[1:] == ["INC-1 is resolved already, as false alarm, by max@acme.test."] * 2


def test_a_window_that_was_left_open_too_long_keeps_what_was_written(stage: Stage) -> None:
    stage.presses(RESOLVE, by="U0MAX")
    answer = stage.fills_in({"reason": chosen("fixed")}, by="U0MAX")
    assert answer is None
    again = stage.fills_in({"reason": chosen("fixed")}, by="U0MAX")
    assert again["response_action"] == "errors"
    assert list(again["errors"]) == ["reason"]


@pytest.mark.parametrize("value", ["INC-99", "INC-1 ", "1", "", "INC-1; drop table", "INC-0", "INC-" + "9" * 30])
def test_a_button_about_something_unknown_is_refused(untouched: Stage, value: str) -> None:
    told = len(untouched.whispers)
    for action in (ACKNOWLEDGE, RESOLVE, "incident_answer_fixed"):
        assert untouched.presses(action, value) is None
    assert len(untouched.whispers) == told + 3
    assert untouched.server.views == []


def test_a_window_that_is_not_filled_in_says_so_where_it_is_empty(stage: Stage) -> None:
    stage.presses(ASSIGN)
    assert stage.fills_in({"who": selected(None)}) == {
        "response_action": "errors",
        "errors": {"who": "Choose a person."},
    }
    assert stage.incident.assignee is None


TROUBLES = [
    StoreUnavailable("the database cannot be reached <!channel>"),
    IllegalTransition(Status.RESOLVED, Status.ACKNOWLEDGED),
    IncidentOpsError(""),
]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: type(trouble).__name__)
def test_a_store_that_is_away_is_told_in_words_whatever_was_asked(stage: Stage, trouble: IncidentOpsError) -> None:
    stage.presses(RESOLVE)
    stage.desk = stage.desk_on(BrokenDesk(trouble))
    for action in (ACKNOWLEDGE, ASSIGN, "incident_answer_fixed"):
        assert stage.presses(action) is None
    stage.chooses(More.NOTE)
    stage.keeps(reply("hello"))
    assert len(stage.whispers) == 5
    answer = stage.fills_in({"reason": chosen("fixed")})
    [said] = answer["errors"].values()
    bodies = [stage.writes(text) for text in ("list", "mine", "show 1", "oncall")]
    for text in (*stage.whispers, said, *(body["text"] for body in bodies)):
        assert_harmless(text)
        assert text.endswith(".")


def test_slack_away_does_not_undo_what_was_done(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.server.down(server_error(503))
    with caplog.at_level(logging.WARNING, logger="incident_ops"):
        assert stage.presses(ACKNOWLEDGE) is None
        assert stage.presses(RESOLVE) is None
    assert stage.incident.status is Status.ACKNOWLEDGED
    assert "could not be told" in caplog.text
    assert "secret" not in caplog.text, "a response_url lets anybody speak to that person"


def test_a_window_that_cannot_be_opened_is_told(stage: Stage) -> None:
    troubles = [error("expired_trigger_id"), hang(), error("missing_scope", needed="chat:write")]
    for trouble in troubles:
        stage.server.next(trouble, method="views.open")
        stage.presses(RESOLVE)
    late, hung, refused = stage.whispers
    assert late == hung == "Slack did not open the window in time; press again."
    assert refused.startswith("Slack does not let the app open windows")


def test_slack_is_never_waited_for_longer_than_it_waits_for_us(stage: Stage) -> None:
    stage.server.down(hang())
    began = time.monotonic()
    stage.presses(ACKNOWLEDGE)
    assert time.monotonic() - began < 3
    assert LONGEST_WAIT * 2 < 3
    assert stage.incident.status is Status.ACKNOWLEDGED


def test_answers_go_to_slack_and_to_nobody_else(stage: Stage) -> None:
    with FakeSlack(token=TOKEN) as other:
        for url in (
            other.response_url,
            "https://hooks.slack.com.evil.test/x",
            "file:///etc/passwd",
            "http://[",
            "",
        ):
            payload = stage.of_a_press(button(ACKNOWLEDGE, "INC-1"))
            stage.desk.handle({**payload, "response_url": url})
        assert other.calls == []
    assert [call.body["user"] for call in stage.server.calls_of("chat.postEphemeral")] == ["U0ERIN"] * 5


def test_a_client_that_repeats_by_itself_is_not_taken(stage: Stage) -> None:
    with pytest.raises(ValueError, match="slack_client"):
        SlackDesk(WebClient(token=TOKEN), stage.front, clock=stage.clock)
