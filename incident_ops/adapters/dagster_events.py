"""Dagster's event log, tailed: the only file that touches private Dagster API, namely its storage tables.

Why not a public call: none gives the events of all runs in the order of one integer, on SQLite and PostgreSQL
alike. `get_logs_for_all_runs_by_log_id` comes near but cuts a page short, silently, at a row that it cannot
decode; here each row is decoded by itself, and one that cannot be is an alert.

What makes the tail exact is in `dagster_cursor`: rows seen before are left out, but only up to the first row that
is new, and what follows a late row is told again, in order (triage knows alerts by their id, and a recovery told
twice does no harm).
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import sqlalchemy as sa
import sqlalchemy.exc
from dagster import DagsterEventType, DagsterInstance, EventLogEntry
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._serdes import deserialize_value
from dagster_shared.serdes.errors import DeserializationError

from incident_ops.adapters.dagster_cursor import TailCursor, advanced
from incident_ops.adapters.dagster_pii import PiiColumns
from incident_ops.adapters.dagster_runs import group_of, job_of, location_of, read_run
from incident_ops.adapters.dagster_translate import (
    asset_ref,
    log_event_id,
    of_evaluation,
    of_failure,
    of_freshness,
    of_job_success,
    of_materialization,
    utc,
)
from incident_ops.core.alert import Alert, AlertKind, Evidence, Nature, Observation, RetrySucceeded, Subject
from incident_ops.core.errors import SourceUnavailable
from incident_ops.core.runs import Failure, RunLog, Upstream, account_for
from incident_ops.engine.ports import Page

SWEEP_WINDOW = timedelta(hours=1)
SWEEP_ROWS = 2000

_MOST_BEHIND_UTC = timedelta(hours=12)
"""On PostgreSQL a run's update time is in the time zone of the database; its end time is an instant."""

TAILED = (
    DagsterEventType.ASSET_CHECK_EVALUATION,
    DagsterEventType.FRESHNESS_STATE_CHANGE,
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_SUCCESS,
)

