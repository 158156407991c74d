"""Dagster's event log as a source of observations and of facts: what each row means for us.

What makes the tail exact is in `dagster_cursor`: rows seen before are left out, but only up to the first row that
is new, and what follows a late row is told again, in order (triage knows alerts by their id, a recovery told twice
heals nothing more).
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

import dagster as dg
from dagster import DagsterEventType, DagsterInstance

from incident_ops.adapters.dagster_cursor import TailCursor, advanced
from incident_ops.adapters.dagster_log import UNREADABLE, DagsterLog, LogRow, decoded
from incident_ops.adapters.dagster_numbers import moment, natural_in
from incident_ops.adapters.dagster_pii import PiiColumns
from incident_ops.adapters.dagster_provenance import Runs, Stretch, says_something
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
from incident_ops.core.runs import Failure, RunLog, Upstream, account_for
from incident_ops.engine.ports import Known, Page

SWEEP_WINDOW = timedelta(hours=1)
SWEEP_ROWS = 2000

_MOST_BEHIND_UTC = timedelta(hours=12)
"""On PostgreSQL a run's update time is in the time zone of the database; its end time is an instant."""

TAILED = (
    DagsterEventType.ASSET_CHECK_EVALUATION,
    DagsterEventType.FRESHNESS_STATE_CHANGE,
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_OBSERVATION,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_SUCCESS,
)

_OF_DATA = (
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_OBSERVATION,
    DagsterEventType.ASSET_CHECK_EVALUATION,
)
_UNEVALUATED = (DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED, DagsterEventType.ASSET_CHECK_EVALUATION)


