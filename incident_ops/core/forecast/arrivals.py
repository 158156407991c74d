"""When assets that wait for something late will be there: the critical path, computed upstream first.

Deadlines and words are `forecast`'s business, how long each build takes is learnt in `habits`.
"""

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from incident_ops.core.forecast.habits import FEW, Habit, Way
from incident_ops.core.lineage import AssetGraph

SCENARIOS = 200
"""Futures that are played through for the pessimistic arrival; its 90 % quantile rests on the worst twenty."""
BAD_LUCK = 0.9

Seconds = npt.NDArray[np.float64]
"""Shape (1 + SCENARIOS,): first with every duration at its median, then by scenario."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateSince:
    """Something is late, or failed, since then. `repaired_at` None: nobody knows when it will be repaired, so it
    is counted as if that were now."""

    since: datetime
    repaired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Arrival:
    """When an asset is there, and the asset whose arrival decided it (None: its own repair or build did)."""

    seconds: Seconds
    after: str | None = None


class Arrivals:
    """The assets that wait for something late, and when each will be there.

    An asset does not wait for upstream assets that are `idle` to it. The assets of a cycle are counted as one
    thing that takes all their builds, one after another: longer than any way through it, and an answer.

    Args:
        habits: of every asset of the region.
        late: asset → since when.
        running: asset → when its build that is under way began.
        region: the assets to be looked at; nothing outside holds anything up.
    """

    def __init__(
        self,
        *,
        habits: Mapping[str, Habit],
        graph: AssetGraph,
        late: Mapping[str, LateSince],
        running: Mapping[str, datetime],
        now: datetime,
        region: Collection[str],
    ) -> None:
        self._habits, self._late, self._running, self._now = habits, late, running, now
        waiting = [(up, key) for key in region for up in graph.parents(key) - habits[key].idle if up in habits]
        self._waits = AssetGraph.from_edges(waiting, nodes=region)
        cycle_of = {key: cycle for cycle in self._waits.cycles() for key in cycle}
        starts = [key for key in region if key in late]
        held_up = {key for start in starts for key in (start, *self._waits.descendants(start))}
        self._arrivals: dict[str, _Arrival] = {}
        for key in self._waits.topological(held_up):
            if key not in cycle_of:
                self._arrivals[key] = self._arrival(key)
            elif key not in self._arrivals:
                self._arrive_together(cycle_of[key])

    @property
    def assets(self) -> Collection[str]:
        return self._arrivals.keys()

    def usual(self, key: str) -> timedelta:
        """From now, with every duration at its median."""
        return timedelta(seconds=float(self._arrivals[key].seconds[0]))

    def with_bad_luck(self, key: str) -> timedelta:
        """From now, the 90 % quantile over the scenarios, and never before the usual arrival."""
        scenarios = self._arrivals[key].seconds[1:]
        return max(self.usual(key), timedelta(seconds=float(np.quantile(scenarios, BAD_LUCK))))

    def path(self, key: str) -> tuple[str, ...]:
        """The critical path: from the late asset (or the one being built now) to this one, both included."""
        way = (key,)
        while (after := self._arrivals[way[0]].after) is not None:
            way = (*self._way(after, way[0])[:-1], *way)
        if way[0] in self._late or way[0] in self._running:
            return way
        ways = [self._way(late, way[0]) for late in self._arrivals if late in self._late]  # inside a cycle
        return (*min(filter(None, ways), key=lambda each: (len(each), each))[:-1], *way)

    def _way(self, upstream: str, key: str) -> tuple[str, ...]:
        if upstream in self._waits.parents(key):
            return (upstream, key)
        return self._waits.path(upstream, key) or ()

    def _arrival(self, key: str) -> _Arrival:
        habit = self._habits[key]
        building = _building(key, habit)
        if key in self._running:
            since = (self._now - self._running[key]).total_seconds()
            return _Arrival(np.maximum(0, building - since))
        ready = self._ready([key])
        if ready.after is None:
            return _Arrival(ready.seconds + building)
        if habit.way is Way.SCHEDULED:
            return _Arrival(self._next_start(ready.seconds, habit) + building, ready.after)
        return _Arrival(ready.seconds + _response(key, habit, building), ready.after)

    def _arrive_together(self, cycle: Sequence[str]) -> None:
        ready = self._ready(cycle)
        habits = [(key, self._habits[key]) for key in cycle]
        took = np.sum([_response(key, habit, _building(key, habit)) for key, habit in habits], axis=0)
        self._arrivals.update((key, _Arrival(ready.seconds + took, ready.after)) for key in cycle)

    def _ready(self, keys: Sequence[str]) -> _Arrival:
        """When the last thing that these wait for is there: something upstream, or their own repair."""
        upstream = sorted({up for key in keys for up in self._waits.parents(key) if up in self._arrivals})
        repairs = [self._repair(self._late[key]) for key in keys if key in self._late]
        seconds = np.max([*repairs, *(self._arrivals[up].seconds for up in upstream)], axis=0)
        last = max(upstream, key=lambda up: self._arrivals[up].seconds[0], default=None)
        if last is not None and repairs and max(each[0] for each in repairs) > self._arrivals[last].seconds[0]:
            last = None
        return _Arrival(seconds, last)

    def _repair(self, late: LateSince) -> Seconds:
        wait = (late.repaired_at - self._now).total_seconds() if late.repaired_at else 0.0
        return np.full(1 + SCENARIOS, max(0.0, wait))

    def _next_start(self, ready: Seconds, habit: Habit) -> Seconds:
        """The first of the usual starts at or after `ready`: whole intervals after the newest one."""
        if habit.last_start is None or habit.every is None:
            return ready
        last, every = (habit.last_start - self._now).total_seconds(), habit.every.total_seconds()
        return np.maximum(ready, last + np.ceil((ready - last) / every) * every)


def _response(key: str, habit: Habit, building: Seconds) -> Seconds:
    """From the last news from upstream to the record; where lags are not known, the build alone."""
    return building if len(habit.responses) < FEW else np.maximum(building, _drawn(key, habit.responses))


def _building(key: str, habit: Habit) -> Seconds:
    return _drawn(key, habit.durations or habit.responses or (0.0,))


def _drawn(key: str, past: Sequence[float]) -> Seconds:
    """The median, then one duration by scenario: evenly spread quantiles, shuffled for each asset in its own way
    (a Latin hypercube, McKay, Beckman and Conover, 1979), so that bad luck here and there do not coincide.

    Quantiles are those of `numpy.quantile`, linear between the past durations, without its overhead."""
    order: Any = np.random.default_rng(zlib.crc32(key.encode())).permutation(SCENARIOS)
    quantiles = np.concatenate(([0.5], (order + 0.5) / SCENARIOS))
    return np.interp(quantiles * (len(past) - 1), np.arange(len(past)), past)
