"""What was done so far about incidents, what keeps them quiet, and what waits to be said with others."""

from sqlalchemy import Index, Table

from incident_ops.adapters.store import columns
from incident_ops.adapters.store.tables.base import metadata

attention = Table(
    "attention",
    metadata,
    columns.incident(primary_key=True),
    columns.time("wake_at", nullable=True),
    columns.json("state"),
)

IS_TO_WAKE = attention.c.wake_at.is_not(None)

columns.partial_index("ix_attention_wake_at", attention.c.wake_at, attention.c.incident, where=IS_TO_WAKE)

silences = Table(
    "silences",
    metadata,
    columns.sequence(),
    columns.json("matchers"),
    columns.time("begins"),
    columns.time("ends"),
    columns.text("author"),
    columns.text("comment"),
    columns.time("created_at"),
    Index("ix_silences_ends", "ends"),
    sqlite_autoincrement=True,
)

digest_items = Table(
    "digest_items",
    metadata,
    columns.sequence(),
    columns.text("kind"),
    columns.text("address"),
    columns.incident(),
    columns.text("why"),
    columns.time("at"),
    columns.time("due_at"),
    columns.time("sent_at", nullable=True),
    Index("ix_digest_items_incident", "incident"),  # else each new incident is looked for among them
    sqlite_autoincrement=True,
)

IS_UNSENT = digest_items.c.sent_at.is_(None)

columns.partial_index(
    "uq_digest_items_unsent",
    digest_items.c.kind,
    digest_items.c.address,
    digest_items.c.incident,
    where=IS_UNSENT,
    unique=True,
)
columns.partial_index("ix_digest_items_due_at", digest_items.c.due_at, where=IS_UNSENT)

group_members = Table(
    "group_members",
    metadata,
    columns.text("group_key", primary_key=True),
    columns.incident(primary_key=True),
    Index("ix_group_members_incident", "incident"),
)
