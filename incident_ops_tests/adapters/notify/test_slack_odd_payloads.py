"""Payloads that are not ours, of another version, late or odd: a sentence, and nothing is done."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incident_ops.adapters.notify.slack.actions import ACKNOWLEDGE, ASSIGN, MORE, More
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
from incident_ops_tests.adapters.notify.slack_stage import Stage
from incident_ops_tests.adapters.notify.slack_texts import texts_in
from incident_ops_tests.adapters.notify.test_slack_modals import window
from incident_ops_tests.fake_slack import channel_id
from incident_ops_tests.fake_slack.view_rules import view_problems

ERIN, MAX = "erin@acme.test", "max@acme.test"


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