class DagsterEvents:
    """The event log of one Dagster instance as a source of observations.

    Args:
        own_assets: keys (`a/b`) of assets that we report ourselves; their events would feed back.
        lineage: gives, for the account of one run, the function from an asset key to its direct upstream keys.
        declared_pii: asset key → the columns that the asset's definition tags as personal data.
    """

    def __init__(
        self,
        instance: DagsterInstance,
        *,
        own_assets: Collection[str] = (),
        lineage: Callable[[], Upstream] = lambda: _nothing,
        declared_pii: Callable[[str], Collection[str]] = lambda _: (),
    ) -> None:
        self._instance = instance
        self._own_assets = frozenset(own_assets)
        self._lineage = lineage
        self._log = DagsterLog(instance)
        self._pii = PiiColumns(instance, declared=declared_pii, unreadable=UNREADABLE)
        self._runs = Runs(instance)

    # ---- the tail

    def read(self, cursor: str | None, *, now: datetime, limit: int) -> Page:
        """The next stretch of the log; see the module's docstring."""
        state = self._rewound(TailCursor.load(cursor))
        limit += len(state.window)  # what is read again must not crowd out what is new
        rows = self._log.after(state.settled, types=TAILED, limit=limit)
        seen = state.seen
        first_new = next((i for i, row in enumerate(rows) if (row.id, row.at) not in seen), len(rows))
        observations: list[Observation] = []
        stretch = Stretch(self._pii.of)
        for row in rows[first_new:]:
            observations.extend(self._observations(row, now=now, stretch=stretch))
        following = advanced(state, [(row.id, row.at) for row in rows], now=now)
        return Page(
            observations=tuple(observations),
            cursor=following.dump(),
            events=len(rows) - first_new,
            is_last=len(rows) < limit,
            facts=stretch.facts(log=self._log, runs=self._runs),
        )

    def _rewound(self, state: TailCursor) -> TailCursor:
        anchors = list(state.anchors)
        while anchors and self._log.timestamp_of(anchors[-1][0]) != anchors[-1][1]:
            anchors.pop()
        if len(anchors) == len(state.anchors):
            return state
        return TailCursor(anchors=tuple(anchors))

    # ---- translation

    def _observations(
        self, row: LogRow, *, now: datetime, stretch: Stretch | None = None
    ) -> Sequence[Observation]:
        """What a row says to triage; what it says for the history goes into `stretch`."""
        if row.type == DagsterEventType.ASSET_OBSERVATION.value and not says_something(row.text):
            return ()
        try:
            entry = decoded(row)
        except UNREADABLE as error:
            return [_unreadable(row, error, now=now)]
        if self._is_own(entry):
            return ()
        observations = self._observations_of(row, entry, now=now)
        if stretch is not None and entry.dagster_event_type in _OF_DATA:
            stretch.take(row.id, entry, observations)
        return observations

    def _is_own(self, entry: dg.EventLogEntry) -> bool:
        event = entry.dagster_event
        if event is None:
            return False
        data = event.event_specific_data
        key = data.asset_key if isinstance(data, dg.AssetCheckEvaluation) else event.asset_key
        return key is not None and asset_ref(key).key in self._own_assets

    def _observations_of(self, row: LogRow, entry: dg.EventLogEntry, *, now: datetime) -> Sequence[Observation]:
        event = entry.dagster_event
        if event is None:
            return []
        event_id, at = log_event_id(row.id, entry.timestamp), utc(entry.timestamp)
        if event.event_type is DagsterEventType.RUN_FAILURE:
            return self.of_run(entry.run_id, now=now)
        if event.event_type is DagsterEventType.RUN_SUCCESS:
            return self._of_success(entry.run_id, event_id=event_id, at=at, now=now)
        data = event.event_specific_data
        if isinstance(data, dg.AssetCheckEvaluation):
            pii = () if data.passed else self._pii.of(data.asset_key)
            return [of_evaluation(data, event_id=event_id, run_id=entry.run_id or None, at=at, now=now, pii=pii)]
        if event.event_type is DagsterEventType.FRESHNESS_STATE_CHANGE:
            return self._of_freshness(event, event_id=event_id, at=at, now=now)
        key = event.asset_key
        if event.event_type is DagsterEventType.ASSET_MATERIALIZATION and key is not None:
            return [
                of_materialization(
                    asset_ref(key), partition=event.partition, event_id=event_id, run_id=entry.run_id, at=at
                )
            ]
        return []

    def _of_freshness(
        self, event: dg.DagsterEvent, *, event_id: str, at: datetime, now: datetime
    ) -> Sequence[Observation]:
        change = event.asset_freshness_state_change_data
        asset = asset_ref(change.key)
        if asset.key in self._own_assets:
            return []
        observation = of_freshness(
            asset,
            previous=change.previous_state.value,
            new=change.new_state.value,
            event_id=event_id,
            at=moment(change.state_change_timestamp) or at,
            now=now,
        )
        return [observation] if observation else []

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

    def _newest_recovery_of(self, failure: Failure) -> list[LogRow]:
        if failure.subject.asset is None:
            return []
        key = dg.AssetKey(failure.subject.asset.path)
        if failure.subject.check is None:
            return self._log.newest_build(key, partition=failure.partition, since=failure.at)
        return self._log.newest_pass(key, failure.subject.check, since=failure.at)

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
        if natural_in(run.tags.get("dagster/retry_number")):
            observations.append(
                RetrySucceeded(event_id=event_id, run_group=log.group, run_id=run_id, occurred_at=at)
            )
        return observations

    def _has_unevaluated_checks(self, run_id: str) -> bool:
        planned, evaluated = (t.value for t in _UNEVALUATED)
        counts = self._log.counts_of_run(run_id, _UNEVALUATED)
        return counts.get(planned, 0) > counts.get(evaluated, 0)

    # ---- what the instance says now, whatever the tail saw

    def recent_evaluations(self, *, now: datetime, known: Known = lambda _: ()) -> tuple[Observation, ...]:
        """The newest check executions, which outlive their events when a run is deleted. Told under the same
        event ids as the tail's. Looks at `SWEEP_WINDOW` and at most `SWEEP_ROWS`."""
        rows = self._log.executions(since=now - SWEEP_WINDOW, limit=SWEEP_ROWS)
        ids = {row: event_id for row in rows if (event_id := _id_of(row)) is not None}
        old = set(known(list(ids.values())))
        fresh = [row for row in rows if ids.get(row) not in old]
        return tuple(observation for row in fresh for observation in self._observations(row, now=now))

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


def _id_of(row: LogRow) -> str | None:
    """The event's id; None for a row that cannot be decoded, which is told of each time."""
    try:
        return log_event_id(row.id, decoded(row).timestamp)
    except UNREADABLE:
        return None


def _nothing(key: str) -> tuple[str, ...]:
    """The lineage of those who know none."""
    return ()


def _unreadable(row: LogRow, error: Exception, *, now: datetime) -> Alert:
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
