"""A channel of its own for a major incident: made once, whatever breaks off in between. Others' are left alone."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from incident_ops.adapters.notify.slack.notifier import SlackNotifier, slack_notifier
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Message, compose
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.slack_account import FIN, SINCE, TOKEN
from incident_ops_tests.builders import make_incident
from incident_ops_tests.fake_slack import (
    FakeChannel,
    FakeSlack,
    FakeUser,
    Trouble,
    channel_id,
    error,
    lost_answer,
    rate_limited,
)
from incident_ops_tests.fake_slack.workspace import BOT

OWN = Destination(kind="slack", address="#inc-7-orders")
KEY = "INC-7:post:slack:#inc-7-orders"
STEPS = ["conversations.create", "conversations.setTopic", "conversations.invite", "chat.postMessage"]
CALLED = ("erin@acme.test", "U0MAX", "gone@acme.test", "guest@acme.test")


def message(*calls: str, number: int = 7) -> Message:
    return replace(compose(make_incident(number), links_of=lambda _: messages.LINKS), calls=calls)


@pytest.fixture
def workspace() -> Iterator[FakeSlack]:
    people = [
        FakeUser(id="U0MAX", name="max", email="max@acme.test"),
        FakeUser(id="U0GUEST", name="guest", email="guest@acme.test", can_be_invited=False),
    ]
    with FakeSlack(token=TOKEN, channels=["fin"], users={"erin@acme.test": "U0ERIN"}, people=people) as running:
        yield running


def notifier_on(server: FakeSlack) -> SlackNotifier:
    return slack_notifier(TOKEN, server.base_url, incident_channels="inc-")


def test_the_channel_is_made_with_a_topic_and_the_people_who_were_called(
    workspace: FakeSlack, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="incident_ops"):
        receipt = notifier_on(workspace).send(OWN, message(*CALLED), key=KEY)
    channel = workspace.channel("#inc-7-orders")
    assert receipt.channel == channel.id
    assert channel.topic == "INC-7 SEV2 a/b: check not_null failed"
    assert channel.members == [BOT, "U0ERIN", "U0MAX"]
    [post] = workspace.posts("#inc-7-orders")
    assert "For <@U0ERIN>, <@U0MAX>, gone@acme.test, <@U0GUEST>" in post.content
    assert "U0GUEST" in caplog.text, "who could not be invited is named"
    assert "gone@acme.test" in caplog.text


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "trouble", [lost_answer(), rate_limited(3), error("internal_error")], ids=lambda t: t.status
)
def test_what_breaks_off_in_between_is_made_up_for(workspace: FakeSlack, step: str, trouble: Trouble) -> None:
    workspace.next(Trouble(handled=trouble.handled, status=trouble.status, body=trouble.body), method=step)
    with pytest.raises(TransportError) as broken:
        notifier_on(workspace).send(OWN, message(*CALLED), key=KEY)
    assert not broken.value.permanent
    again = notifier_on(workspace)  # another process
    receipt = again.look_up(OWN, KEY, thread=None, since=SINCE) if broken.value.fate_unknown else None
    if receipt is None:
        receipt = again.send(OWN, message(*CALLED), key=KEY)
    channel = workspace.channel("#inc-7-orders")
    assert (channel.topic, channel.members) == (
        "INC-7 SEV2 a/b: check not_null failed",
        [BOT, "U0ERIN", "U0MAX"],
    )
    assert [post.ts for post in workspace.posts("#inc-7-orders")] == [receipt.message]


def test_a_topic_that_somebody_wrote_and_a_channel_that_somebody_made_stay(workspace: FakeSlack) -> None:
    made = FakeChannel(id=channel_id("inc-7-orders"), name="inc-7-orders", topic="call: 1234", members=["U0ERIN"])
    workspace.workspace.channels[made.id] = made
    notifier_on(workspace).send(OWN, message("U0MAX"), key=KEY)
    assert (made.topic, made.members) == ("call: 1234", ["U0ERIN", BOT, "U0MAX"])
    assert len(workspace.posts("#inc-7-orders")) == 1


@pytest.mark.parametrize("address", ["#inc-general", "#inc-8-orders", "#inc-70", "#fin", "#inc-", "#inc-7x"])
def test_a_channel_that_is_not_this_incidents_own_is_never_made(workspace: FakeSlack, address: str) -> None:
    elsewhere = Destination(kind="slack", address=address)
    if address == FIN.address:
        notifier_on(workspace).send(elsewhere, message(), key=KEY)
    else:
        with pytest.raises(TransportError) as refused:
            notifier_on(workspace).send(elsewhere, message(), key=KEY)
        assert refused.value.permanent
    assert not any(call.method.startswith("conversations.") for call in workspace.calls)


def test_without_a_prefix_nothing_is_made(workspace: FakeSlack) -> None:
    with pytest.raises(TransportError):
        slack_notifier(TOKEN, workspace.base_url).send(OWN, message(), key=KEY)
    assert [call.method for call in workspace.calls] == ["chat.postMessage"]


@pytest.mark.parametrize(
    ("name", "says"),
    [("missing_scope", "the scope channels:manage"), ("restricted_action", "a rule of the workspace")],
)
def test_a_channel_that_cannot_be_made_is_told_elsewhere_with_the_reason(
    workspace: FakeSlack, name: str, says: str
) -> None:
    workspace.down(error(name, needed="channels:manage"), method="conversations.create")
    with pytest.raises(TransportError) as refused:
        notifier_on(workspace).send(OWN, message(), key=KEY)
    assert refused.value.permanent, "so that the post goes to the default channel"
    assert says in str(refused.value)
    assert "#inc-7-orders" in str(refused.value)


def test_a_channel_that_is_there_is_posted_to_although_none_can_be_made(workspace: FakeSlack) -> None:
    made = FakeChannel(id=channel_id("inc-7-orders"), name="inc-7-orders")
    workspace.workspace.channels[made.id] = made
    workspace.down(error("missing_scope", needed="channels:manage"), method="conversations.create")
    notifier_on(workspace).send(OWN, message(), key=KEY)
    assert len(workspace.posts("#inc-7-orders")) == 1


def test_an_archived_channel_is_not_brought_back(workspace: FakeSlack) -> None:
    made = FakeChannel(id=channel_id("inc-7-orders"), name="inc-7-orders", is_archived=True)
    workspace.workspace.channels[made.id] = made
    with pytest.raises(TransportError) as refused:
        notifier_on(workspace).send(OWN, message(), key=KEY)
    assert refused.value.permanent
    assert "is archived" in str(refused.value)


def test_a_name_that_slack_does_not_take_is_explained(workspace: FakeSlack) -> None:
    odd = Destination(kind="slack", address="#inc-7-Raw Orders")
    with pytest.raises(TransportError) as refused:
        notifier_on(workspace).send(odd, message(), key=KEY)
    assert "small letters" in str(refused.value)


def test_edits_and_replies_go_to_the_channel_as_to_any_other(workspace: FakeSlack) -> None:
    notifier = notifier_on(workspace)
    receipt = notifier.send(OWN, message(), key=KEY)
    notifier.update(receipt, message(), key="INC-7:edit:slack:#inc-7-orders:r2")
    notifier.reply(receipt, "Acknowledged by erin", key="k2", broadcast=False)
    assert len(workspace.calls_of("conversations.create")) == 1
    assert notifier.look_up(OWN, KEY, thread=None, since=SINCE) == receipt
