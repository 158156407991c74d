"""`engine.ports.History` in SQL: what was built from what, asked for many records at once.

What is wanted goes into the statement as a small table of its own, so that the number of statements grows with
chunks only. "The newest few before this one" is read along the index `ix_materializations_history` and stopped,
once for each record wanted, within the one statement: PostgreSQL has LATERAL for it, SQLite a correlated IN. Both
want `partition IS NULL` and `partition = …` written apart to go along an index.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from incident_ops.adapters.store import history_rows as rows
from incident_ops.adapters.store.database import chunks
from incident_ops.adapters.store.tables import (
    IS_REMARK,
    SafeText,
    UtcDateTime,
    evaluations,
    materializations,
    pointers,
    views,
)
from incident_ops.core.provenance import Evaluation, Facts, Materialization, RecordKind, Ref, View

MOST_REMARKS = 20
"""On one record; each is a change of the status of an incident there."""

_IS_OF_DATA = materializations.c.kind != sa.literal_column(f"'{RecordKind.REMARK}'")
_Place = tuple[str, str | None]


def add_facts(connection: Connection, facts: Facts) -> None:
    """Store what is not known yet, in bulk."""
    _insert(connection, materializations, map(rows.materialization_values, facts.materializations))
    _insert(connection, pointers, (v for record in facts.materializations for v in rows.pointer_values(record)))
    _insert(connection, evaluations, map(rows.evaluation_values, facts.evaluations))
    _insert(connection, views, map(rows.view_values, facts.views))


def _insert(connection: Connection, table: Table, values: Iterable[dict[str, Any]]) -> None:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    if listed := list(values):
        connection.execute(insert(table).on_conflict_do_nothing(), listed)


class SqlHistory:
    """`engine.ports.History` on a connection: within a transaction, or on a snapshot."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def materializations(self, refs: Collection[Ref]) -> list[Materialization]:
        m = materializations.c
        return self._records(
            sa.select(materializations).select_from(
                sa.join(wanted, materializations, sa.and_(m.asset == wanted.c.asset, m.id == wanted.c.id))
            )
            for wanted in _wanted_refs(refs)
        )

    def readers(self, refs: Collection[Ref], *, limit: int | None = None) -> list[Materialization]:
        m, p = materializations.c, pointers.c
        found = self._records(
            sa.select(materializations)
            .select_from(
                sa.join(
                    wanted, pointers, sa.and_(p.upstream == wanted.c.asset, p.upstream_id == wanted.c.id)
                ).join(materializations, sa.and_(m.asset == p.asset, m.id == p.id, m.at == p.at))
            )
            .distinct()
            .order_by(p.at.desc(), p.asset, p.id.desc())
            .limit(limit)
            for wanted in _wanted_refs(refs)
        )
        return found if limit is None else found[-limit:]

    def before(self, records: Collection[Materialization], *, limit: int) -> list[Materialization]:
        m = materializations.c
        return self._newest(
            [((record.asset, record.partition), record) for record in records],
            lambda wanted: sa.tuple_(m.at, m.id) < sa.tuple_(wanted.c.at, wanted.c.id),
            limit=limit,
        )

    def latest(self, places: Collection[tuple[str, str | None]]) -> list[Materialization]:
        return self._newest([(place, None) for place in places], None, limit=1)

    def latest_of(self, assets: Collection[str], *, limit: int = 1) -> list[Materialization]:
        m = materializations.c

        def newest(wanted: sa.CTE) -> sa.Select[Any]:
            of_asset = sa.select(materializations).where(m.asset == wanted.c.asset, _IS_OF_DATA)
            return of_asset.order_by(m.at.desc(), m.id.desc()).limit(limit)

        columns = {"asset": SafeText()}
        return self._records(
            self._each(_wanted(columns, [(asset,) for asset in chunk]), newest)
            for chunk in chunks(sorted(set(assets)))
        )

    def remarks(self, records: Collection[Materialization]) -> list[Materialization]:
        m = materializations.c

        def following(wanted: sa.CTE) -> sa.Select[Any]:
            later = sa.select(materializations).where(m.asset == wanted.c.asset, IS_REMARK, m.at >= wanted.c.at)
            return later.order_by(m.at, m.id).limit(MOST_REMARKS)

        columns = {"asset": SafeText(), "at": UtcDateTime()}
        places = sorted({(record.asset, record.at) for record in records})
        return self._records(self._each(_wanted(columns, chunk), following) for chunk in chunks(places))

    def evaluations(self, refs: Collection[Ref]) -> list[Evaluation]:
        e = evaluations.c
        found = [
            rows.evaluation_from(row)
            for wanted in _wanted_refs(refs)
            for row in self._connection.execute(
                sa.select(evaluations).select_from(
                    sa.join(
                        wanted, evaluations, sa.and_(e.asset == wanted.c.asset, e.materialization == wanted.c.id)
                    )
                )
            ).mappings()
        ]
        return sorted(found, key=lambda evaluation: (evaluation.at, evaluation.event_id))

    def views(self, assets: Collection[str], *, since: datetime) -> list[View]:
        found = [
            rows.view_from(row)
            for chunk in chunks(sorted(set(assets)))
            for row in self._connection.execute(
                sa.select(views).where(views.c.asset.in_(chunk), views.c.at >= since)
            ).mappings()
        ]
        return sorted(found, key=lambda view: (view.at, view.asset, view.viewer))

    # ---- how it is asked

    def _newest(
        self,
        wanted: Sequence[tuple[_Place, Materialization | None]],
        bound: Callable[[sa.CTE], sa.ColumnElement[bool]] | None,
        *,
        limit: int,
    ) -> list[Materialization]:
        """Of each place the newest records that are not remarks, older than the record given with it, if one is."""
        columns = {"asset": SafeText(), "partition": SafeText(), "at": UtcDateTime(), "id": sa.BigInteger()}
        if bound is None:
            columns = {"asset": columns["asset"], "partition": columns["partition"]}
        statements: list[sa.Select[Any]] = []
        for has_partition in (False, True):
            values = {
                (*place, *((record.at, record.id) if record else ()))
                for place, record in wanted
                if (place[1] is not None) is has_partition
            }
            for chunk in chunks(sorted(values, key=lambda value: tuple(v or "" for v in value))):
                table = _wanted(columns, chunk)
                statements.append(self._each(table, lambda w, p=has_partition: _along(w, p, bound, limit)))
        return self._records(statements)

    def _each(self, wanted: sa.CTE, found: Callable[[sa.CTE], sa.Select[Any]]) -> sa.Select[Any]:
        """All that `found` gives for each row of `wanted`."""
        m = materializations.c
        if self._connection.dialect.name != "sqlite":
            rows_of_each = found(wanted).correlate(wanted).lateral("each")
            return sa.select(rows_of_each).select_from(sa.join(wanted, rows_of_each, sa.true()))
        # Within the subquery the table needs a name of its own: `m` outside is the row that is looked for.
        inner = materializations.alias("inner_one")
        keys = sa.sql.util.ClauseAdapter(inner).traverse(found(wanted)).with_only_columns(inner.c.id, inner.c.at)
        is_one = sa.and_(m.asset == wanted.c.asset, sa.tuple_(m.id, m.at).in_(keys.correlate(wanted)))
        return sa.select(materializations).select_from(sa.join(wanted, materializations, is_one))

    def _records(self, statements: Iterable[sa.Select[Any]]) -> list[Materialization]:
        """Oldest first, each once."""
        found = {
            (row["asset"], row["id"], row["at"]): row
            for statement in statements
            for row in self._connection.execute(statement).mappings()
        }
        records = [rows.materialization_from(row) for row in found.values()]
        return sorted(records, key=lambda record: (record.at, record.asset, record.id))


