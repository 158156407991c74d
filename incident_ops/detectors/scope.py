"""What one evaluation looks at: the asset, the partition, the build that is there, and the time it stands for."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from incident_ops.detectors.partitions import Window, has_time, is_known, series_of, window_of
from incident_ops.detectors.targets import Target, pii_in

_LOOK_BACK = 10
"""Builds that are looked through for a column schema: one that was reported by hand may come without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one evaluation looks at.

    Attributes:
        check: the check's name.
        partition: the key of the partition to look at: the run's, else the newest that was built; None for an
            asset without partitions.
        window: the time partition's start and end, of several dimensions that of the one of time.
        built: the newest build of the asset (of that partition), None where it was never built.
        now: when the detector looks (aware).
        pii: columns of personal data: no value of theirs may be told.
    """

    context: dg.AssetCheckExecutionContext
    target: Target
    check: str
    partition: str | None
    window: Window | None
    built: dg.EventLogRecord | None
    now: datetime
    pii: Collection[str]

    @classmethod
    def of(cls, context: dg.AssetCheckExecutionContext, target: Target, *, check: str, now: datetime) -> "Scope":
        recent = context.instance.fetch_materializations(target.key, limit=_LOOK_BACK).records
        partition = _partition(context, target, recent)
        records = recent if partition is None else _of_partition(context.instance, target, partition)
        return cls(
            context=context,
            target=target,
            check=check,
            partition=partition,
            window=window_of(target.partitions_def, partition),
            built=records[0] if records else None,
            now=now,
            pii=pii_in(target.metadata) or _pii(recent),
        )

    def beside(self, other: Target) -> "Scope":
        """The same look at another asset: at the same partition where both are partitioned alike, else at all."""
        is_alike = other.partitions_def is not None and other.partitions_def == self.target.partitions_def
        partition = self.partition if is_alike else None
        recent = self.instance.fetch_materializations(other.key, limit=_LOOK_BACK).records
        records = recent if partition is None else _of_partition(self.instance, other, partition)
        return replace(
            self,
            target=other,
            partition=partition,
            window=window_of(other.partitions_def, partition),
            built=records[0] if records else None,
            pii=pii_in(other.metadata) or _pii(recent),
        )

    @property
    def at(self) -> datetime:
        """The time that what is measured stands for: the start of a time partition, else the build, else now. A
        build in the future is a clock that goes ahead, and counts as now."""
        if self.window is not None:
            return self.window[0].astimezone(UTC)
        if self.built is not None:
            return min(datetime.fromtimestamp(self.built.timestamp, tz=UTC), self.now)
        return self.now

    def is_of_its_series(self, partition: str | None) -> bool:
        """Whether what was measured of that partition is told of by the same series as what is looked at."""
        definition = self.target.partitions_def
        return series_of(definition, partition) == series_of(definition, self.partition)

    @property
    def metadata(self) -> dict[str, Any]:
        """Of the definition, and over it that of the newest build."""
        event = self.built.asset_materialization if self.built else None
        return {**self.target.metadata, **(event.metadata if event else {})}

    @property
    def instance(self) -> dg.DagsterInstance:
        return self.context.instance

    @property
    def check_key(self) -> dg.AssetCheckKey:
        return dg.AssetCheckKey(self.target.key, self.check)


def _partition(
    context: dg.AssetCheckExecutionContext, target: Target, recent: Sequence[dg.EventLogRecord]
) -> str | None:
    if context.has_partition_key:
        return context.partition_key
    built = [record.partition_key for record in recent if record.partition_key is not None]
    definition = target.partitions_def
    if not has_time(definition):
        return built[0] if built else None
    # a backfill builds old ones last; the newest by its own calendar is what people look at, of several of one
    # time that which was built last
    known = context.instance.get_materialized_partitions(target.key)
    order = {key: place for place, key in enumerate(reversed(built))}
    return max(
        (key for key in known if is_known(definition, key)),
        key=lambda key: (window_of(definition, key), order.get(key, -1), key),
        default=None,
    )


def _of_partition(instance: dg.DagsterInstance, target: Target, partition: str) -> Sequence[dg.EventLogRecord]:
    wanted = dg.AssetRecordsFilter(asset_key=target.key, asset_partitions=[partition])
    return instance.fetch_materializations(wanted, limit=1).records


def _pii(records: Sequence[dg.EventLogRecord]) -> Collection[str]:
    for record in records:
        event = record.asset_materialization
        found = pii_in(event.metadata) if event else ()
        if found:
            return found
    return frozenset()
