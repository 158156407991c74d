"""Silences: added, listed, expired. Whoever changes them wakes the open incidents in the same transaction."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from incident_ops.adapters.store.attention import wake_open
from incident_ops.adapters.store.database import Database
from incident_ops.adapters.store.rows import Row
from incident_ops.adapters.store.tables import silences as table
from incident_ops.core.errors import NotFound
from incident_ops.core.matching import parse_matcher
from incident_ops.core.muting import Silence


class SqlSilences:
    """The part of `engine.ports.Store` that knows who wants quiet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_silence(
        self,
        matchers: Sequence[str],
        *,
        begins: datetime,
        ends: datetime,
        author: str,
        comment: str,
        now: datetime,
    ) -> int:
        if ends <= begins:
            raise ValueError(f"a silence must end after it begins: {begins.isoformat()} to {ends.isoformat()}")
        for text in matchers:
            parse_matcher(text)  # what cannot be read is refused here, not at every look
        values = {
            "matchers": list(matchers),
            "begins": begins,
            "ends": ends,
            "author": author,
            "comment": comment,
            "created_at": now,
        }
        with self._database.writing() as connection:
            id = connection.execute(sa.insert(table).values(values).returning(table.c.id)).scalar_one()
            wake_open(connection, at=now)
        return id

    def silences(self, *, since: datetime) -> list[Silence]:
        lasting = sa.select(table).where(table.c.ends > since).order_by(table.c.begins, table.c.id)
        with self._database.reading() as connection:
            return [_silence(row) for row in connection.execute(lasting).mappings()]

    def expire_silence(self, id: int, *, at: datetime) -> None:
        is_it = table.c.id == id
        with self._database.writing() as connection:
            ended = sa.update(table).where(is_it, table.c.ends > at).values(ends=at)
            if connection.execute(ended).rowcount == 1:
                wake_open(connection, at=at)
            elif connection.scalar(sa.select(table.c.id).where(is_it)) is None:
                raise NotFound(f"there is no silence {id}")


def _silence(row: Row) -> Silence:
    return Silence(
        id=row["id"],
        matchers=tuple(parse_matcher(text) for text in row["matchers"]),
        begins=row["begins"],
        ends=row["ends"],
        author=row["author"],
        comment=row["comment"],
    )
