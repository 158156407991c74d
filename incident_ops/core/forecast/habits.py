"""How an asset is usually built: how long it takes, how soon after its upstream, and whether it waits for it.

Learnt from its newest builds, by medians and quantiles, so that one odd night moves nothing. When an asset will be
there is `forecast`'s business.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median

from incident_ops.core.provenance import Materialization, Provenance, RecordKind

NEWEST = 20
"""Builds that are looked at, of each asset: a few weeks of a daily one, and yesterday's change counts soon."""
FEW = 5
"""Fewer builds teach neither a response nor a schedule, and the result says that they are few."""
CLEARLY = 3
"""How many times steadier its starts must be than its lags before an asset is taken to go by the clock."""
JITTER = 60.0
"""Seconds. Lags steadier than this are those of a sensor or a run queue, whatever the starts look like."""


class Way(StrEnum):
    """What starts the asset once its upstream is there. Unknown counts as at once, and is said."""

    FOLLOWS = "follows"
    SCHEDULED = "scheduled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """Durations are seconds, each list ascending.

    Attributes:
        builds: how many builds this was learnt from.
        durations: from the moment all inputs were there (`ready_at`) to the record.
        responses: from the record of the newest new input to the asset's own: waiting and building. None is
            longer than `every`.
        last_start: when the newest build started.
        every: the median time from one start to the next.
        idle: the upstream assets without whose news it is built more often than not: it does not wait for them.
    """

    builds: int = 0
    durations: tuple[float, ...] = ()
    responses: tuple[float, ...] = ()
    way: Way = Way.UNKNOWN
    last_start: datetime | None = None
    every: timedelta | None = None
    idle: frozenset[str] = frozenset()

    @property
    def has_durations(self) -> bool:
        return bool(self.durations or self.responses)


@dataclass(frozen=True, slots=True)
class _Build:
    """One build, the inputs that were new to it, and when the newest of them was there (None: not known)."""

    record: Materialization
    news: frozenset[str]
    news_at: datetime | None

    @property
    def start(self) -> datetime:
        return _start(self.record)


def habits_of(history: Iterable[Materialization], assets: Collection[str]) -> dict[str, Habit]:
    """The habit of each asset; one without builds has an empty habit.

    Args:
        history: the newest records of the assets, and of what they are built from, in any order.
    """
    known = Provenance(history)
    return {asset: _habit(asset, known) for asset in assets}


def _habit(asset: str, known: Provenance) -> Habit:
    records = [m for m in known.records(asset) if m.kind is RecordKind.MATERIALIZATION][-NEWEST:]
    builds = [_build(before, after, known) for before, after in pairwise(_occasions(records))]
    intervals = sorted((b.start - a.start).total_seconds() for a, b in pairwise(builds))
    every = median(intervals) if intervals and median(intervals) > 0 else None
    fresh = [build for build in builds if build.news_at is not None]
    return Habit(
        builds=len(records),
        durations=tuple(sorted(_seconds(m.at, m.ready_at) for m in records if m.ready_at is not None)),
        responses=tuple(sorted(min(_seconds(b.record.at, b.news_at), every or float("inf")) for b in fresh)),
        way=_way([_seconds(b.start, b.news_at) for b in fresh], intervals if every else []),
        last_start=_start(records[-1]) if records else None,
        every=timedelta(seconds=every) if every else None,
        idle=_idle(builds),
    )


def _occasions(records: Sequence[Materialization]) -> list[Materialization]:
    """The builds without the repeats of a backfill: several partitions, one after another, from the very same
    inputs are one occasion."""
    return [
        record
        for before, record in zip([None, *records], records, strict=False)
        if before is None or before.partition == record.partition or before.inputs != record.inputs
    ]


def _build(before: Materialization, record: Materialization, known: Provenance) -> _Build:
    news = frozenset(up for up, storage_id in record.inputs.items() if before.inputs.get(up) != storage_id)
    read = [origin for up, origin in known.inputs_of(record).items() if up in news]
    times = [origin.at for origin in read if origin is not None]
    # an input that nobody has any more may have been the last to come: better no lag than one too long
    return _Build(record, news, max(times) if times and len(times) == len(news) else None)


def _idle(builds: Sequence[_Build]) -> frozenset[str]:
    """More often than not: a weekly table under a daily one, not a rebuild by hand now and then."""
    counted = {up: [up in build.news for build in builds if up in build.record.inputs] for up in _inputs(builds)}
    return frozenset(up for up, is_new in counted.items() if len(is_new) >= FEW and 2 * sum(is_new) < len(is_new))


def _inputs(builds: Sequence[_Build]) -> set[str]:
    return {up for build in builds for up in build.record.inputs}


def _way(lags: Sequence[float], intervals: Sequence[float]) -> Way:
    """By the clock, if the starts keep step with each other while the lags behind the upstream do not."""
    if len(lags) < FEW:
        return Way.UNKNOWN
    goes_by_the_clock = (
        len(intervals) >= FEW and _spread(lags) > JITTER and _spread(intervals) * CLEARLY < _spread(lags)
    )
    return Way.SCHEDULED if goes_by_the_clock else Way.FOLLOWS


def _spread(values: Sequence[float]) -> float:
    """Median absolute deviation from the median (Hampel, 1974): half of the values may be odd."""
    middle = median(values)
    return median([abs(value - middle) for value in values])


def _start(record: Materialization) -> datetime:
    return record.ready_at or record.at


def _seconds(later: datetime, earlier: datetime | None) -> float:
    """Clocks of different machines may differ: never less than nothing."""
    return max(0.0, (later - (earlier or later)).total_seconds())
