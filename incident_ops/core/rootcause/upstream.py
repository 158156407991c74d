"""The walk from a symptom upstream, record by record, each beside the last that was good.

By pointer where Dagster left one, by lineage and time where it did not. What the records found on the way mean is
`rootcause`'s business.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from incident_ops.core.alert import Nature
from incident_ops.core.by_time import newest_records
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.provenance import Materialization, Provenance, Ref
from incident_ops.core.rootcause.baselines import Baselines
from incident_ops.core.trail import Edge, Hop

MOST_RECORDS = 2_000
MOST_PARTITIONS = 20  # of an upstream that is partitioned otherwise, the newest ones are looked at

UNBUILT = frozenset({Nature.FRESHNESS, Nature.PIPELINE})
"""Natures of symptoms that tell of a record that is missing, not of one that is bad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """What was seen to fail.

    Attributes:
        materialization: storage id of the record that was looked at, None where it is not known.
        columns: those of the asset known to be bad, if any.
        check: the check that failed; a record that it passed on is good.
        error_signature: identity of the error, if the symptom is one.
    """

    asset: str
    occurred_at: datetime
    nature: Nature
    materialization: int | None = None
    partition: str | None = None
    columns: tuple[str, ...] = ()
    check: str | None = None
    error_signature: str = ""


