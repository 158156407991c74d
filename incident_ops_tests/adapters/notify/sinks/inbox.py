"""The inbox, in memory and in our own store. Nothing leaves the machine, so nothing can fail on the way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from tempfile import TemporaryDirectory

from incident_ops.adapters.notify.inbox import InboxNotifier, InboxTable
from incident_ops.adapters.store import open_store
from incident_ops.core.routing import Destination
from incident_ops.engine.ports import InboxMessage
from incident_ops_tests.adapters.notify.inbox_table import InMemoryInbox
from incident_ops_tests.adapters.notify.sinks import Opening, Sink

NOW = datetime(2025, 3, 1, 9, tzinfo=UTC)


@contextmanager
def in_memory() -> Iterator[Sink]:
    table = InMemoryInbox()
    yield _sink(table, lambda: list(table.sent.values()))


@contextmanager
def in_our_store() -> Iterator[Sink]:
    with TemporaryDirectory() as folder, open_store(f"sqlite:///{folder}/incident_ops.db") as store:
        yield _sink(store, store.inbox)


def _sink(table: InboxTable, kept: Callable[[], list[InboxMessage]]) -> Sink:
    def text_of(message: InboxMessage) -> str:
        return f"{message.headline}\n{message.text}"

    return Sink(
        notifier=InboxNotifier(table, clock=lambda: NOW),
        destination=Destination(kind="inbox", address="#fin"),
        posts=lambda: [text_of(message) for message in kept() if message.thread is None],
        replies=lambda key: [message.text for message in kept() if message.thread == key],
        sent=lambda: "\n".join(text_of(message) for message in kept()).encode(),
    )


SINKS: dict[str, Opening] = {"inbox": in_memory, "inbox in our store": in_our_store}
