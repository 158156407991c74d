"""The tables of Dagster's event log: the only file that touches private Dagster API. Rows in, rows out; what they
mean is `dagster_events`'s and `dagster_pointers`'s.

Why not a public call: none gives the events of all runs in the order of one integer, on SQLite and PostgreSQL
alike. `get_logs_for_all_runs_by_log_id` comes near but cuts a page short, silently, at a row that it cannot
decode; here each row is decoded by itself.

On SQLite the events of a run lie in a file of its own under other ids, and asset and check events once more in the
index shard, which is read here. Its ids are those that pointers and evaluations name.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
import sqlalchemy.exc
from dagster import (
    AssetCheckEvaluation,
    AssetKey,
    DagsterError,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    EventLogEntry,
)
from dagster._core.definitions.freshness import FreshnessStateChange
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._serdes import deserialize_value
from dagster_shared import check
from dagster_shared.serdes.errors import DeserializationError

from incident_ops.adapters.dagster_numbers import moment
from incident_ops.adapters.dagster_pointers import LogRecord, Version
from incident_ops.core.errors import SourceUnavailable

UNREADABLE = (
    DeserializationError,
    check.CheckError,
    DagsterError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What `decoded` raises for a row of another version of Dagster, or a broken one. Dagster takes what it reads for
what it would have written; where it is not, nearly any error may come of it."""

LONGEST_NAME = 1_000
"""Bytes of an asset's key, a check's name, a partition: PostgreSQL takes 2,700 of all together into an index."""
_DATA_VERSION = "dagster/data_version"
_MOST_IDS = 500
_MOST_PARTITIONS = 5_000  # 13 years of days
_MOST_TERMS = 100  # of one compound SELECT; SQLite takes 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """A row of the log, its event still text. `at` is epoch seconds."""

    id: int
    run_id: str
    text: str
    type: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRow:
    """What an event of a run says of an asset, without the event. `at` is epoch seconds."""

    run_id: str
    key: AssetKey
    step: str | None
    type: str
    at: float


def decoded(row: LogRow) -> EventLogEntry:
    """Raises one of `UNREADABLE`, also for an event without a time or with names that no index takes."""
    entry = deserialize_value(row.text, EventLogEntry)
    event = entry.dagster_event
    if event is not None and event.event_type is DagsterEventType.FRESHNESS_STATE_CHANGE:
        check.inst(event.event_specific_data, FreshnessStateChange)
    if moment(entry.timestamp) is None:
        raise ValueError(f"{entry.timestamp} is no time")
    if event is not None and any(len(name.encode()) > LONGEST_NAME for name in _names_in(event)):
        raise ValueError(f"a name of more than {LONGEST_NAME:,} bytes")
    return entry


def _names_in(event: DagsterEvent) -> Iterator[str]:
    data = event.event_specific_data
    if isinstance(data, AssetCheckEvaluation):
        yield from ("/".join(data.asset_key.path), data.check_name, data.partition or "")
    elif event.asset_key is not None:
        yield from ("/".join(event.asset_key.path), event.partition or "")


