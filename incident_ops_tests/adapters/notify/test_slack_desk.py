"""From a button pressed in Slack to the incident in our store, and back to the post.

The payloads are as Slack sends them, the server enforces Slack's rules, the desk and the store are our own.
"""

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk import WebClient

from incident_ops.adapters.notify.slack.actions import ACKNOWLEDGE, ASSIGN, MORE, RESOLVE, More
from incident_ops.adapters.notify.slack.answers import MOST_LISTED
from incident_ops.adapters.notify.slack.api import SlackApi
from incident_ops.adapters.notify.slack.desk import LONGEST_WAIT, SlackDesk
from incident_ops.adapters.notify.slack.http import slack_client
from incident_ops.adapters.notify.slack.users import EmailsById
from incident_ops.core.commands import Command
from incident_ops.core.errors import IllegalTransition, IncidentOpsError, StoreUnavailable
from incident_ops.core.incident import Incident
from incident_ops.core.severity import Severity
from incident_ops.core.status import Resolution, Role, Status
from incident_ops_tests.adapters.notify.slack_account import TOKEN
from incident_ops_tests.adapters.notify.slack_payloads import (
    button,
    chosen,
    closed,
    global_shortcut,
    menu,
    message_shortcut,
    pressed,
    reply,
    selected,
    slash,
    submitted,
    written,
)
from incident_ops_tests.adapters.notify.slack_stage import Stage, set_up
from incident_ops_tests.adapters.notify.slack_texts import assert_harmless, texts_in
from incident_ops_tests.adapters.notify.test_slack_modals import window
from incident_ops_tests.builders import T0
from incident_ops_tests.fake_slack import FakeSlack, FakeUser, channel_id, error, hang, server_error
from incident_ops_tests.fake_slack.rules import block_problems
from incident_ops_tests.fake_slack.view_rules import view_problems

ERIN, MAX = "erin@acme.test", "max@acme.test"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with set_up(tmp_path) as ready:
        ready.breaks()
        ready.delivers()
        yield ready


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """For what changes nothing: one for all these tests."""
    with set_up(tmp_path_factory.mktemp("untouched")) as ready:
        ready.breaks()
        ready.delivers()
        before = ready.story
        yield ready
        assert ready.story == before


# ---- the story


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


# ---- notes


def test_a_message_in_the_thread_becomes_a_note_with_its_author(stage: Stage) -> None:
    said = "<@U0ERIN> see <https://a.test/x?a=1&amp;b=2|the run> in <#C0FIN|fin>, 3 &lt; 4 <!here>"
    stage.keeps(reply(said, thread_ts=stage.post.ts))
    assert stage.story[-1] == f"{MAX}: @U0ERIN see the run (https://a.test/x?a=1&b=2) in #fin, 3 < 4 @here"
    assert stage.whispers == ["It is on the timeline of INC-1."]


def test_the_post_itself_and_our_own_replies_belong_to_it_too(stage: Stage) -> None:
    stage.presses(ACKNOWLEDGE)
    stage.delivers()
    [ours] = stage.server.replies(stage.post.ts)
    stage.keeps(
        {"text": "what the post says", "ts": stage.post.ts, "bot_id": "B0FAKE", "username": "incident_ops"}
    )
    stage.keeps({"text": "what we replied", "ts": ours.ts, "thread_ts": stage.post.ts, "bot_id": "B0FAKE"})
    assert stage.story[-2:] == ["slack:incident_ops: what the post says", "slack:an app: what we replied"]


def test_ones_own_message_has_one_author_and_files_are_named(stage: Stage) -> None:
    files = [{"id": "F1", "name": "before.png"}, {"id": "F2"}]
    stage.keeps(reply("my theory", by="U0ERIN", thread_ts=stage.post.ts, files=files))
    assert stage.story[-1] == "my theory\n(file: before.png, without a name)"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (reply("elsewhere", thread_ts="1.000001"), "This message belongs to no incident"),
        ({"text": "alone", "ts": "1.000002", "user": "U0MAX"}, "This message belongs to no incident"),
        (reply(" "), "There is no text in this message"),
        ({}, "There is no text in this message"),
    ],
)
def test_what_is_no_note_is_said_to_be_none(untouched: Stage, message: Mapping[str, Any], said: str) -> None:
    untouched.keeps(message)
    assert untouched.whispers[-1].startswith(said)


