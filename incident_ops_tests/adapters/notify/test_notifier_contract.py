"""What every notifier does alike, whatever its kind. A new kind gets an entry in `SINKS` and nothing else."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryDirectory

import pytest

from incident_ops.adapters.notify.inbox import InboxNotifier, InboxTable
from incident_ops.adapters.notify.slack import SlackNotifier, slack_notifier
from incident_ops.adapters.store import open_store
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Colour
from incident_ops.core.routing import Destination
from incident_ops.engine.ports import CanLookUp, CanReply, CanUpdate, InboxMessage, Notifier
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.inbox_table import InMemoryInbox
from incident_ops_tests.fake_slack import FakeSlack

NOW = datetime(2025, 3, 1, 9, tzinfo=UTC)
SINCE = NOW - timedelta(hours=1)

AnyNotifier = SlackNotifier | InboxNotifier


@dataclass(frozen=True)
class Sink:
    """A notifier and what people see through it: the posts, and the replies to a post (all as texts)."""

    notifier: AnyNotifier
    posts: Callable[[], list[str]]
    replies: Callable[[str], list[str]]

    @property
    def destination(self) -> Destination:
        return Destination(kind=self.notifier.kind, address="#fin")


@contextmanager
def slack() -> Iterator[Sink]:
    with FakeSlack(channels=["fin"], clock=lambda: NOW) as server:
        yield Sink(
            notifier=slack_notifier(server.token, server.base_url),
            posts=lambda: [post.content for post in server.posts("#fin")],
            replies=lambda ts: [reply.text for reply in server.replies(ts)],
        )


@contextmanager
def inbox_in_memory() -> Iterator[Sink]:
    table = InMemoryInbox()
    yield inbox_sink(table, lambda: list(table.sent.values()))


@contextmanager
def inbox_in_our_store() -> Iterator[Sink]:
    with TemporaryDirectory() as folder, open_store(f"sqlite:///{folder}/incident_ops.db") as store:
        yield inbox_sink(store, store.inbox)


def inbox_sink(table: InboxTable, kept: Callable[[], list[InboxMessage]]) -> Sink:
    return Sink(
        notifier=InboxNotifier(table, clock=lambda: NOW),
        posts=lambda: [f"{message.headline}\n{message.text}" for message in kept() if message.thread is None],
        replies=lambda key: [message.text for message in kept() if message.thread == key],
    )


SINKS: dict[str, Callable[[], AbstractContextManager[Sink]]] = {
    "slack": slack,
    "inbox": inbox_in_memory,
    "inbox in our store": inbox_in_our_store,
}


@pytest.fixture(params=SINKS)
def sink(request: pytest.FixtureRequest) -> Iterator[Sink]:
    with SINKS[request.param]() as one:
        yield one


def test_it_has_all_abilities_as_types_too(sink: Sink) -> None:
    notifier: Notifier = sink.notifier
    updates: CanUpdate = sink.notifier
    replies: CanReply = sink.notifier
    looks_up: CanLookUp = sink.notifier
    assert notifier is updates is replies is looks_up
    assert all(isinstance(notifier, ability) for ability in (CanUpdate, CanReply, CanLookUp))
    assert notifier.kind in SINKS


def test_a_message_arrives_once_and_has_a_receipt(sink: Sink) -> None:
    receipt = sink.notifier.send(sink.destination, messages.PLAIN, key="k1")
    assert receipt.channel
    assert receipt.message
    (post,) = sink.posts()
    assert "INC-7 SEV1 orders: not_null failed" in post


@pytest.mark.parametrize("name", messages.ALL)
def test_no_message_is_too_long_or_too_strange(sink: Sink, name: str) -> None:
    sink.notifier.send(sink.destination, messages.ALL[name], key=name)
    assert len(sink.posts()) == 1


def test_an_edit_changes_the_message_instead_of_adding_one(sink: Sink) -> None:
    receipt = sink.notifier.send(sink.destination, messages.PLAIN, key="k1")
    sink.notifier.update(receipt, messages.RESOLVED, key="e1")
    (post,) = sink.posts()
    assert "resolved as fixed" in post
    assert "12 of 1,000" not in post


def test_an_edit_of_a_message_that_is_gone_is_permanent(sink: Sink) -> None:
    receipt = sink.notifier.send(sink.destination, messages.PLAIN, key="k1")
    gone = type(receipt)(channel=receipt.channel, message="1.000001")
    with pytest.raises(TransportError) as caught:
        sink.notifier.update(gone, messages.RESOLVED, key="e1")
    assert caught.value.permanent


def test_a_reply_stands_in_the_thread_only(sink: Sink) -> None:
    thread = sink.notifier.send(sink.destination, messages.PLAIN, key="k1")
    reply = sink.notifier.reply(thread, "Acknowledged by erin", key="k2", broadcast=False)
    assert sink.replies(thread.message) == ["Acknowledged by erin"]
    assert len(sink.posts()) == 1
    assert reply.channel == thread.channel
    assert reply.message != thread.message


def test_a_reply_to_a_message_that_is_gone_is_permanent(sink: Sink) -> None:
    receipt = sink.notifier.send(sink.destination, messages.PLAIN, key="k1")
    gone = type(receipt)(channel=receipt.channel, message="1.000001")
    with pytest.raises(TransportError) as caught:
        sink.notifier.reply(gone, "anybody?", key="k2", broadcast=False)
    assert caught.value.permanent


def test_a_post_is_found_by_its_key_also_after_edits(sink: Sink) -> None:
    sink.notifier.send(sink.destination, messages.PLAIN, key="other")
    receipt = sink.notifier.send(sink.destination, messages.PLAIN, key="k1")
    sink.notifier.update(receipt, messages.make_message(colour=Colour.YELLOW), key="e1")
    assert sink.notifier.look_up(sink.destination, "k1", thread=None, since=SINCE) == receipt


def test_a_reply_is_found_by_its_key(sink: Sink) -> None:
    thread = sink.notifier.send(sink.destination, messages.PLAIN, key="k1")
    reply = sink.notifier.reply(thread, "one", key="k2", broadcast=False)
    assert sink.notifier.look_up(sink.destination, "k2", thread=thread, since=SINCE) == reply


def test_what_never_arrived_is_not_found(sink: Sink) -> None:
    thread = sink.notifier.send(sink.destination, messages.PLAIN, key="k1")
    assert sink.notifier.look_up(sink.destination, "k9", thread=None, since=SINCE) is None
    assert sink.notifier.look_up(sink.destination, "k9", thread=thread, since=SINCE) is None
