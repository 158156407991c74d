"""Builds that have begun or are queued: from runs that are not over to what each asset still waits for in them.

When such an asset will be there is `arrivals`' business.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from incident_ops.core.lineage import AssetGraph


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that is not over, as far as it builds assets.

    Attributes:
        started_at: None for one that waits in the queue.
        to_come: the assets that it is still to build.
        built: asset → when the run has built it.
        failed: those that it has failed to build; what it would have built from them is skipped.
    """

    started_at: datetime | None
    to_come: frozenset[str]
    built: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    failed: frozenset[str] = frozenset()


RunsUnderWay = Callable[[Collection[str]], Sequence[Run]]
"""Assets → the runs that are not over and are to build any of them."""


def nothing_under_way(assets: Collection[str]) -> Sequence[Run]:
    """Of those who cannot know."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What one run will do for an asset.

    Attributes:
        since: when it had all that the run gives it: the run's start, or the last of its inputs that were built
            there. None while the run waits in the queue: the build begins now at the earliest.
        after: the assets that the run is to build before it, directly upstream. Empty: it is its turn.
    """

    since: datetime | None
    after: frozenset[str] = frozenset()


def builds_of(runs: Iterable[Run], graph: AssetGraph) -> dict[str, tuple[Build, ...]]:
    """Asset → its builds under way: first those whose turn it is, the longest begun first, then the others."""
    found: defaultdict[str, set[Build]] = defaultdict(set)
    for run in runs:
        lost = set(run.failed)
        for key in graph.topological(run.to_come):
            if lost.isdisjoint(graph.parents(key)):
                found[key].add(_build(key, run, graph))
            else:
                lost.add(key)
    return {key: tuple(sorted(builds, key=_in_order)) for key, builds in found.items()}


def _build(key: str, run: Run, graph: AssetGraph) -> Build:
    upstream = graph.parents(key)
    read = [run.built[up] for up in upstream if up in run.built]
    since = max([run.started_at, *read]) if run.started_at is not None else None
    return Build(since=since, after=frozenset(upstream & run.to_come - {key}))


def _in_order(build: Build) -> tuple[bool, bool, float, list[str]]:
    since = build.since.timestamp() if build.since is not None else 0.0
    return bool(build.after), build.since is None, since, sorted(build.after)