def test_a_long_message_is_shortened(stage: Stage) -> None:
    stage.keeps(reply("x" * 9_000, by="U0ERIN", thread_ts=stage.post.ts))
    assert stage.story[-1] == f"{'x' * 3_000} … and 6,000 more characters"


def test_a_kept_message_is_not_repeated_below_itself(stage: Stage) -> None:
    found = reply("found it", thread_ts=stage.post.ts)
    stage.keeps(found)
    stage.keeps(found, by="U0MAX")
    stage.keeps(reply("mine", by="U0ERIN", thread_ts=stage.post.ts))
    stage.delivers()
    assert stage.thread == []
    assert stage.story[-2:] == [f"{MAX}: found it", "mine"]
    assert stage.whispers[1].startswith("INC-1 has this note already")


def test_a_message_in_the_thread_of_what_was_merged_is_kept_where_it_went(stage: Stage) -> None:
    thread = stage.post.ts
    stage.breaks("c/d")
    stage.delivers()
    stage.merges(into=2, other=1)
    stage.keeps(reply("found it", thread_ts=thread))
    assert stage.whispers == ["It is on the timeline of INC-2, into which INC-1 was merged."]
    assert stage.store.timeline(2)[-1].text == f"{MAX}: found it"
    assert f"merged into INC-2: decided by {ERIN}" in stage.story
    stage.delivers()
    _, survivor = stage.server.posts("#fin")
    assert f"{ERIN}: {MAX}: found it" in stage.server.replies(survivor.ts)[-1].text


# ---- who it was


def test_people_are_known_by_configuration_then_by_slack_then_by_their_name(stage: Stage) -> None:
    for user in ("U0OLAF", "U0MAX", "U0STRANGER"):
        stage.chooses(More.NOTE, by=user)
        stage.fills_in({"text": written(f"from {user}")}, by=user)
    [*_, olaf, max_, stranger] = stage.store.timeline(1)
    assert [entry.by for entry in (olaf, max_, stranger)] == ["olaf@acme.test", MAX, "slack:stranger"]
    assert [call.body["user"] for call in stage.server.calls_of("users.info")] == ["U0MAX", "U0STRANGER"]


def test_slack_is_asked_about_a_person_once_an_hour(stage: Stage) -> None:
    for note in ("one", "two", "three"):
        stage.later(29)
        stage.chooses(More.NOTE)
        stage.fills_in({"text": written(note)})
    assert len(stage.server.calls_of("users.info")) == 1
    stage.later(10)
    stage.writes("mine")
    assert len(stage.server.calls_of("users.info")) == 2


def test_a_missing_scope_is_asked_for_once_and_a_pause_of_slacks_again(stage: Stage) -> None:
    stage.server.down(error("missing_scope", needed="users:read"), method="users.info")
    stage.presses(ACKNOWLEDGE)
    stage.writes("mine")
    assert stage.incident.assignee == "slack:erin"
    assert len(stage.server.calls_of("users.info")) == 1
    stage.server.down(server_error(500), method="users.info")
    for _ in range(2):
        stage.writes("mine", by="U0MAX")
    assert len(stage.server.calls_of("users.info")) == 3


def test_an_address_known_before_holds_while_slack_does_not_answer(stage: Stage) -> None:
    stage.writes("mine")
    stage.later(120)
    stage.server.down(server_error(500), method="users.info")
    stage.presses(ACKNOWLEDGE)
    assert stage.incident.assignee == ERIN


