"""When an asset arrived: its builds, and what a source says of its own last update; of an asset partitioned by
time the arrivals of the newest partition. What is due is `core.anomaly.arrivals`' business.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median_low

import dagster as dg

from incident_ops.detectors.scope import Scope

LAST_UPDATED = "dagster/last_updated_timestamp"
"""Metadata of an observation: when the source was changed, as Dagster's own freshness checks read it."""
REACH = timedelta(days=200)
FEW, PAGE, MOST = 60, 1_000, 12_000
"""Builds that are read however old they are, at once (more Dagster refuses), and at most: of a table built every
minute a week and a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Aware UTC, oldest first.

    Attributes:
        partition: the newest that is there, of an asset partitioned by time.
        missing: the one after it, where that is over and usually there by now (or soon).
        complete: no partition is missing, so none can be late.
    """

    times: Sequence[datetime]
    partition: str | None = None
    missing: str | None = None
    complete: bool = False


@dataclass(frozen=True, slots=True)
class _Advance:
    """The first build of a partition newer than all before. `behind`: whole windows that had passed since its
    own."""

    at: datetime
    key: str
    window: dg.TimeWindow
    behind: int

    @classmethod
    def of(cls, at: datetime, key: str, window: dg.TimeWindow) -> "_Advance":
        return cls(at, key, window, behind=max(0, (at - window.end) // (window.end - window.start)))


def last_update(scope: Scope) -> datetime | None:
    """The newest build of any partition, or the newest update that an observation tells of; None without any. One
    in the future comes from a clock that goes ahead, and counts as now."""
    records = scope.instance.fetch_materializations(scope.target.key, limit=1).records
    times = [*(_time(record) for record in records), *_updates(scope, limit=FEW)]
    return min(max(times), scope.now) if times else None


def arrivals_of(scope: Scope) -> Arrivals:
    """What the deadline is learnt from."""
    records = _builds(scope)
    definition = scope.target.partitions_def
    if not isinstance(definition, dg.TimeWindowPartitionsDefinition):
        return Arrivals(times=sorted([*map(_time, records), *_updates(scope)]))
    with dg.partition_loading_context(effective_dt=scope.now):
        return _of_partitions(records, definition)


def _of_partitions(
    records: Sequence[dg.EventLogRecord], definition: dg.TimeWindowPartitionsDefinition
) -> Arrivals:
    """Builds of older partitions are backfills. One that is further behind than usual, caught up with late, is no
    arrival either: what should be there is still missing."""
    builds = [
        (_time(record), record.partition_key, definition.time_window_for_partition_key(record.partition_key))
        for record in records
        if record.partition_key is not None and definition.has_partition_key(record.partition_key)
    ]
    advances: list[_Advance] = []
    rebuilt: list[datetime] = []
    for at, key, window in builds:
        if not advances or window.start > advances[-1].window.start:
            advances.append(_Advance.of(at, key, window))
        elif window.start == advances[-1].window.start:
            rebuilt.append(at)
    if not advances:  # nothing, or builds that were reported without their partition
        return Arrivals(times=[_time(record) for record in records])
    usual = median_low([each.behind for each in advances])
    newest = advances[-1]
    if len(rebuilt) > len(advances):  # a partition of a month that is built every day: the days are its cadence
        return Arrivals(times=sorted([*rebuilt, *(each.at for each in advances)]), partition=newest.key)
    missing = _missing(definition, newest, usual)
    times = [each.at for each in advances if each.behind <= usual]
    return Arrivals(times=times, partition=newest.key, missing=missing, complete=missing is None)


def _missing(definition: dg.TimeWindowPartitionsDefinition, newest: _Advance, behind: int) -> str | None:
    """The partition after the newest, if one is over that is usually there by now."""
    last = definition.get_last_partition_window()
    for _ in range(behind):
        last = definition.get_prev_partition_window(last.start) if last else None
    following = definition.get_next_partition_window(newest.window.end)
    if last is None or following is None or newest.window.start >= last.start:
        return None
    return definition.get_partition_keys_in_time_window(following)[0]


def _builds(scope: Scope) -> Sequence[dg.EventLogRecord]:
    """Oldest first."""
    key, since = scope.target.key, (scope.now - REACH).timestamp()
    recent = dg.AssetRecordsFilter(asset_key=key, after_timestamp=since)
    records = _all(lambda cursor: scope.instance.fetch_materializations(recent, limit=PAGE, cursor=cursor))
    if len(records) < FEW:
        records = scope.instance.fetch_materializations(key, limit=FEW).records
    return list(reversed(records))


def _all(fetch: Callable[[str | None], dg.EventRecordsResult]) -> list[dg.EventLogRecord]:
    """Page by page, newest first, as many as `MOST`."""
    found: list[dg.EventLogRecord] = []
    cursor: str | None = None
    while len(found) < MOST:
        page = fetch(cursor)
        found.extend(page.records)
        if not page.has_more:
            break
        cursor = page.cursor
    return found


def _updates(scope: Scope, *, limit: int = PAGE) -> list[datetime]:
    """Each update once: a source is observed more often than it changes."""
    records = scope.instance.fetch_observations(scope.target.key, limit=limit).records
    events = [record.asset_observation for record in records]
    values = [event.metadata[LAST_UPDATED].value for event in events if event and LAST_UPDATED in event.metadata]
    return [datetime.fromtimestamp(each, tz=UTC) for each in {v for v in values if isinstance(v, int | float)}]


def _time(record: dg.EventLogRecord) -> datetime:
    return datetime.fromtimestamp(record.timestamp, tz=UTC)