class HistoryOf:
    pass


def _along(
    wanted: sa.CTE,
    has_partition: bool,
    bound: Callable[[sa.CTE], sa.ColumnElement[bool]] | None,
    limit: int,
) -> sa.Select[Any]:
    """Backwards along the index; PostgreSQL sees that only if the order names the partition too."""
    m = materializations.c
    same = m.partition == wanted.c.partition if has_partition else m.partition.is_(None)
    query = sa.select(materializations).where(m.asset == wanted.c.asset, same, _IS_OF_DATA)
    if bound is not None:
        query = query.where(bound(wanted))
    return query.order_by(m.partition.desc(), m.at.desc(), m.id.desc()).limit(limit)


def _wanted_refs(refs: Collection[Ref]) -> Iterable[sa.CTE]:
    columns = {"asset": SafeText(), "id": sa.BigInteger()}
    return (_wanted(columns, [(r.asset, r.id) for r in chunk]) for chunk in chunks(sorted(set(refs))))


def _wanted(columns: dict[str, Any], values: Sequence[tuple[Any, ...]]) -> sa.CTE:
    """The values as a table that a statement can join."""
    names = [sa.column(name, type_) for name, type_ in columns.items()]
    return sa.values(*names, name="wanted_values").data(list(values)).cte("wanted")
