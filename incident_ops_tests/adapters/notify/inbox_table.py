"""The inbox's table in memory, for tests that need no database."""

from dataclasses import replace
from datetime import datetime

from incident_ops.engine.ports import InboxMessage


class InMemoryInbox:
    """`sent` holds the messages by key, in the order in which they came."""

    def __init__(self) -> None:
        self.sent: dict[str, InboxMessage] = {}

    def put_inbox(
        self, key: str, incident_id: str, to: str, headline: str, text: str, thread: str | None, now: datetime
    ) -> None:
        self.sent.setdefault(
            key,
            InboxMessage(
                key=key,
                incident=incident_id,
                to=to,
                headline=headline,
                text=text,
                thread=thread,
                at=now,
                edited_at=None,
            ),
        )

    def edit_inbox(self, key: str, headline: str, text: str, now: datetime) -> None:
        self.sent[key] = replace(self.sent[key], headline=headline, text=text, edited_at=now)

    def inbox_message(self, key: str) -> InboxMessage | None:
        return self.sent.get(key)