def test_who_took_it_under_a_name_has_it_by_the_address_later(stage: Stage) -> None:
    stage.server.down(server_error(500), method="users.info")
    stage.presses(ACKNOWLEDGE)
    assert stage.incident.assignee == "slack:erin"
    stage.server.up()
    assert "INC-1" in said_in(stage.writes("mine"))
    assert "Nothing open" in said_in(stage.writes("mine", by="U0MAX"))
    stage.presses(ACKNOWLEDGE, by="U0MAX")
    stage.presses(ACKNOWLEDGE)
    stage.presses(ACKNOWLEDGE)
    assert stage.incident.assignee == ERIN
    assert stage.whispers[1:] == [
        "INC-1 is acknowledged already: slack:erin has it.",
        "INC-1 is assigned to erin@acme.test.",
        "INC-1 is acknowledged already: you have it.",
    ]


def test_what_is_remembered_of_people_is_bounded(tmp_path: Path) -> None:
    people = [FakeUser(id=f"U0P{n}", name=f"p{n}", email=f"p{n}@acme.test") for n in range(4)]
    with FakeSlack(token=TOKEN, people=people) as server:
        api = SlackApi(slack_client(TOKEN, server.base_url))
        known = EmailsById(api, lambda _: None, lambda: T0, most=2)
        for user in ("U0P0", "U0P1", "U0P2", "U0P3", "U0P3", "U0P2", "U0P0"):
            assert known.address_of(user) == f"p{user[-1]}@acme.test"
        asked = [call.body["user"] for call in server.calls_of("users.info")]
    assert asked == ["U0P0", "U0P1", "U0P2", "U0P3", "U0P0"]
    assert (known.remembered("U0P3"), known.remembered("U0P1")) == ("p3@acme.test", None)


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


class BrokenDesk:
    """Nothing works behind it."""

    def __init__(self, trouble: IncidentOpsError) -> None:
        self._trouble = trouble

    def perform(self, command: Command, *, by: str) -> Incident:
        raise self._trouble

    def incident(self, number: int) -> Incident:
        raise self._trouble

    def incident_of_message(self, channel: str, message: str) -> int | None:
        raise self._trouble

    def open_incidents(self) -> Sequence[Incident]:
        raise self._trouble

    def of_person(self, who: str) -> Sequence[Incident]:
        raise self._trouble

    def on_call(self) -> Mapping[str, Sequence[str]]:
        raise self._trouble

    def address_of(self, slack_user: str) -> str | None:
        raise self._trouble


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


# ---- the slash command


def said_in(body: Mapping[str, Any]) -> str:
    assert body["response_type"] == "ephemeral"
    assert block_problems(body["blocks"]) == []
    return "\n".join(texts_in(body["blocks"]))


def test_the_list_begins_with_what_is_most_urgent(stage: Stage) -> None:
    stage.presses(ACKNOWLEDGE)
    for n in range(MOST_LISTED + 2):
        stage.later()
        stage.breaks(f"x/{n}", summary="<!channel>")
    stage.chooses(More.SEVERITY, "INC-9")
    stage.fills_in({"severity": chosen("SEV0")})
    lines = said_in(stage.writes("list")).split("\n")
    assert lines[0] == f"*Open incidents* ({MOST_LISTED + 3})"
    assert lines[1] == "🔴 INC-9 SEV0 x/7: check not_null failed · triggered for 14 min"
    assert lines[2] == "🔴 INC-2 SEV2 x/0: check not_null failed · triggered for 21 min"
    assert len(lines) == MOST_LISTED + 2
    assert lines[-1] == "… and 3 more"


def test_one_incident_is_shown_with_its_buttons(stage: Stage) -> None:
    for text in ("show INC-1", "SHOW inc-1", "show  1 "):
        body = stage.writes(text)
        assert "INC-1 SEV2 a/b: check not_null failed" in said_in(body)
        assert body["blocks"][-1]["block_id"] == "incident_actions"
    assert "INC-99" in said_in(stage.writes("show INC-99"))


def test_the_buttons_of_an_answer_work_like_those_of_the_post(stage: Stage) -> None:
    """Slack sends no message along with a press on what one person alone was shown."""
    stage.writes("show INC-1", by="U0MAX")
    container = {"type": "message", "message_ts": "1764000060.000300", "is_ephemeral": True}
    press = stage.of_a_press(button(ACKNOWLEDGE, "INC-1"), by="U0MAX", container=container)
    del press["message"]
    assert stage.desk.handle(press) is None
    assert (stage.incident.assignee, stage.whispers) == (MAX, ["INC-1 is acknowledged."])


