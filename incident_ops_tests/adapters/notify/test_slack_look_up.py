"""A message whose answer was lost: it is looked for before it is sent again."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from slack_sdk import WebClient

from incident_ops.adapters.notify.slack.notifier import SlackNotifier, slack_notifier
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.slack_account import FIN, SINCE, TOKEN, refusal_of
from incident_ops_tests.fake_slack import (
    FakeSlack,
    Trouble,
    channel_id,
    dropped,
    error,
    lost_answer,
    not_json,
    rate_limited,
    server_error,
)


@pytest.mark.parametrize("trouble", [lost_answer(), server_error(502, handled=True), not_json(handled=True)])
@pytest.mark.parametrize("address", ["#fin", "fin", channel_id("fin"), "U0ERIN"])
def test_a_post_whose_answer_was_lost_is_found_again(
    server: FakeSlack, notifier: SlackNotifier, trouble: Trouble, address: str
) -> None:
    destination = Destination(kind="slack", address=address)
    server.next(trouble)
    assert refusal_of(notifier, destination).fate_unknown
    receipt = notifier.look_up(destination, "k1", thread=None, since=SINCE)
    (post,) = server.posts()
    assert receipt == Receipt(channel=post.channel, message=post.ts)
    notifier.update(Receipt(channel=post.channel, message=post.ts), messages.RESOLVED, key="e1")


def test_a_reply_whose_answer_was_lost_is_found_again(server: FakeSlack, notifier: SlackNotifier) -> None:
    thread = notifier.send(FIN, messages.PLAIN, key="k1")
    server.next(lost_answer())
    with pytest.raises(TransportError) as caught:
        notifier.reply(thread, "Resolved", key="k2", broadcast=True)
    assert caught.value.fate_unknown
    found = notifier.look_up(FIN, "k2", thread=thread, since=SINCE)
    (reply,) = server.replies(thread.message)
    assert found == Receipt(channel=reply.channel, message=reply.ts)
    assert reply.broadcast


def test_a_post_is_found_behind_many_others(server: FakeSlack, notifier: SlackNotifier) -> None:
    receipt = notifier.send(FIN, messages.PLAIN, key="k1")
    client = WebClient(token=TOKEN, base_url=server.base_url)
    for n in range(450):
        client.chat_postMessage(channel="#fin", text=f"chat {n}")
    assert notifier.look_up(FIN, "k1", thread=None, since=SINCE) == receipt
    assert len(server.calls_of("conversations.history")) == 3


def test_a_dropped_request_is_not_found_and_can_be_sent_again(server: FakeSlack, notifier: SlackNotifier) -> None:
    server.next(dropped())
    assert refusal_of(notifier).fate_unknown
    assert notifier.look_up(FIN, "k1", thread=None, since=SINCE) is None


def test_a_message_is_not_looked_for_in_all_of_history(server: FakeSlack, notifier: SlackNotifier) -> None:
    notifier.send(FIN, messages.PLAIN, key="k1")
    assert notifier.look_up(FIN, "k1", thread=None, since=datetime.now(UTC) + timedelta(hours=1)) is None


@pytest.mark.parametrize(
    "trouble",
    [
        rate_limited(7),
        server_error(500),
        server_error(403),
        dropped(),
        not_json(),
        not_json(b"<p>method not found</p>"),
        error("invalid_auth"),
    ],
)
def test_a_look_up_that_fails_for_now_keeps_the_fate_open(
    server: FakeSlack, notifier: SlackNotifier, trouble: Trouble
) -> None:
    notifier.send(FIN, messages.PLAIN, key="k1")
    server.next(trouble)
    with pytest.raises(TransportError) as caught:
        notifier.look_up(FIN, "k1", thread=None, since=SINCE)
    assert caught.value.fate_unknown
    assert not caught.value.permanent
    assert caught.value.retry_after == (timedelta(seconds=7) if trouble.status == 429 else None)


@pytest.mark.parametrize("name", ["missing_scope", "unknown_method", "not_allowed_token_type", "not_in_channel"])
def test_a_look_up_that_can_never_work_says_so_once_and_finds_nothing(
    server: FakeSlack, notifier: SlackNotifier, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    notifier.send(FIN, messages.PLAIN, key="k1")
    server.down(error(name), method="conversations.history")
    with caplog.at_level(logging.WARNING, logger="incident_ops"):
        for _ in range(3):
            assert notifier.look_up(FIN, "k1", thread=None, since=SINCE) is None
    assert len([record for record in caplog.records if record.name.startswith("incident_ops")]) == 1
    assert "cannot be looked up" in caplog.text


@pytest.mark.parametrize("method", ["conversations.list", "conversations.history", "conversations.replies"])
@pytest.mark.parametrize(
    "trouble",
    [
        server_error(404),
        Trouble(status=404, body=b"\xff\xfe"),
        Trouble(status=404, body=b'{"detail": "Not Found"}'),
        server_error(405),
        server_error(501),
        error("unknown_method"),
        error("Unknown method: conversations.history"),
        error("method not found"),
        error("not implemented"),
    ],
)
def test_a_server_without_look_ups_does_not_hold_a_post_back_for_ever(
    server: FakeSlack, method: str, trouble: Trouble
) -> None:
    """One 500 after a post, then 404 for every look-up: the post waited for ever."""
    thread = slack_notifier(TOKEN, server.base_url).send(FIN, messages.PLAIN, key="k1")
    server.down(trouble, method=method)
    of = thread if method == "conversations.replies" else None
    assert slack_notifier(TOKEN, server.base_url).look_up(FIN, "k1", thread=of, since=SINCE) is None


def test_a_channel_that_nobody_knows_cannot_be_looked_up(notifier: SlackNotifier) -> None:
    unknown = Destination(kind="slack", address="#nowhere")
    assert notifier.look_up(unknown, "k1", thread=None, since=SINCE) is None


def test_channels_are_listed_once_and_without_private_ones_when_that_scope_is_missing(
    server: FakeSlack,
) -> None:
    slack_notifier(TOKEN, server.base_url).send(FIN, messages.PLAIN, key="k1")
    notifier = slack_notifier(TOKEN, server.base_url)
    server.next(error("missing_scope", needed="groups:read"), method="conversations.list")
    for _ in range(2):
        assert notifier.look_up(FIN, "k1", thread=None, since=SINCE)
    kinds = [call.body["types"] for call in server.calls_of("conversations.list")]
    assert kinds == ["public_channel,private_channel", "public_channel"]
