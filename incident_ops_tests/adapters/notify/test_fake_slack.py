"""The stand-in is worth as much as its rules: what Slack refuses, it refuses."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from incident_ops_tests.fake_slack import FakeChannel, FakeSlack, channel_id, hang

SECTION: dict[str, Any] = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}


@pytest.fixture
def server() -> Iterator[FakeSlack]:
    with FakeSlack(channels=["fin"], users={"erin@acme.test": "U0ERIN"}) as running:
        yield running


@pytest.fixture
def client(server: FakeSlack) -> WebClient:
    return WebClient(token=server.token, base_url=server.base_url, retry_handlers=[])


def refusal_of(client: WebClient, method: str, **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        client.api_call(method, json=arguments)
    return caught.value.response["error"]


@pytest.mark.parametrize(
    ("blocks", "accepted"),
    [
        ([SECTION] * 50, True),
        ([SECTION] * 51, False),
        ([{"type": "header", "text": {"type": "plain_text", "text": "x" * 150}}], True),
        ([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}], False),
        ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], False),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_000}}], True),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}}], False),
        ([{"type": "section", "text": {"type": "mrkdwn", "text": ""}}], False),
        ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2_000}] * 10}], True),
        ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2_001}]}], False),
        ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}], False),
        ([{"type": "section"}], False),
        ([{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 10}], True),
        ([{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}], False),
        ([{"type": "context", "elements": []}], False),
        ([{"type": "no_such_block"}], False),
        ([{"type": "divider"}], True),
    ],
)
def test_blocks_outside_of_slacks_limits_are_refused(client: WebClient, blocks: Any, accepted: bool) -> None:
    if accepted:
        assert client.chat_postMessage(channel="#fin", text="x", blocks=blocks)["ok"]
    else:
        assert refusal_of(client, "chat.postMessage", channel="#fin", text="x", blocks=blocks) == "invalid_blocks"


@pytest.mark.parametrize(
    ("method", "arguments", "name"),
    [
        ("chat.postMessage", {"channel": "#web", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "#fin"}, "no_text"),
        ("chat.postMessage", {"channel": "#fin", "text": "x" * 40_001}, "msg_too_long"),
        ("chat.postMessage", {"channel": "#fin", "text": "x", "thread_ts": "1.0"}, "thread_not_found"),
        ("chat.postMessage", {"channel": "#fin", "text": "x", "metadata": {"a": 1}}, "invalid_metadata_format"),
        ("chat.update", {"channel": "#fin", "ts": "1.0", "text": "x"}, "channel_not_found"),
        ("chat.update", {"channel": channel_id("fin"), "ts": "1.0", "text": "x"}, "message_not_found"),
        ("conversations.history", {"channel": "#fin"}, "channel_not_found"),
        ("users.lookupByEmail", {"email": "nobody@acme.test"}, "users_not_found"),
        ("no.such.method", {}, "unknown_method"),
    ],
)
def test_what_slack_refuses_is_refused(client: WebClient, method: str, arguments: Any, name: str) -> None:
    assert refusal_of(client, method, **arguments) == name


def test_history_is_newest_first_and_shows_metadata_only_when_asked(server: FakeSlack, client: WebClient) -> None:
    metadata = {"event_type": "e", "event_payload": {"key": "k"}}
    first = client.chat_postMessage(channel="#fin", text="1", metadata=metadata)
    client.chat_postMessage(channel="#fin", text="2")
    client.chat_postMessage(channel="#fin", text="in thread", thread_ts=first["ts"])
    channel, ts = str(first["channel"]), str(first["ts"])
    shown = client.conversations_history(channel=channel, include_all_metadata=True)["messages"]
    assert [message["text"] for message in shown or ()] == ["2", "1"]
    assert [message.get("metadata") for message in shown or ()] == [None, metadata]
    bare = client.conversations_history(channel=channel)["messages"]
    assert not any("metadata" in message for message in bare or ())
    thread = client.conversations_replies(channel=channel, ts=ts)["messages"]
    assert [message["text"] for message in thread or ()] == ["1", "in thread"]
    assert [reply.text for reply in server.replies(ts)] == ["in thread"]


def test_an_edit_keeps_the_blocks_it_does_not_mention(server: FakeSlack, client: WebClient) -> None:
    post = client.chat_postMessage(channel="#fin", text="1", blocks=[SECTION])
    channel, ts = str(post["channel"]), str(post["ts"])
    client.chat_update(channel=channel, ts=ts, text="2")
    assert server.posts()[0].blocks == [SECTION]
    client.chat_update(channel=channel, ts=ts, text="3", blocks=[])
    assert server.posts()[0].blocks == []
    assert [edit.message.text for edit in server.edits] == ["2", "3"]


BUTTON: dict[str, Any] = {
    "type": "button",
    "action_id": "a",
    "text": {"type": "plain_text", "text": "x"},
    "value": "v",
}
OPTION: dict[str, Any] = {"text": {"type": "plain_text", "text": "x"}, "value": "v"}
LABEL: dict[str, Any] = {"type": "plain_text", "text": "x"}
TEXT_INPUT: dict[str, Any] = {
    "type": "input",
    "label": LABEL,
    "element": {"type": "plain_text_input", "action_id": "a", "max_length": 3_000},
}


def actions(*elements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements), **more}


def menu(kind: str, options: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "action_id": "m", "options": [OPTION] * options, **more}


@pytest.mark.parametrize(
    ("blocks", "accepted"),
    [
        ([actions(*({**BUTTON, "action_id": str(n)} for n in range(25)))], True),
        ([actions(*({**BUTTON, "action_id": str(n)} for n in range(26)))], False),
        ([actions()], False),
        ([actions(BUTTON, BUTTON)], False),
        ([actions({**BUTTON, "text": {"type": "mrkdwn", "text": "x"}})], False),
        ([actions({**BUTTON, "text": {"type": "plain_text", "text": "x" * 76}})], False),
        ([actions({**BUTTON, "value": "x" * 2_001})], False),
        ([actions({**BUTTON, "style": "loud"})], False),
        ([actions({**BUTTON, "action_id": "x" * 256})], False),
        ([actions(BUTTON, block_id="b"), actions(BUTTON, block_id="b")], False),
        ([actions(BUTTON, block_id="x" * 256)], False),
        ([actions(menu("overflow", 5))], True),
        ([actions(menu("overflow", 6))], False),
        ([actions(menu("radio_buttons", 10))], True),
        ([actions(menu("radio_buttons", 11))], False),
        ([actions(menu("static_select", 100))], True),
        ([actions(menu("static_select", 101))], False),
        ([actions(menu("static_select", 0))], False),
        ([actions(menu("static_select", 1, initial_option={**OPTION, "value": "other"}))], False),
        ([actions(menu("static_select", 1, placeholder={"type": "plain_text", "text": "x" * 151}))], False),
        ([actions({"type": "plain_text_input", "action_id": "a"})], False),
    ],
)
def test_what_can_be_pressed_has_its_limits_too(client: WebClient, blocks: Any, accepted: bool) -> None:
    test_blocks_outside_of_slacks_limits_are_refused(client, blocks, accepted)


def a_window(**anything: Any) -> dict[str, Any]:
    return {"type": "modal", "title": LABEL, "submit": LABEL, "blocks": [TEXT_INPUT], **anything}


@pytest.mark.parametrize(
    ("view", "accepted"),
    [
        (a_window(), True),
        (a_window(title={"type": "plain_text", "text": "x" * 24}), True),
        (a_window(title={"type": "plain_text", "text": "x" * 25}), False),
        (a_window(submit={"type": "plain_text", "text": "x" * 25}), False),
        (a_window(private_metadata="x" * 3_000, callback_id="x" * 255), True),
        (a_window(private_metadata="x" * 3_001), False),
        (a_window(callback_id="x" * 256), False),
        (a_window(blocks=[]), False),
        (a_window(blocks=[SECTION] * 100), True),
        (a_window(blocks=[SECTION] * 101), False),
        (a_window(blocks=[{**TEXT_INPUT, "element": BUTTON}]), False),
        (a_window(blocks=[{**TEXT_INPUT, "label": {"type": "plain_text", "text": "x" * 2_001}}]), False),
        (a_window(blocks=[{**TEXT_INPUT, "element": {"type": "plain_text_input", "max_length": 3_001}}]), False),
        ({key: value for key, value in a_window().items() if key != "submit"}, False),
        (a_window(type="home"), False),
    ],
)
def test_windows_outside_of_slacks_limits_are_refused(
    server: FakeSlack, client: WebClient, view: dict[str, Any], accepted: bool
) -> None:
    trigger = server.trigger()
    if accepted:
        opened = client.views_open(trigger_id=trigger, view=view)
        assert refusal_of(client, "views.open", trigger_id=trigger, view=view) == "exchanged_trigger_id"
        client.views_update(view_id=(opened["view"] or {})["id"], view=a_window(title=LABEL))
        assert [window.view["title"] for window in server.views] == [LABEL]
    else:
        assert refusal_of(client, "views.open", trigger_id=trigger, view=view) == "invalid_arguments"
    assert refusal_of(client, "views.open", trigger_id="made up", view=view) == "invalid_trigger_id"


def test_one_person_alone_is_shown_something(server: FakeSlack, client: WebClient) -> None:
    client.chat_postEphemeral(channel=channel_id("fin"), user="U0ERIN", text="only you")
    elsewhere = {"channel": channel_id("fin"), "user": "U0NOBODY", "text": "x"}
    assert refusal_of(client, "chat.postEphemeral", **elsewhere) == "user_not_in_channel"
    request = urllib.request.Request(
        server.response_url, data=b'{"text": "an answer"}', headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    assert [whisper.text for whisper in server.whispers] == ["only you", "an answer"]
    assert server.messages == []


def test_channels_are_made_joined_and_found() -> None:
    closed = FakeChannel(id="C0CLOSED", name="closed", is_private=True, members=[])
    old = FakeChannel(id="C0OLD", name="old", is_archived=True)
    outside = FakeChannel(id="C0OUTSIDE", name="outside", members=[])
    with FakeSlack(
        channels=[closed, old, outside], scopes=["chat:write", "channels:read", "channels:join"]
    ) as server:
        client = WebClient(token=server.token, base_url=server.base_url, retry_handlers=[])
        assert client.auth_test().headers["x-oauth-scopes"] == "channels:join,channels:read,chat:write"
        names = [channel["name"] for channel in client.conversations_list()["channels"] or ()]
        assert names == ["old", "outside"]
        assert refusal_of(client, "conversations.create", name="x") == "missing_scope"
        assert refusal_of(client, "chat.postMessage", channel="C0OLD", text="x") == "is_archived"
        assert refusal_of(client, "chat.postMessage", channel="C0CLOSED", text="x") == "channel_not_found"
        assert refusal_of(client, "chat.postMessage", channel="C0OUTSIDE", text="x") == "not_in_channel"
        client.conversations_join(channel="C0OUTSIDE")
        post = client.chat_postMessage(channel="C0OUTSIDE", text="x")
        link = client.chat_getPermalink(channel="C0OUTSIDE", message_ts=str(post["ts"]))["permalink"]
        assert str(link).startswith("https://fake.slack.com/archives/C0OUTSIDE/p")


@pytest.mark.parametrize(
    ("method", "arguments", "name"),
    [
        ("conversations.create", {"name": "fin"}, "name_taken"),
        ("conversations.create", {"name": "Fin"}, "invalid_name_specials"),
        ("conversations.create", {"name": "f" * 81}, "invalid_name_maxlength"),
        ("conversations.invite", {"channel": channel_id("fin"), "users": "U0NOBODY"}, "user_not_found"),
        ("conversations.setTopic", {"channel": channel_id("fin"), "topic": "x" * 251}, "too_long"),
        ("conversations.info", {"channel": "C0NOWHERE"}, "channel_not_found"),
        ("users.info", {"user": "U0NOBODY"}, "user_not_found"),
    ],
)
def test_what_slack_refuses_of_channels_and_people_is_refused(
    client: WebClient, method: str, arguments: Any, name: str
) -> None:
    assert refusal_of(client, method, **arguments) == name


def test_form_bodies_are_read_like_json(server: FakeSlack) -> None:
    body = f"token={server.token}&channel=%23fin&text=hello".encode()
    with urllib.request.urlopen(f"{server.base_url}chat.postMessage", data=body) as answer:
        assert b'"ok": true' in answer.read()
    assert server.posts("fin")[0].text == "hello"


def test_people_and_direct_messages_have_ids(server: FakeSlack, client: WebClient) -> None:
    user = client.users_lookupByEmail(email="erin@acme.test")["user"]
    post = client.chat_postMessage(channel=(user or {})["id"], text="hi")
    assert str(post["channel"]).startswith("D")
    assert server.posts("U0ERIN")[0].text == "hi"
    assert client.auth_test()["ok"]


def test_the_server_ends_although_a_request_still_hangs() -> None:
    trouble = hang()
    with FakeSlack() as server:
        server.next(trouble)
        request = f"{server.base_url}auth.test"
        with pytest.raises(OSError, match="timed out"):
            urllib.request.urlopen(request, data=b"x=1", timeout=0.2)
    assert trouble.released
    assert trouble.released.is_set()


def test_it_runs_by_hand_and_prints_its_base_url() -> None:
    command = [sys.executable, "-m", "incident_ops_tests.fake_slack", "--port", "0", "--channel", "fin"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        base_url = process.stdout.readline().strip()
        try:
            client = WebClient(token="xoxb-fake", base_url=base_url, retry_handlers=[])
            assert client.chat_postMessage(channel="#fin", text="hello")["ok"]
        finally:
            process.kill()
        assert process.stderr
        assert "chat.postMessage #fin 'hello' → ok" in process.stderr.read()