_UNREADABLE = (DeserializationError, json.JSONDecodeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    id: int
    run_id: str
    text: str
    type: str
    at: float


class DagsterEvents:
    """The event log of one Dagster instance as a source of observations.

    Args:
        own_assets: keys (`a/b`) of assets that we report ourselves; their events would feed back.
        lineage: gives, for the account of one run, the function from an asset key to its direct upstream keys.
    """

    def __init__(
        self,
        instance: DagsterInstance,
        *,
        own_assets: Collection[str] = (),
        lineage: Callable[[], Upstream] = lambda: _nothing,
    ) -> None:
        self._instance = instance
        self._own_assets = frozenset(own_assets)
        self._lineage = lineage
        self._pii = PiiColumns(instance, unreadable=_UNREADABLE)
        storage = instance.event_log_storage
        if not isinstance(storage, SqlEventLogStorage):
            raise SourceUnavailable(
                f"dagster.yaml: event_log_storage is {type(storage).__name__}, which is not one of the SQL "
                "storages (SQLite, PostgreSQL, MySQL) that incident_ops can read"
            )
        self._storage = storage

    # ---- the tail

    def read(self, cursor: str | None, *, now: datetime, limit: int) -> Page:
        """The next stretch of the log; see the module's docstring."""
        state = self._rewound(TailCursor.load(cursor))
        limit += len(state.window)  # what is read again must not crowd out what is new
        rows = self._rows_after(state.settled, limit=limit)
        seen = dict(state.window)
        first_new = next((i for i, row in enumerate(rows) if row.id not in seen), len(rows))
        observations = [o for row in rows[first_new:] for o in self._observations(row, now=now)]
        following = advanced(state, [(row.id, row.at) for row in rows], now=now)
        return Page(
            observations=tuple(observations),
            cursor=following.dump(),
            events=len(rows) - first_new,
            is_last=len(rows) < limit,
        )

    def _rewound(self, state: TailCursor) -> TailCursor:
        anchors = list(state.anchors)
        while anchors and self._timestamp_of(anchors[-1][0]) != anchors[-1][1]:
            anchors.pop()
        if len(anchors) == len(state.anchors):
            return state
        return TailCursor(anchors=tuple(anchors))

    def _rows_after(self, after: int, *, limit: int) -> list[_Row]:
        table = SqlEventLogStorageTable.c
        query = (
            sa.select(table.id, table.run_id, table.event, table.dagster_event_type, table.timestamp)
            .where(table.id > after, table.dagster_event_type.in_([t.value for t in TAILED]))
            .order_by(table.id)
            .limit(limit)
        )
        return [
            _Row(id=row[0], run_id=row[1] or "", text=row[2], type=row[3], at=_epoch(row[4]))
            for row in self._fetch(query)
        ]

    def _timestamp_of(self, event_id: int) -> float | None:
        table = SqlEventLogStorageTable.c
        rows = self._fetch(sa.select(table.timestamp).where(table.id == event_id))
        return _epoch(rows[0][0]) if rows else None

    def _fetch(self, query: sa.Select[*tuple[Any, ...]]) -> Sequence[tuple[Any, ...]]:
        try:
            with self._storage.index_connection() as connection:
                return [tuple(row) for row in connection.execute(query)]
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise SourceUnavailable(
                f"Dagster's event log cannot be read ({type(error).__name__}); check the storage in dagster.yaml"
            ) from error

    # ---- translation

    def _observations(self, row: _Row, *, now: datetime) -> Sequence[Observation]:
        try:
            entry = deserialize_value(row.text, EventLogEntry)
        except _UNREADABLE as error:
            return [_unreadable(row, error, now=now)]
        event = entry.dagster_event
        if event is None:
            return []
        event_id, at = log_event_id(row.id, entry.timestamp), utc(entry.timestamp)
        if event.event_type is DagsterEventType.RUN_FAILURE:
            return self.of_run(entry.run_id, now=now)
        if event.event_type is DagsterEventType.RUN_SUCCESS:
            return self._of_success(entry.run_id, event_id=event_id, at=at, now=now)
        key = event.asset_key
        if key is not None and asset_ref(key).key in self._own_assets:
            return []
        data = event.event_specific_data
        if isinstance(data, dg.AssetCheckEvaluation):
            if asset_ref(data.asset_key).key in self._own_assets:
                return []
            pii = () if data.passed else self._pii.of(data.asset_key)
            return [of_evaluation(data, event_id=event_id, run_id=entry.run_id or None, at=at, now=now, pii=pii)]
        if event.event_type is DagsterEventType.FRESHNESS_STATE_CHANGE:
            change = event.asset_freshness_state_change_data
            asset = asset_ref(change.key)
            if asset.key in self._own_assets:
                return []
            observation = of_freshness(
                asset,
                previous=change.previous_state.value,
                new=change.new_state.value,
                event_id=event_id,
                at=utc(change.state_change_timestamp),
                now=now,
            )
            return [observation] if observation else []
        if event.event_type is DagsterEventType.ASSET_MATERIALIZATION and key is not None:
            return [
                of_materialization(
                    asset_ref(key), partition=event.partition, event_id=event_id, run_id=entry.run_id, at=at
                )
            ]
        return []

    def of_run(self, run_id: str, *, now: datetime) -> tuple[Observation, ...]:
        """What one ended run amounts to. A run that was deleted meanwhile amounts to nothing that can be told."""
        run = self._instance.get_run_by_id(run_id)
        if run is None:
            return ()
        return self._account(read_run(self._instance, run), now=now)

    def _account(self, run: RunLog, *, now: datetime) -> tuple[Observation, ...]:
        """The failures of a run, each followed by what has healed it since: a run may fail early and end late,
        and a recovery that was read in between found nothing to heal."""
        observations: list[Observation] = []
        upstream = self._lineage()
        for failure in account_for(run, upstream=upstream):
            observations.extend(of_failure(failure, run, now=now, pii=self._pii_of(failure, run, upstream)))
            for row in self._newest_recovery_of(failure):
                observations.extend(self._observations(row, now=now))
        return tuple(observations)

    def _pii_of(self, failure: Failure, run: RunLog, upstream: Upstream) -> frozenset[str]:
        """An error quotes rows of what was being built or of what it was built from; without a known asset, of
        anything in the run."""
        asset = failure.subject.asset
        keys = {p.asset.key for p in (*run.planned, *run.planned_checks) if failure.step in (None, p.step)}
        keys = {asset.key} | keys if asset else keys or {p.asset.key for p in run.planned}
        return self._pii.of_all(keys.union(*(upstream(key) for key in keys)))

    def _newest_recovery_of(self, failure: Failure) -> list[_Row]:
        if failure.subject.asset is None:
            return []
        asset_key = dg.AssetKey(failure.subject.asset.path).to_string()
        since = failure.at.replace(tzinfo=None)
        if failure.subject.check is None:
            table = SqlEventLogStorageTable.c
            query = (
                sa.select(table.id, table.run_id, table.event, table.dagster_event_type, table.timestamp)
                .where(
                    table.asset_key == asset_key,
                    table.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION.value,
                    table.timestamp > since,
                )
                .order_by(table.id.desc())
                .limit(1)
            )
            if failure.partition is not None:
                query = query.where(table.partition == failure.partition)
            return [
                _Row(id=row[0], run_id=row[1] or "", text=row[2], type=row[3], at=_epoch(row[4]))
                for row in self._fetch(query)
            ]
        checks = AssetCheckExecutionsTable.c
        passes = (
            sa.select(checks.evaluation_event_storage_id, checks.run_id, checks.evaluation_event)
            .where(
                checks.asset_key == asset_key,
                checks.check_name == failure.subject.check,
                checks.execution_status == "SUCCEEDED",
                checks.evaluation_event_timestamp > since,
            )
            .order_by(checks.id.desc())
            .limit(1)
        )
        return [_evaluation_row(*row) for row in self._fetch(passes)]

    def _of_success(self, run_id: str, *, event_id: str, at: datetime, now: datetime) -> list[Observation]:
        run = self._instance.get_run_by_id(run_id)
        if run is None:
            return []
        log = RunLog(
            run_id=run_id,
            group=group_of(run),
            job=job_of(run),
            location=location_of(run),
            failed=False,
            ended_at=at,
        )
        observations: list[Observation] = [of_job_success(log, at=at)]
        if self._has_unevaluated_checks(run_id):
            observations.extend(self._account(read_run(self._instance, run), now=now))
        if int(run.tags.get("dagster/retry_number", "0")) > 0:
            observations.append(
                RetrySucceeded(event_id=event_id, run_group=log.group, run_id=run_id, occurred_at=at)
            )
        return observations

    def _has_unevaluated_checks(self, run_id: str) -> bool:
        table = SqlEventLogStorageTable.c
        counts = {
            row[0]: row[1]
            for row in self._fetch(
                sa.select(table.dagster_event_type, sa.func.count())
                .where(
                    table.run_id == run_id,
                    table.dagster_event_type.in_(
                        [
                            DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value,
                            DagsterEventType.ASSET_CHECK_EVALUATION.value,
                        ]
                    ),
                )
                .group_by(table.dagster_event_type)
            )
        }
        planned = counts.get(DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED.value, 0)
        return planned > counts.get(DagsterEventType.ASSET_CHECK_EVALUATION.value, 0)

    # ---- what the instance says now, whatever the tail saw

    def recent_evaluations(self, *, now: datetime) -> tuple[Observation, ...]:
        """The newest check executions, which outlive their events when a run is deleted. Told under the same
        event ids as the tail's. Looks at `SWEEP_WINDOW` and at most `SWEEP_ROWS`."""
        table = AssetCheckExecutionsTable.c
        newest = self._fetch(sa.select(sa.func.max(table.id)))[0][0] or 0
        query = (
            sa.select(table.evaluation_event_storage_id, table.run_id, table.evaluation_event)
            .where(
                table.id > newest - SWEEP_ROWS,
                # create_timestamp is in the database's own time zone, this one in UTC
                table.evaluation_event_timestamp >= (now - SWEEP_WINDOW).replace(tzinfo=None),
                table.execution_status.in_(["SUCCEEDED", "FAILED"]),
                table.evaluation_event_storage_id.is_not(None),
            )
            .order_by(table.evaluation_event_storage_id)
        )
        rows = [_evaluation_row(*row) for row in self._fetch(query)]
        return tuple(observation for row in rows for observation in self._observations(row, now=now))

    def failed_runs(self, *, now: datetime) -> tuple[str, ...]:
        """Ids of the runs that failed within `SWEEP_WINDOW`, oldest first; the newest `SWEEP_ROWS` at most."""
        since = now - SWEEP_WINDOW
        filters = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since - _MOST_BEHIND_UTC)
        records = self._instance.get_run_records(filters=filters, limit=SWEEP_ROWS, order_by="update_timestamp")
        return tuple(
            record.dagster_run.run_id
            for record in reversed(records)
            if record.end_time is None or record.end_time >= since.timestamp()
        )


def _nothing(key: str) -> tuple[str, ...]:
    """The lineage of those who know none."""
    return ()


def _evaluation_row(storage_id: int, run_id: str | None, text: str) -> _Row:
    return _Row(
        id=storage_id,
        run_id=run_id or "",
        text=text,
        type=DagsterEventType.ASSET_CHECK_EVALUATION.value,
        at=0.0,  # only the tail asks
    )


def _epoch(value: datetime) -> float:
    """The log's timestamp column holds naive UTC."""
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()


def _unreadable(row: _Row, error: Exception, *, now: datetime) -> Alert:
    return Alert(
        event_id=log_event_id(row.id, row.at),
        kind=AlertKind.EXTERNAL,
        nature=Nature.PIPELINE,
        subject=Subject(name="incident_ops: unreadable events"),
        occurred_at=utc(row.at),
        observed_at=now,
        run_id=row.run_id or None,
        evidence=Evidence(
            summary=f"event {row.id} ({row.type}) of Dagster's log cannot be decoded ({type(error).__name__}): "
            "what it says is not known; look at it in Dagster, and upgrade the older of Dagster and its database"
        ),
    )
