"""`engine.ports.History` in SQL: what was built from what, asked for many records at once.

What is wanted goes into the statement as a small table of its own, so that the number of statements grows with
chunks only. "The newest few before this one" is read along the index `ix_materializations_history` and stopped,
once for each record wanted, within the one statement: PostgreSQL has LATERAL for it, SQLite a correlated IN. Both
want `partition IS NULL` and `partition = …` written apart to go along an index.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from incident_ops.adapters.store import history_rows as rows
from incident_ops.adapters.store.columns import SafeText, UtcDateTime
from incident_ops.adapters.store.database import chunks
from incident_ops.adapters.store.metrics import feedback_of, measurement_values, metrics_of, point_values
from incident_ops.adapters.store.tables import (
    evaluations,
    materializations,
    measurements,
    metric_points,
    pointers,
    views,
)
from incident_ops.core.feedback import Feedback
from incident_ops.core.metrics import Measurement
from incident_ops.core.provenance import Evaluation, Facts, Materialization, RecordKind, Ref, View

MOST_REMARKS = 20
"""On one record; each is a change of the status of an incident there."""

_h = materializations.alias("h")
_IS_OF_DATA = _h.c.kind != sa.literal_column(f"'{RecordKind.REMARK}'")
_IS_REMARK = _h.c.kind == sa.literal_column(f"'{RecordKind.REMARK}'")


def add_facts(connection: Connection, facts: Facts) -> None:
    """Store what is not known yet, in bulk."""
    _insert(connection, materializations, map(rows.materialization_values, facts.materializations))
    _insert(connection, pointers, (v for record in facts.materializations for v in rows.pointer_values(record)))
    _insert(connection, evaluations, map(rows.evaluation_values, facts.evaluations))
    _insert(connection, views, map(rows.view_values, facts.views))
    _insert(connection, measurements, map(measurement_values, facts.measurements))
    _insert(connection, metric_points, (v for found in facts.measurements for v in point_values(found)))


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
            .order_by(p.at.desc(), p.asset, p.id.desc())
            .limit(limit)
            for wanted in _wanted_refs(refs)
        )
        return found if limit is None else found[-limit:]

    def before(self, records: Collection[Materialization], *, limit: int) -> list[Materialization]:
        wanted = [(r.asset, r.partition, r.at, r.id) for r in records]
        columns = {"asset": SafeText(), "partition": SafeText(), "at": UtcDateTime(), "id": sa.BigInteger()}
        return self._newest(columns, wanted, limit=limit)

    def latest(self, places: Collection[tuple[str, str | None]]) -> list[Materialization]:
        return self._newest({"asset": SafeText(), "partition": SafeText()}, list(places), limit=1)

    def latest_of(self, assets: Collection[str], *, limit: int = 1) -> list[Materialization]:
        statements: list[sa.Select[Any]] = []
        for chunk in chunks(sorted(set(assets))):
            wanted = _wanted({"asset": SafeText()}, [(asset,) for asset in chunk])
            newest = sa.select(_h).where(_h.c.asset == wanted.c.asset, _IS_OF_DATA)
            newest = newest.order_by(_h.c.at.desc(), _h.c.id.desc()).limit(limit)
            statements.append(self._each(wanted, newest))
        return self._records(statements)

    def remarks(self, records: Collection[Materialization]) -> list[Materialization]:
        statements: list[sa.Select[Any]] = []
        for chunk in chunks(sorted({(record.asset, record.at) for record in records})):
            wanted = _wanted({"asset": SafeText(), "at": UtcDateTime()}, chunk)
            later = sa.select(_h).where(_h.c.asset == wanted.c.asset, _IS_REMARK, _h.c.at >= wanted.c.at)
            statements.append(self._each(wanted, later.order_by(_h.c.at, _h.c.id).limit(MOST_REMARKS)))
        return self._records(statements)

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

    def verdicts(self, assets: Collection[str], *, since: datetime) -> list[Evaluation]:
        e = evaluations.c
        found = [
            rows.evaluation_from(row)
            for chunk in chunks(sorted(assets))
            for row in self._connection.execute(
                sa.select(evaluations).where(e.asset.in_(chunk), e.at >= since)
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

    # ---- the memory of detectors

    def metrics(self, asset: str, check: str, *, limit: int) -> list[Measurement]:
        return metrics_of(self._connection, asset, check, limit=limit)

    def feedback(self, asset: str, check: str) -> list[Feedback]:
        return feedback_of(self._connection, asset, check)

    # ---- how it is asked

    def _newest(
        self, columns: dict[str, Any], wanted: Collection[tuple[Any, ...]], *, limit: int
    ) -> list[Materialization]:
        """Of each place wanted (older than a moment, if one is given) the newest records that are not remarks."""
        statements: list[sa.Select[Any]] = []
        for has_partition in (False, True):
            places = sorted({place for place in wanted if (place[1] is not None) is has_partition})
            for chunk in chunks(places):
                table = _wanted(columns, chunk)
                newest = _newest_along_the_index(table, has_partition=has_partition, limit=limit)
                statements.append(self._each(table, newest))
        return self._records(statements)

    def _each(self, wanted: sa.CTE, found: sa.Select[Any]) -> sa.Select[Any]:
        """All that `found` gives for each row of `wanted`."""
        if self._connection.dialect.name != "sqlite":
            each = found.correlate(wanted).lateral("each")
            return sa.select(each).select_from(sa.join(wanted, each, sa.true()))
        m = materializations.c
        keys = found.with_only_columns(_h.c.id, _h.c.at).correlate(wanted)
        is_one = sa.and_(m.asset == wanted.c.asset, sa.tuple_(m.id, m.at).in_(keys))
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


def _newest_along_the_index(wanted: sa.CTE, *, has_partition: bool, limit: int) -> sa.Select[Any]:
    """PostgreSQL sees that the order is the index's only if the partition is named in it."""
    same = _h.c.partition == wanted.c.partition if has_partition else _h.c.partition.is_(None)
    query = sa.select(_h).where(_h.c.asset == wanted.c.asset, same, _IS_OF_DATA)
    if "at" in wanted.c:
        query = query.where(sa.tuple_(_h.c.at, _h.c.id) < sa.tuple_(wanted.c.at, wanted.c.id))
    return query.order_by(_h.c.partition.desc(), _h.c.at.desc(), _h.c.id.desc()).limit(limit)


def _wanted_refs(refs: Collection[Ref]) -> Iterable[sa.CTE]:
    columns = {"asset": SafeText(), "id": sa.BigInteger()}
    return (_wanted(columns, [(r.asset, r.id) for r in chunk]) for chunk in chunks(sorted(set(refs))))


def _wanted(columns: dict[str, Any], values: Sequence[tuple[Any, ...]]) -> sa.CTE:
    """The values as a table that a statement can join."""
    names = [sa.column(name, type_) for name, type_ in columns.items()]
    return sa.values(*names, name="wanted_values").data(list(values)).cte("wanted")