Place = tuple[str, int | None, datetime | None]
"""Asset, storage id and moment of a record; the id alone may have been given twice."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One record (or an asset without one) that the walk reached.

    Attributes:
        good: the record it is compared with: what the failing asset's last good build had read, else what its
            reader's previous one had, else the asset's own previous one; of a partition that has a past, always
            one of its own.
        verified: what the last good build of the failing asset had read; None where none is known.
        read_at: when the step before took it in.
        before: the step that it was reached from; None for the failing asset.
        hops: edges from the failing record.
        guesses: hops that are known from time only.
    """

    asset: str
    record: Materialization | None
    edge: Edge
    read_at: datetime
    good: Materialization | None = None
    verified: Materialization | None = None
    before: "Step | None" = None
    hops: int = field(init=False)
    guesses: int = field(init=False)

    def __post_init__(self) -> None:
        before = self.before
        object.__setattr__(self, "hops", before.hops + 1 if before else 0)
        object.__setattr__(self, "guesses", (before.guesses if before else 0) + (self.edge is Edge.TIME))

    @property
    def id(self) -> int | None:
        return self.record.id if self.record else None

    @property
    def place(self) -> Place:
        return self.asset, self.id, self.record.at if self.record else None

    @property
    def partition(self) -> str | None:
        return self.record.partition if self.record else None

    @property
    def path(self) -> tuple[Hop, ...]:
        """From the failing asset to here."""
        path: list[Hop] = []
        step: Step | None = self
        while step is not None:
            path.append(Hop(asset=step.asset, materialization=step.id, edge=step.edge))
            step = step.before
        return tuple(reversed(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What one symptom's walk found: every step by its place, nearest first, who read what, and where it ended."""

    symptom: Symptom
    steps: dict[Place, Step]
    inputs: dict[Place, tuple[Place, ...]]
    ends: tuple[str, ...]

    @property
    def start(self) -> Step:
        return next(iter(self.steps.values()))


def walk_upstream(symptom: Symptom, provenance: Provenance, graph: AssetGraph) -> Walk:
    """All records that the failing one was built from, each by the surest and then shortest path.

    A pointer to an event that nobody has any more ends its path; time does not step in for it, since the newest
    record of the time may be another. An asset that reads itself is walked back build by build, to the last one
    known to be good. Of a symptom that has no record of its own (nothing was built) the walk goes from the asset.
    Of missed freshness it goes by time as well, up to the moment of the symptom: what is late is what is *not*
    there.
    """
    return _Walker(symptom, provenance, graph).walk()


class _Walker:
    def __init__(self, symptom: Symptom, provenance: Provenance, graph: AssetGraph) -> None:
        self._symptom, self._history, self._graph = symptom, provenance, graph
        self._baselines = Baselines(provenance, check=symptom.check)
        self._ends: dict[str, None] = {}

    def walk(self) -> Walk:
        steps: dict[Place, Step] = {}
        inputs: dict[Place, tuple[Place, ...]] = {}
        order = count()
        waiting = [((0, 0, "", 0), next(order), self._start())]
        while waiting and len(steps) < MOST_RECORDS:
            _, _, step = heapq.heappop(waiting)
            if step.place in steps:
                continue
            steps[step.place] = step
            further = list(self._inputs(step))
            inputs[step.place] = tuple(dict.fromkeys(s.place for s in further))
            for each in further:
                if each.place not in steps:
                    rank = (each.guesses, each.hops, each.asset, each.id or 0)
                    heapq.heappush(waiting, (rank, next(order), each))
        if waiting and any(step.place not in steps for _, _, step in waiting):
            self._ends[f"stopped after {MOST_RECORDS:,} records"] = None
        return Walk(symptom=self._symptom, steps=steps, inputs=inputs, ends=tuple(self._ends))

    def _start(self) -> Step:
        symptom = self._symptom
        record, edge = self._failing_record()
        last = record or self._history.latest(symptom.asset, partition=symptom.partition, by=symptom.occurred_at)
        if record is None:
            verified = last if symptom.nature is Nature.PIPELINE else None
            return Step(
                asset=symptom.asset, record=None, edge=edge, read_at=symptom.occurred_at, verified=verified
            )
        verified = self._baselines.verified_before(record)
        return Step(
            asset=symptom.asset,
            record=record,
            edge=edge,
            read_at=max(symptom.occurred_at, record.at),
            good=self._baselines.good_for(record, verified),
            verified=verified,
        )

    def _failing_record(self) -> tuple[Materialization | None, Edge]:
        symptom = self._symptom
        if symptom.materialization is not None:
            ref = Ref(asset=symptom.asset, id=symptom.materialization)
            found = self._history.get(ref, by=symptom.occurred_at) or self._history.get(ref)
            if found is None:
                self._ends[f"the failing record of {symptom.asset} (event {ref.id}) is gone"] = None
            return found, Edge.POINTER
        if symptom.nature in UNBUILT:
            return None, Edge.POINTER
        newest = self._history.latest(symptom.asset, partition=symptom.partition, by=symptom.occurred_at)
        return newest, Edge.TIME if newest else Edge.POINTER

    def _inputs(self, step: Step) -> Iterator[Step]:
        symptom = self._symptom
        if symptom.nature is Nature.FRESHNESS:
            if step.record is not None and symptom.materialization is not None and not step.guesses:
                yield from self._by_pointer(step, step.record)
            yield from self._by_time(step, self._graph.parents(step.asset), at=symptom.occurred_at)
        elif step.record is None:
            gone = step.before is None and symptom.materialization is not None
            if not gone:
                yield from self._by_time(step, self._graph.parents(step.asset), at=step.read_at)
        else:
            yield from self._by_pointer(step, step.record)
            unknown = self._graph.parents(step.asset) - step.record.inputs.keys()
            yield from self._by_time(step, unknown, at=step.record.ready_at or step.record.at)

    def _by_pointer(self, step: Step, record: Materialization) -> Iterator[Step]:
        for asset, read in sorted(self._history.inputs_of(record).items()):
            if read is None:
                event = f"{asset} (event {record.inputs[asset]})"
                self._ends[f"{record.asset} was built from {event}, which is gone"] = None
            elif not _is_known_good(read, step):
                yield self._further(step, read, Edge.POINTER, read_at=record.ready_at or record.at)

    def _by_time(self, step: Step, parents: Iterable[str], *, at: datetime) -> Iterator[Step]:
        partition = step.partition if step.record else self._symptom.partition
        for parent in sorted(parents):
            newest = newest_records(self._history, parent, partition, by=at)[-MOST_PARTITIONS:]
            for record in newest:
                yield self._further(step, record, Edge.TIME, read_at=at)
            if not newest:
                yield Step(asset=parent, record=None, edge=Edge.TIME, read_at=at, before=step)

    def _further(self, step: Step, record: Materialization, edge: Edge, *, read_at: datetime) -> Step:
        verified = self._baselines.counterpart(step.verified, record) if step.verified else None
        return Step(
            asset=record.asset,
            record=record,
            edge=edge,
            read_at=read_at,
            good=self._baselines.good_for(record, verified or self._baselines.read_before(step.record, record)),
            verified=verified,
            before=step,
        )


def _is_known_good(read: Materialization, step: Step) -> bool:
    """A build of an asset that reads itself, and not newer than one that is known to be good."""
    good = step.verified
    if good is None or (good.asset, good.partition) != (read.asset, read.partition):
        return False
    return (read.at, read.id) <= (good.at, good.id)
