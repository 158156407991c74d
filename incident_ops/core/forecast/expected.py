"""Which deadlines will be missed on account of what is late, before they are.

From late or failed assets along the graph to every asset below that has a deadline: when will it be there, at the
earliest and with bad luck? How long each build takes is learnt in `habits`, what the deadlines are is said in
`deadlines`. What the forecast assumes is written down in docs/adr/0009.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from incident_ops.core.durations import format_duration
from incident_ops.core.forecast.arrivals import Arrivals, LateSince
from incident_ops.core.forecast.habits import FEW, Habit, Way, habits_of
from incident_ops.core.forecast.under_way import Build
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.provenance import Materialization

MOST_NAMED = 6
"""Assets of a route that are written out."""


class Verdict(StrEnum):
    """Missed: the deadline has passed. May miss: only with bad luck (the pessimistic arrival is too late)."""

    MISSED = "missed"
    WILL_MISS = "will_miss"
    MAY_MISS = "may_miss"
    WILL_MAKE = "will_make"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """When an asset will be there, against its deadline.

    Attributes:
        eta: every build on the critical path taking its median time: nothing known says it can be earlier.
        eta_high: the 90 % quantile over scenarios; never before `eta`.
        path: the critical path, from the late asset (or the one being built now) to this one, both included.
        basis: what the arrival rests on, for people.
    """

    asset: str
    deadline: datetime
    eta: datetime
    eta_high: datetime
    verdict: Verdict
    path: tuple[str, ...]
    basis: str

    @property
    def slack(self) -> timedelta:
        """What is left between arrival and deadline; negative when it is missed."""
        return self.deadline - self.eta


def forecast(
    late: Mapping[str, LateSince],
    graph: AssetGraph,
    history: Iterable[Materialization],
    deadlines: Mapping[str, datetime],
    *,
    now: datetime,
    builds: Mapping[str, Sequence[Build]] | None = None,
) -> tuple[Expected, ...]:
    """The arrival of each late asset, and of each asset that waits for one, that has a deadline; soonest first.

    The critical path (Kelley and Walker, 1959): an asset is there when the slowest of what it waits for is there,
    and it has been built. Medians add up to `eta`. Quantiles do not add up (the sum of 90 % quantiles is far
    beyond the 90 % quantile of the sum), and a root of summed squares, as in PERT, forgets that the slowest of
    several ways is slower than each. So 200 scenarios are played through, in each of which every asset draws one
    of its own past durations, always the same ones: the answer is the same whenever it is asked, no added edge and
    no longer build makes it earlier.

    Args:
        late: asset → since when.
        history: the newest records of what lies between the late assets and those with deadlines (see
            `between`), and of their inputs.
        deadlines: asset → its next deadline (see `deadlines.next_deadlines`).
        builds: asset → its builds under way (see `under_way.builds_of`).
    """
    region = between(graph, late, deadlines)
    if not region:
        return ()
    habits = habits_of(history, region)
    arrivals = Arrivals(habits=habits, graph=graph, late=late, builds=builds or {}, now=now, region=region)
    expected: list[Expected] = []
    for asset in deadlines.keys() & arrivals.assets:
        eta, high = now + arrivals.usual(asset), now + arrivals.with_bad_luck(asset)
        expected.append(
            Expected(
                asset=asset,
                deadline=deadlines[asset],
                eta=eta,
                eta_high=high,
                verdict=_verdict(deadlines[asset], eta, high, now),
                path=arrivals.path(asset),
                basis=_basis(arrivals, asset, habits, late=late, now=now),
            )
        )
    return tuple(sorted(expected, key=lambda each: (each.deadline, each.asset)))


def between(graph: AssetGraph, late: Iterable[str], deadlines: Iterable[str]) -> set[str]:
    """The assets on any way from a late asset to one with a deadline, both ends included."""
    below = {asset for each in late for asset in (each, *graph.descendants(each))}
    ends = below.intersection(deadlines)
    return below & {asset for end in ends for asset in (end, *graph.ancestors(end))}


def next_harm(expected: Iterable[Expected]) -> datetime | None:
    """The earliest deadline ahead that will be missed."""
    return min((each.deadline for each in expected if each.verdict is Verdict.WILL_MISS), default=None)


def _verdict(deadline: datetime, eta: datetime, high: datetime, now: datetime) -> Verdict:
    """An arrival on the stroke of the deadline is in time."""
    if deadline <= now:
        return Verdict.MISSED
    if eta > deadline:
        return Verdict.WILL_MISS
    return Verdict.MAY_MISS if high > deadline else Verdict.WILL_MAKE


# ---- what is said


def _basis(
    arrivals: Arrivals,
    asset: str,
    habits: Mapping[str, Habit],
    *,
    late: Mapping[str, LateSince],
    now: datetime,
) -> str:
    path = arrivals.path(asset)
    took = format_duration(arrivals.usual(asset)) + (" to go" if arrivals.build(path[0]) else "")
    said = [_learnt([(key, habits[key]) for key in path], took)]
    said += _begins(arrivals, path[0], late, now)
    below = [(key, habits[key]) for key in path[1:] if arrivals.build(key) is None]
    said += [
        f"{key} starts at its usual times, every {format_duration(habit.every)}"
        for key, habit in below
        if habit.way is Way.SCHEDULED and habit.every
    ]
    if assumed := [key for key, habit in below if habit.way is Way.UNKNOWN]:
        follow = "follow" if len(assumed) > 1 else "follows"
        said.append(f"assuming that {route_text(assumed, ', ')} {follow} at once")
    return "; ".join(said)


def _begins(arrivals: Arrivals, first: str, late: Mapping[str, LateSince], now: datetime) -> Iterator[str]:
    """What is assumed of the asset at which the path begins."""
    if (build := arrivals.build(first)) is not None:
        under_way = (
            f"is being built since {clock_text(build.since, now)}" if build.since else "waits in the run queue"
        )
        yield f"{first} {under_way}"
    elif (repaired_at := late[first].repaired_at) is not None:
        yield f"{first} repaired at {clock_text(repaired_at, now)}"
    else:
        yield f"as if {first}, late since {clock_text(late[first].since, now)}, were repaired now"
    if (hanging := arrivals.hanging(first)) is not None and hanging.since is not None:
        yield f"its run of {clock_text(hanging.since, now)} takes far longer than any before and is not counted on"


def _learnt(path: Sequence[tuple[str, Habit]], took: str) -> str:
    """From how many builds of each; the least of them is said."""
    route = f"{'along' if len(path) > 1 else 'of'} {route_text([key for key, _ in path])}"
    known = [habit.builds for _, habit in path if habit.has_durations]
    unknown = [key for key, habit in path if not habit.has_durations]
    if not known:
        return f"no build {route} is known, counted as 0 s"
    only = "" if min(known) >= FEW else "only "
    builds = "one build" if min(known) == 1 else f"{only}{min(known)} builds"
    said = f"median of {builds} {route}: {took}"
    return f"{said}; no build of {route_text(unknown, ', ')} is known, counted as 0 s" if unknown else said


def route_text(assets: Sequence[str], arrow: str = " → ") -> str:
    """`raw → orders → cfo_dash`; of more than six the middle ones are counted."""
    if len(assets) <= MOST_NAMED:
        return arrow.join(assets)
    return arrow.join((*assets[:3], f"{len(assets) - 5} more", *assets[-2:]))


def clock_text(at: datetime, now: datetime) -> str:
    """`09:00 UTC`, with the date when it is not today's."""
    at = at.astimezone(UTC)
    return f"{at:%H:%M} UTC" if at.date() == now.astimezone(UTC).date() else f"{at:%Y-%m-%d %H:%M} UTC"
