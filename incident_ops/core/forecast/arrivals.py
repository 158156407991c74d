"""When assets that wait for something late will be there: the critical path, computed upstream first.

Deadlines and words are `forecast`'s business, how long each build takes is learnt in `habits`.
"""

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from incident_ops.core.forecast.habits import FEW, Habit, Way
from incident_ops.core.forecast.under_way import Build
from incident_ops.core.lineage import AssetGraph

SCENARIOS = 200
"""Futures that are played through for the pessimistic arrival; its 90 % quantile rests on the worst twenty."""
BAD_LUCK = 0.9
AN_HOUR = 3_600.0
HANGS_AFTER = 3
"""Times its longest known build, and an hour at least: a run whose process was killed may stay "started" for ever,
and would keep every warning back."""

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
    """When an asset is there, the asset whose arrival decided it (None: its own repair or build did), and the
    build under way that will bring it."""

    seconds: Seconds
    after: str | None = None
    build: Build | None = None


class Arrivals:
    """The assets that wait for something late, and when each will be there.

    An asset does not wait for upstream assets that are `idle` to it. The assets of a cycle are counted as one
    thing that takes all their builds, one after another: longer than any way through it, and an answer.

    Args:
        habits: of every asset of the region.
        late: asset → since when.
        builds: asset → its builds under way (see `under_way.builds_of`). The asset is there when the first of them
            ends, or when it would be without them, whichever comes first.
        region: the assets to be looked at; nothing outside holds anything up.
    """

    def __init__(
        self,
        *,
        habits: Mapping[str, Habit],
        graph: AssetGraph,
        late: Mapping[str, LateSince],
        builds: Mapping[str, Sequence[Build]],
        now: datetime,
        region: Collection[str],
    ) -> None:
        self._habits, self._late, self._now = habits, late, now
        waiting = [(up, key) for key in region for up in graph.parents(key) - habits[key].idle if up in habits]
        self._waits = AssetGraph.from_edges(waiting, nodes=region)
        cycle_of = {key: cycle for cycle in self._waits.cycles() for key in cycle}
        starts = [key for key in region if key in late]
        held_up = {key for start in starts for key in (start, *self._waits.descendants(start))}
        self._builds = {key: builds.get(key, ()) for key in held_up}
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

    def build(self, key: str) -> Build | None:
        """The build under way that brings the asset."""
        return self._arrivals[key].build

    def hanging(self, key: str) -> Build | None:
        """A build that is taken to have died, if there is one."""
        return next((build for build in self._builds[key] if self._hangs(key, build)), None)

    def path(self, key: str) -> tuple[str, ...]:
        """The critical path: from the late asset (or the one being built now) to this one, both included."""
        way = (key,)
        while (after := self._arrivals[way[0]].after) is not None:
            way = (*self._way(after, way[0])[:-1], *way)
        if way[0] in self._late or self._arrivals[way[0]].build is not None:
            return way
        ways = [self._way(late, way[0]) for late in self._arrivals if late in self._late]  # inside a cycle
        return (*min(filter(None, ways), key=lambda each: (len(each), each))[:-1], *way)

    def _way(self, upstream: str, key: str) -> tuple[str, ...]:
        if upstream in self._waits.parents(key):
            return (upstream, key)
        return self._waits.path(upstream, key) or ()

    def _arrival(self, key: str) -> _Arrival:
        """By the first of the builds under way, or without them."""
        built = [self._built(key, build) for build in self._builds[key] if not self._hangs(key, build)]
        ways = [*built, self._waited_for(key)]
        first = min(ways, key=lambda way: way.seconds[0])
        return replace(first, seconds=np.min([way.seconds for way in ways], axis=0))

    def _built(self, key: str, build: Build) -> _Arrival:
        building = _building(key, self._habits[key])
        after = [up for up in build.after & self._waits.parents(key) if up in self._arrivals]
        if after:
            ready = self._last_of(after)
            return _Arrival(ready.seconds + building, ready.after, build)
        return _Arrival(np.maximum(0, building - self._taken(build)), build=build)

    def _taken(self, build: Build) -> float:
        """Seconds; a queued one is taken to begin now. Clocks of different machines may differ."""
        return max(0.0, (self._now - build.since).total_seconds()) if build.since is not None else 0.0

    def _hangs(self, key: str, build: Build) -> bool:
        habit = self._habits[key]
        longest = max((*habit.durations, *habit.responses), default=float("inf"))
        return not build.after and self._taken(build) > max(AN_HOUR, HANGS_AFTER * longest)

    def _waited_for(self, key: str) -> _Arrival:
        habit = self._habits[key]
        building = _building(key, habit)
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
        upstream = {up for key in keys for up in self._waits.parents(key) if up in self._arrivals}
        repairs = [_Arrival(self._repair(self._late[key])) for key in keys if key in self._late]
        last = [self._last_of(upstream)] if upstream else []
        return _last([*last, *repairs])

    def _last_of(self, upstream: Iterable[str]) -> _Arrival:
        return _last([_Arrival(self._arrivals[up].seconds, up) for up in sorted(upstream)])

    def _repair(self, late: LateSince) -> Seconds:
        wait = (late.repaired_at - self._now).total_seconds() if late.repaired_at else 0.0
        return np.full(1 + SCENARIOS, max(0.0, wait))

    def _next_start(self, ready: Seconds, habit: Habit) -> Seconds:
        """The first of the usual starts at or after `ready`: whole intervals after the newest one."""
        if habit.last_start is None or habit.every is None:
            return ready
        last, every = (habit.last_start - self._now).total_seconds(), habit.every.total_seconds()
        return np.maximum(ready, last + np.ceil((ready - last) / every) * every)


def _last(arrivals: Sequence[_Arrival]) -> _Arrival:
    """The first of those that are equally late; by scenario the latest of all."""
    last = max(arrivals, key=lambda arrival: arrival.seconds[0])
    return _Arrival(np.max([arrival.seconds for arrival in arrivals], axis=0), last.after)


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
