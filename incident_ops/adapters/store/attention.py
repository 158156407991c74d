"""What was done so far about incidents, and when they are to be looked at again; groups that are told together.

An incident without a time to wake costs nothing: what is due is read from a partial index.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from incident_ops.adapters.store.database import Database, chunks, insert_or_ignore, put
from incident_ops.adapters.store.reads import OPEN_STATUSES
from incident_ops.adapters.store.tables import IS_TO_WAKE, attention, group_members, incidents


def attention_of(connection: Connection, number: int) -> Mapping[str, Any]:
    state = connection.scalar(sa.select(attention.c.state).where(attention.c.incident == number))
    return state if state is not None else {}


def save_attention(
    connection: Connection, number: int, state: Mapping[str, Any], *, wake_at: datetime | None
) -> None:
    put(connection, attention, "incident", {"incident": number, "wake_at": wake_at, "state": dict(state)})


def wake(connection: Connection, numbers: Collection[int], *, at: datetime) -> None:
    """Values, and not a selection of incidents: within a transaction the order of writing is free."""
    for chunk in chunks(sorted(set(numbers))):
        rows = [{"incident": number, "wake_at": at, "state": {}} for number in chunk]
        _wake(connection, _insert(connection).values(rows))


def wake_open(connection: Connection, *, at: datetime) -> None:
    time, nothing = sa.literal(at, attention.c.wake_at.type), sa.literal({}, attention.c.state.type)
    of_open = sa.select(incidents.c.number, time, nothing).where(incidents.c.status.in_(OPEN_STATUSES))
    _wake(connection, _insert(connection).from_select(["incident", "wake_at", "state"], of_open))


def _wake(connection: Connection, fresh: sqlite.Insert | postgresql.Insert) -> None:
    """Those that would wake earlier anyway are left alone."""
    is_later = sa.or_(attention.c.wake_at.is_(None), attention.c.wake_at > fresh.excluded.wake_at)
    earlier = {"wake_at": fresh.excluded.wake_at}
    connection.execute(fresh.on_conflict_do_update(index_elements=["incident"], set_=earlier, where=is_later))


def _insert(connection: Connection) -> sqlite.Insert | postgresql.Insert:
    return (sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert)(attention)


# ---- groups


def join_group(connection: Connection, key: str, number: int) -> None:
    insert_or_ignore(connection, group_members, {"group_key": key, "incident": number})


def leave_groups(connection: Connection, number: int) -> None:
    connection.execute(sa.delete(group_members).where(group_members.c.incident == number))


def group(connection: Connection, key: str) -> list[int]:
    numbers = (
        sa.select(incidents.c.number)
        .join(group_members, group_members.c.incident == incidents.c.number)
        .where(group_members.c.group_key == key, incidents.c.is_open.is_(sa.true()))
        .order_by(incidents.c.number)
    )
    return list(connection.scalars(numbers))


class SqlAttention:
    """The part of `engine.ports.Store` that knows whose time has come."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def to_attend(self, *, now: datetime, limit: int) -> list[int]:
        due = sa.select(attention.c.incident).where(IS_TO_WAKE, attention.c.wake_at <= now)
        earliest = due.order_by(attention.c.wake_at, attention.c.incident).limit(limit)
        with self._database.reading() as connection:
            return list(connection.scalars(earliest))

    def next_wake(self) -> datetime | None:
        earliest = sa.select(attention.c.wake_at).where(IS_TO_WAKE).order_by(attention.c.wake_at).limit(1)
        with self._database.reading() as connection:
            return connection.scalar(earliest)
