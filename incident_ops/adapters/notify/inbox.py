"""The inbox: messages kept in our own database, for those without an account anywhere. The CLI prints them.

Where they are kept is the store's business; an unreachable store raises its own error.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from incident_ops.adapters.notify.plain import clean, one_line, render_lines
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Message
from incident_ops.core.routing import Destination
from incident_ops.engine.ports import InboxMessage


class InboxTable(Protocol):
    """The part of the store that keeps the inbox."""

    def put_inbox(
        self, key: str, incident_id: str, to: str, headline: str, text: str, thread: str | None, now: datetime
    ) -> None:
        """Keep a message; a key that exists is left alone."""
        ...

    def edit_inbox(self, key: str, headline: str, text: str, now: datetime) -> None: ...

    def inbox_message(self, key: str) -> InboxMessage | None: ...


class InboxNotifier:
    """Notifier with `CanUpdate`, `CanReply` and `CanLookUp`. Receipts hold the address and the key of the message;
    a reply has no headline, and its `thread` is the key of the post.

    Args:
        clock: the time now, aware, in UTC.
    """

    kind: str = "inbox"

    def __init__(self, store: InboxTable, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        self._store.put_inbox(
            key=key,
            incident_id=message.incident_id,
            to=destination.address,
            headline=one_line(message.headline),
            text=render_lines(message),
            thread=None,
            now=self._clock(),
        )
        return Receipt(channel=destination.address, message=key)

    def update(self, receipt: Receipt, message: Message, *, key: str) -> None:
        self._kept(receipt)
        self._store.edit_inbox(
            key=receipt.message,
            headline=one_line(message.headline),
            text=render_lines(message),
            now=self._clock(),
        )

    def reply(self, thread: Receipt, text: str, *, key: str, broadcast: bool) -> Receipt:
        post = self._kept(thread)
        self._store.put_inbox(
            key=key,
            incident_id=post.incident,
            to=post.to,
            headline="",
            text=clean(text).strip(),
            thread=thread.message,
            now=self._clock(),
        )
        return Receipt(channel=thread.channel, message=key)

    def look_up(
        self, destination: Destination, key: str, *, thread: Receipt | None, since: datetime
    ) -> Receipt | None:
        kept = self._store.inbox_message(key)
        return Receipt(channel=kept.to, message=kept.key) if kept else None

    def _kept(self, receipt: Receipt) -> InboxMessage:
        message = self._store.inbox_message(receipt.message)
        if message is None:
            raise TransportError(f"the inbox has no message {receipt.message}", permanent=True)
        return message