def test_mine_is_what_one_is_assigned_or_has_a_role_in(stage: Stage) -> None:
    assert said_in(stage.writes("mine", by="U0MAX")) == "Nothing open is yours (max＠acme.test).".replace(
        "＠", "@"
    )
    stage.chooses(More.ROLE)
    stage.fills_in({"role": chosen("communicator"), "who": selected("U0MAX")})
    assert "INC-1" in said_in(stage.writes("mine", by="U0MAX"))
    assert "you are slack:stranger here" in said_in(stage.writes("mine", by="U0STRANGER"))
    hostile = {**slash("mine", by="U0STRANGER"), "user_name": "<!channel> *@here*"}
    body = stage.desk_on(stage.front).handle(hostile)
    assert body is not None
    assert "&lt;!channel&gt;" in said_in(body)
    assert_harmless(said_in(body))


def test_who_is_on_call_is_told_by_schedule(stage: Stage) -> None:
    class Front(BrokenDesk):
        def on_call(self) -> Mapping[str, Sequence[str]]:
            return {"fin": ["erin@acme.test", "max@acme.test"], "web <!here>": []}

        def address_of(self, slack_user: str) -> str | None:
            return None

    assert "There is no schedule: add one" in said_in(stage.writes("oncall"))
    stage.desk = stage.desk_on(Front(IncidentOpsError()))
    assert said_in(stage.writes("oncall")) == ("*fin*: erin@acme.test, max@acme.test\n*web &lt;!here&gt;*: nobody")
    assert said_in(stage.writes("oncall FIN")) == "*fin*: erin@acme.test, max@acme.test"
    assert "there are: fin, web" in said_in(stage.writes("oncall nights"))


def test_schedules_of_long_names_fit_into_one_answer(stage: Stage) -> None:
    class Front(BrokenDesk):
        def on_call(self) -> Mapping[str, Sequence[str]]:
            return {f"{n} {'& nights ' * 30}": [] for n in range(60)}

    stage.desk = stage.desk_on(Front(IncidentOpsError()))
    assert "There is no schedule fin; there are: 0" in said_in(stage.writes("oncall fin"))
    assert "and 20 more" in said_in(stage.writes("oncall"))


@pytest.mark.parametrize(
    "text", ["", "help", "list everything", "show", "show INC-x", "delete INC-1", "<!channel>"]
)
def test_anything_else_is_answered_with_what_can_be_asked(untouched: Stage, text: str) -> None:
    said = said_in(untouched.writes(text))
    assert "`/incident list`" in said
    assert ("I do not know" in said) == (text not in ("", "help"))
    assert "<!" not in said


# ---- what is not ours


@pytest.mark.parametrize(
    "payload",
    [
        slash("list", command="/weather"),
        pressed(button("approve_invoice", "INC-1")),
        pressed(menu(MORE, "explode:INC-1")),
        {**pressed(button(ACKNOWLEDGE, "INC-1")), "actions": []},
        message_shortcut(reply("x"), callback_id="translate"),
        global_shortcut("open_everything"),
        {**global_shortcut("x"), "type": "workflow_step_edit"},
        {**global_shortcut("x"), "type": ["block_actions"]},
    ],
)
def test_what_nobody_asked_for_is_refused_with_a_sentence(untouched: Stage, payload: Mapping[str, Any]) -> None:
    told = len(untouched.whispers)
    answer = untouched.desk.handle({**payload, "response_url": untouched.server.response_url})
    said = [*untouched.whispers[told:], *([answer["text"]] if answer else [])]
    assert said
    assert all(text.startswith("This is not something that incident") for text in said)


def test_what_nobody_sent_is_refused_too(untouched: Stage) -> None:
    for payload in ({}, {"type": "block_actions"}, {"type": "view_submission", "user": {"id": "../x"}}):
        answer = untouched.desk.handle(payload)
        assert answer is not None
        assert "who asks" in answer["text"]


