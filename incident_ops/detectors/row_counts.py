"""Row counts: as builds reported them, which costs no scan, else counted where the data is."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, cast

import dagster as dg

from incident_ops.core.anomaly.judgement import Series
from incident_ops.core.metrics import ROW_COUNT, Measured, Measurement
from incident_ops.detectors.history import materializations
from incident_ops.detectors.partitions import has_time, is_known, keys_near, window_of
from incident_ops.detectors.reading import ReadOptions, opened
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Target

ROW_INCREMENT = "row_increment"
REPORTED = "dagster/row_count"
REPORTED_OF_PARTITION = "dagster/partition_row_count"
MOST_PEERS = 6
BUILDS, LATER_BUILDS = 800, 200
"""Before the one looked at (two years of a daily asset), and after it, where an old partition is built again (as
far as bounds look). Dagster gives no more than 1,000 at once."""
PEER_BUILDS = 100
"""As far back as a daily series is judged (eight weeks, and the errors of four). So many builds of six tables are
read from SQLite in .2 s."""


def counted(scope: Scope, options: ReadOptions) -> int:
    """The rows of what is looked at: as its build reported, else one count. With `where` always a count: a report
    knows nothing of it.

    Raises:
        ReadError: nothing was reported, and the data cannot be found.
    """
    found = reported_rows(scope, options)
    if found is not None:
        return found
    everything = cast("ReadOptions", {name: value for name, value in options.items() if name != "sample"})
    with opened(scope, everything) as data:
        return int(data.one(data.table.aggregate(rows=data.table.count()))["rows"])


def reported_rows(scope: Scope, options: ReadOptions) -> int | None:
    """What the build that is looked at reported; None where it did not, or only some of the rows are meant."""
    event = scope.built.asset_materialization if scope.built else None
    return None if event is None or "where" in options else rows_in(event.metadata, scope.partition)


def reported_history(scope: Scope) -> list[Measurement]:
    """The row counts that builds before reported, as measurements: the detector knows its seasons on its first
    day. Each has its increment to the one before.

    Of an asset partitioned by time one for each partition near the one looked at, before and after it, at the
    start of its window (with the same keys in its other dimensions); of any other asset one for each build (of
    this partition). However many other partitions there are, no more than 1,000 builds are read.
    """
    series = _series(scope.instance, scope.target, scope.partition, at=scope.at, before=BUILDS, after=LATER_BUILDS)
    increments = {
        at: value - last
        for (last_at, last), (at, value) in pairwise(series)
        if not last_at < scope.at < at  # what it would be after the one looked at is not known yet
    }
    return [
        Measurement(
            at=at,
            evaluated_at=at,
            partition=scope.partition if scope.window is None else None,
            points=tuple(_points(value, increments.get(at))),
        )
        for at, value in series
    ]


def peers_in_run(scope: Scope, others: Sequence[Target]) -> list[Series]:
    """The reported row counts of other assets that the same run built, each ending with its value at `scope.at`;
    at most six, in the order given."""
    run_id = scope.built.run_id if scope.built else ""
    if not run_id or not others:
        return []
    built = _reported_in(scope, run_id)
    present = [target for target in others if target.key in built and target.key != scope.target.key]
    return [
        [
            *_series(scope.instance, target, scope.partition, at=scope.at, before=PEER_BUILDS),
            (scope.at, float(built[target.key])),
        ]
        for target in present[:MOST_PEERS]
    ]


def rows_in(metadata: Mapping[str, Any], partition: str | None) -> int | None:
    """The row count in a build's metadata: of a partition its own where it has one."""
    for name in (REPORTED_OF_PARTITION, REPORTED) if partition is not None else (REPORTED,):
        value = metadata.get(name)
        reported = value.value if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue) else None
        # a library may count in floats; what is no count is no report
        if reported is not None and reported >= 0 and float(reported).is_integer():
            return int(reported)
    return None


def _reported_in(scope: Scope, run_id: str) -> dict[dg.AssetKey, int]:
    records = scope.instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
    events = [record.asset_materialization for record in records]
    found = {
        event.asset_key: rows_in(event.metadata, event.partition)
        for event in events
        if event is not None and event.partition == scope.partition
    }
    return {key: rows for key, rows in found.items() if rows is not None}


def _series(
    instance: dg.DagsterInstance,
    target: Target,
    partition: str | None,
    *,
    at: datetime,
    before: int,
    after: int = 0,
) -> Series:
    """Row counts by time but for that at `at`, oldest first; of two builds of a partition the later counts.

    Args:
        before, after: how many partitions by their time; of any other asset how many builds.
    """
    definition, found = target.partitions_def, dict[datetime, float]()
    near = keys_near(definition, partition, before=before, after=after)
    for built_at, event in materializations(instance, target.key, partitions=near, limit=before + after):
        rows = rows_in(event.metadata, event.partition)
        if rows is None:
            continue
        if not has_time(definition):
            if built_at < at:
                found[built_at] = float(rows)
            continue
        # one that was reported without a partition, or is of another calendar than today's, has none
        window = window_of(definition, event.partition) if is_known(definition, event.partition) else None
        if window is not None:
            found[window[0].astimezone(UTC)] = float(rows)
    return sorted((time, rows) for time, rows in found.items() if time != at)


def _points(total: float, increment: float | None) -> Iterable[Measured]:
    yield Measured(metric=ROW_COUNT, value=total)
    if increment is not None:
        yield Measured(metric=ROW_INCREMENT, value=increment)
