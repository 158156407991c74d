"""The inbox: messages kept in our own database, the sink of those without an account."""

from datetime import datetime

import sqlalchemy as sa

from incident_ops.adapters.store import outbox_rows
from incident_ops.adapters.store.database import Database, insert_or_ignore
from incident_ops.adapters.store.tables import inbox
from incident_ops.core.errors import NotFound
from incident_ops.engine.ports import InboxMessage


class SqlInbox:
    """What the inbox sink writes and the CLI prints."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_inbox(
        self, key: str, incident_id: str, to: str, headline: str, text: str, thread: str | None, now: datetime
    ) -> None:
        """Keep a message; one with the same key is left alone."""
        values = {
            "key": key,
            "incident_id": incident_id,
            "recipient": to,
            "headline": headline,
            "text": text,
            "thread": thread,
            "at": now,
        }
        with self._database.writing() as connection:
            insert_or_ignore(connection, inbox, values)

    def edit_inbox(self, key: str, headline: str, text: str, now: datetime) -> None:
        """Change a message, or raise `NotFound`."""
        changed = sa.update(inbox).where(inbox.c.key == key)
        with self._database.writing() as connection:
            values = {"headline": headline, "text": text, "edited_at": now}
            if connection.execute(changed.values(values)).rowcount != 1:
                raise NotFound(f"the inbox has no message {key}")

    def inbox_message(self, key: str) -> InboxMessage | None:
        with self._database.reading() as connection:
            row = connection.execute(sa.select(inbox).where(inbox.c.key == key)).mappings().first()
            return None if row is None else outbox_rows.inbox_message_from(row)

    def inbox(self) -> list[InboxMessage]:
        """Every message, oldest first."""
        with self._database.reading() as connection:
            all_of_it = sa.select(inbox).order_by(inbox.c.id)
            return [outbox_rows.inbox_message_from(row) for row in connection.execute(all_of_it).mappings()]