def test_a_window_of_another_version_is_replaced_by_a_sentence(untouched: Stage) -> None:
    answer = untouched.desk.handle(submitted({**window_of_old(), "callback_id": "incident_of_last_year"}, {}))
    assert answer is not None
    assert answer["response_action"] == "update"
    assert view_problems(answer["view"]) == []


def test_a_window_that_is_closed_needs_no_answer(untouched: Stage) -> None:
    told = untouched.whispers
    assert untouched.desk.handle(closed(window_of_old())) is None
    assert untouched.whispers == told


def window_of_old() -> dict[str, Any]:
    from incident_ops.adapters.notify.slack.modals import Modal

    return window(Modal.NOTE)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.sampled_from(["INC-9", "U0MAX"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=12,
)
TEMPLATES = [
    pressed(button(ACKNOWLEDGE, "INC-99")),
    pressed(menu(MORE, "note:INC-99")),
    submitted(window_of_old(), {"text": written("x")}),
    message_shortcut(reply("x"), callback_id="incident_note"),
    slash("show INC-99"),
]


def mangled(value: Any, place: int, other: Any) -> Any:
    """The payload with one of its parts, counted through, replaced."""
    paths = list(_paths(value))
    path = paths[place % len(paths)]
    return _with(value, path, other)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _paths(inner, (*path, key))


def _with(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    if not path:
        return other
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = _with(value[path[0]], path[1:], other)
    return changed


@settings(max_examples=80)
@given(st.sampled_from(TEMPLATES), st.integers(0, 10_000), JSON)
def test_no_payload_however_odd_raises(untouched: Stage, template: Any, place: int, other: Any) -> None:
    answer = untouched.desk.handle(mangled(template, place, other))
    assert answer is None or "text" in answer or "response_action" in answer


def test_the_place_of_a_press_is_where_its_answer_goes(stage: Stage) -> None:
    """A window has no response_url: what became of it is told in the channel where its button was."""
    stage.chooses(More.NOTE)
    stage.fills_in({"text": written("x")})
    [whisper] = stage.server.whispers
    assert (whisper.channel, whisper.user) == (channel_id("fin"), "U0ERIN")


def test_an_answer_goes_into_the_thread_only_where_the_press_was_in_it(stage: Stage) -> None:
    """Slack gives a post that has replies its own time as that of its thread."""
    post = stage.post.ts
    for message, thread in (
        ({"ts": post}, None),
        ({"ts": post, "thread_ts": post}, None),
        ({"ts": "1764000100.000200", "thread_ts": post}, post),
    ):
        stage.desk.handle(stage.of_a_press(button(ACKNOWLEDGE, "INC-1"), message=message))
        assert stage.server.calls_of("answers")[-1].body.get("thread_ts") == thread
        stage.desk.handle(stage.of_a_press(menu(MORE, "note:INC-1"), message=message))
        assert json.loads(stage.server.views[-1].view["private_metadata"])["thread"] == (thread or "")


def test_a_refusal_leaves_a_name_at_its_beginning_alone(stage: Stage) -> None:
    stage.chooses(More.ROLE)
    filled = {"role": chosen("commander"), "who": selected("U0ERIN")}
    stage.fills_in(filled)
    answer = stage.fills_in(filled)
    assert list(answer["errors"].values()) == ["erin@acme.test is commander of INC-1 already."]


def test_what_comes_too_late_for_slack_is_shown_where_it_was_asked_for(stage: Stage) -> None:
    command = {**slash("list"), "response_url": stage.server.response_url}
    answer = stage.desk.handle(command)
    assert answer is not None
    stage.desk.tell_late(command, answer)
    assert "INC-1" in "\n".join(texts_in(stage.server.whispers[-1].blocks))

    stage.presses(ASSIGN)
    window_ = submitted(stage.server.views[-1].view, {"who": selected(None)})
    refused = stage.desk.handle(window_)
    assert refused is not None
    stage.desk.tell_late(window_, refused)
    whisper = stage.server.whispers[-1]
    assert (whisper.channel, whisper.text) == (channel_id("fin"), "INC-1: nothing was done. Choose a person.")