class DagsterLog:
    """Every method raises `SourceUnavailable` when the database cannot be read."""

    def __init__(self, instance: DagsterInstance) -> None:
        storage = instance.event_log_storage
        if not isinstance(storage, SqlEventLogStorage):
            raise SourceUnavailable(
                f"dagster.yaml: event_log_storage is {type(storage).__name__}, which is not one of the SQL "
                "storages (SQLite, PostgreSQL, MySQL) that incident_ops can read"
            )
        self._storage = storage

    def after(self, after: int, *, types: Collection[DagsterEventType], limit: int) -> list[LogRow]:
        """Ascending by id."""
        table = SqlEventLogStorageTable.c
        query = _rows().where(table.id > after, table.dagster_event_type.in_([t.value for t in types]))
        return [_row(found) for found in self._fetch(query.order_by(table.id).limit(limit))]

    def timestamp_of(self, event_id: int) -> float | None:
        table = SqlEventLogStorageTable.c
        found = self._fetch(sa.select(table.timestamp).where(table.id == event_id))
        return _epoch(found[0][0]) if found else None

    def newest_build(self, key: AssetKey, *, partition: str | None, since: datetime) -> list[LogRow]:
        """The newest materialization after `since` (of the partition, if one is given), if there is one."""
        table = SqlEventLogStorageTable.c
        query = _rows().where(
            table.asset_key == key.to_string(),
            table.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION.value,
            table.timestamp > since.replace(tzinfo=None),
        )
        if partition is not None:
            query = query.where(table.partition == partition)
        return [_row(found) for found in self._fetch(query.order_by(table.id.desc()).limit(1))]

    def counts_of_run(self, run_id: str, types: Collection[DagsterEventType]) -> dict[str, int]:
        """Event type → how many the run has."""
        table = SqlEventLogStorageTable.c
        query = (
            sa.select(table.dagster_event_type, sa.func.count())
            .where(table.run_id == run_id, table.dagster_event_type.in_([t.value for t in types]))
            .group_by(table.dagster_event_type)
        )
        return {found[0]: found[1] for found in self._fetch(query)}

    def assets_of_runs(self, run_ids: Collection[str], *, types: Collection[DagsterEventType]) -> list[AssetRow]:
        """The events of these types about assets, in the order of the log."""
        table = SqlEventLogStorageTable.c
        query = sa.select(
            table.run_id, table.asset_key, table.step_key, table.dagster_event_type, table.timestamp
        ).where(table.dagster_event_type.in_([t.value for t in types]), table.asset_key.is_not(None))
        return [
            AssetRow(run_id=found[0], key=key, step=found[2], type=found[3], at=_epoch(found[4]))
            for some in _pieces(sorted(run_ids), _MOST_IDS)
            for found in self._fetch(query.where(table.run_id.in_(some)).order_by(table.id))
            if (key := AssetKey.from_db_string(found[1])) is not None
        ]

    # ---- check executions, which outlive their events

    def newest_pass(self, key: AssetKey, check: str, *, since: datetime) -> list[LogRow]:
        checks = AssetCheckExecutionsTable.c
        query = (
            _executions()
            .where(
                checks.asset_key == key.to_string(),
                checks.check_name == check,
                checks.execution_status == "SUCCEEDED",
                checks.evaluation_event_timestamp > since.replace(tzinfo=None),
            )
            .order_by(checks.id.desc())
            .limit(1)
        )
        return [_evaluation(found) for found in self._fetch(query)]

    def executions(self, *, since: datetime, limit: int) -> list[LogRow]:
        """Evaluations after `since` among the newest `limit` executions, ascending by the id of their event."""
        checks = AssetCheckExecutionsTable.c
        newest = self._fetch(sa.select(sa.func.max(checks.id)))[0][0] or 0
        query = (
            _executions()
            .where(
                checks.id > newest - limit,
                # create_timestamp is in the database's own time zone, this one in UTC
                checks.evaluation_event_timestamp >= since.replace(tzinfo=None),
                checks.execution_status.in_(["SUCCEEDED", "FAILED"]),
                checks.evaluation_event_storage_id.is_not(None),
            )
            .order_by(checks.evaluation_event_storage_id)
        )
        return [_evaluation(found) for found in self._fetch(query)]

    # ---- what pointers lead to: `dagster_pointers.LogIndex`

    def records(self, ids: Collection[int]) -> dict[int, LogRecord]:
        table = SqlEventLogStorageTable.c
        rows = [
            found
            for some in _pieces(sorted(ids), _MOST_IDS)
            for found in self._fetch(_records().where(table.id.in_(some), table.asset_key.is_not(None)))
        ]
        return {row[0]: _record(*row) for row in rows}

    def partitions(self, key: str, *, by: int) -> list[LogRecord]:
        table = SqlEventLogStorageTable.c
        query = _records().where(
            table.asset_key == key,
            table.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION.value,
            table.partition.is_not(None),
            table.id <= by,
        )
        return [_record(*row) for row in self._fetch(query.order_by(table.id.desc()).limit(_MOST_PARTITIONS))]

    def newest(self, versions: Collection[Version]) -> dict[Version, LogRecord]:
        wanted = sorted(versions)
        ids = dict(zip(wanted, self._newest_ids(wanted), strict=True))
        found = self.records({i for i in ids.values() if i is not None})
        return {version: found[i] for version, i in ids.items() if i in found}

    def _newest_ids(self, versions: Sequence[Version]) -> Iterator[int | None]:
        table = SqlEventLogStorageTable.c
        for some in _pieces(versions, _MOST_TERMS):
            terms = [
                sa.select(sa.literal(position), sa.func.max(table.id)).where(
                    table.asset_key == version.key,
                    table.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION.value,
                    table.partition == version.partition,
                    table.id <= version.by,
                )
                for position, version in enumerate(some)
            ]
            found: dict[int, int | None] = {row[0]: row[1] for row in self._fetch(sa.union_all(*terms))}
            yield from (found[position] for position in range(len(some)))

    def _fetch(
        self, query: sa.Select[*tuple[Any, ...]] | sa.CompoundSelect[*tuple[Any, ...]]
    ) -> Sequence[tuple[Any, ...]]:
        try:
            with self._storage.index_connection() as connection:
                return [tuple(row) for row in connection.execute(query)]
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise SourceUnavailable(
                f"Dagster's event log cannot be read ({type(error).__name__}); check the storage in dagster.yaml"
            ) from error


def _pieces(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _rows() -> sa.Select[*tuple[Any, ...]]:
    table = SqlEventLogStorageTable.c
    return sa.select(table.id, table.run_id, table.event, table.dagster_event_type, table.timestamp)


def _row(found: Sequence[Any]) -> LogRow:
    return LogRow(id=found[0], run_id=found[1] or "", text=found[2], type=found[3], at=_epoch(found[4]))


def _records() -> sa.Select[*tuple[Any, ...]]:
    table, tags = SqlEventLogStorageTable.c, AssetEventTagsTable.c
    its_version = sa.and_(tags.event_id == table.id, tags.key == _DATA_VERSION)
    return sa.select(
        table.id, table.asset_key, table.partition, table.run_id, table.timestamp, tags.value
    ).select_from(sa.outerjoin(SqlEventLogStorageTable, AssetEventTagsTable, its_version))


def _executions() -> sa.Select[*tuple[Any, ...]]:
    checks = AssetCheckExecutionsTable.c
    return sa.select(checks.evaluation_event_storage_id, checks.run_id, checks.evaluation_event)


def _evaluation(found: Sequence[Any]) -> LogRow:
    return LogRow(
        id=found[0],
        run_id=found[1] or "",
        text=found[2],
        type=DagsterEventType.ASSET_CHECK_EVALUATION.value,
        at=0.0,  # only the tail asks
    )


def _record(
    event_id: int, key: str, partition: str | None, run_id: str | None, at: datetime, version: str | None
) -> LogRecord:
    path = AssetKey.from_db_string(key)
    return LogRecord(
        id=event_id,
        key=key,
        asset="/".join(path.path) if path else "",
        partition=partition,
        run_id=run_id or "",
        at=_aware(at),
        data_version=version,
    )


def _aware(value: datetime) -> datetime:
    """The log's timestamp column holds naive UTC."""
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _epoch(value: datetime) -> float:
    return _aware(value).timestamp()
