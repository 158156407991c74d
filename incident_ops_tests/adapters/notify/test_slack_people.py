"""What people write in a thread becomes a note of theirs, and who they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from incident_ops.adapters.notify.slack.actions import ACKNOWLEDGE, More
from incident_ops.adapters.notify.slack.api import SlackApi
from incident_ops.adapters.notify.slack.http import slack_client
from incident_ops.adapters.notify.slack.users import EmailsById
from incident_ops_tests.adapters.notify.slack_account import TOKEN
from incident_ops_tests.adapters.notify.slack_payloads import (
    reply,
    written,
)
from incident_ops_tests.adapters.notify.slack_stage import Stage, said_in
from incident_ops_tests.builders import T0
from incident_ops_tests.fake_slack import FakeSlack, FakeUser, error, server_error

ERIN, MAX = "erin@acme.test", "max@acme.test"


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
