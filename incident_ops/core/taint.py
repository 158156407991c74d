"""Which records are made of bad ones: the walk forward.

By pointer, and by time for records without any pointer. What it means for assets and people is told in `impact`.
"""

import heapq
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from incident_ops.core.by_time import newest_records
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.provenance import Materialization, Provenance, Ref
from incident_ops.core.trail import Edge, Hop


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tainted:
    """A record made of bad data: by the surest and then shortest way from `before`; None for a bad one itself."""

    record: Materialization
    edge: Edge
    before: "Tainted | None" = None

    @property
    def path(self) -> tuple[Hop, ...]:
        """From the bad record to this one."""
        hop = Hop(asset=self.record.asset, materialization=self.record.id, edge=self.edge)
        return (*self.before.path, hop) if self.before else (hop,)

    @property
    def doubt(self) -> tuple[int, int]:
        """(hops known from time only, hops): the smaller the surer."""
        guesses, hops = self.before.doubt if self.before else (0, -1)
        return guesses + (self.edge is Edge.TIME), hops + 1


class Closure:
    """The bad records and all that is made of them."""

    def __init__(self, found: Iterable[Tainted]) -> None:
        self._found = {_place(tainted.record): tainted for tainted in found}

    def __contains__(self, record: object) -> bool:
        return isinstance(record, Materialization) and _place(record) in self._found

    def __iter__(self) -> Iterator[Tainted]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def get(self, record: Materialization) -> Tainted | None:
        return self._found.get(_place(record))

    @property
    def assets(self) -> set[str]:
        return {tainted.record.asset for tainted in self}


def closure_of(
    bad: Collection[Ref], provenance: Provenance, graph: AssetGraph, *, spared: Collection[str] = frozenset()
) -> Closure:
    """Forward from the bad records; those of `spared` assets, which use nothing that is bad, are left out."""
    found: dict[tuple[str, int, object], Tainted] = {}
    order = count()
    roots = [record for ref in sorted(set(bad)) if (record := provenance.get(ref)) is not None]
    waiting = [((0, 0), r.asset, r.id, next(order), Tainted(record=r, edge=Edge.POINTER)) for r in roots]
    while waiting:
        *_, tainted = heapq.heappop(waiting)
        if _place(tainted.record) in found:
            continue
        found[_place(tainted.record)] = tainted
        for reader, edge in _readers(tainted.record, provenance, graph):
            if reader.asset not in spared and _place(reader) not in found:
                further = Tainted(record=reader, edge=edge, before=tainted)
                heapq.heappush(waiting, (further.doubt, reader.asset, reader.id, next(order), further))
    return Closure(found.values())


def _readers(
    record: Materialization, provenance: Provenance, graph: AssetGraph
) -> Iterator[tuple[Materialization, Edge]]:
    for reader in provenance.built_from(record):
        yield reader, Edge.POINTER
    for child in sorted(graph.children(record.asset)):
        for reader in provenance.records(child):
            if not reader.inputs and _seems_to_have_read(reader, record, provenance):
                yield reader, Edge.TIME


def _seems_to_have_read(reader: Materialization, record: Materialization, provenance: Provenance) -> bool:
    """It was the newest at the time. Of two assets with common partitions each partition reads its own."""
    by = reader.ready_at or reader.at
    is_other_partition = None not in (reader.partition, record.partition) and reader.partition != record.partition
    if record.at > by or (is_other_partition and record.partition in provenance.partitions(reader.asset)):
        return False
    return record in newest_records(provenance, record.asset, reader.partition, by=by)


def _place(record: Materialization) -> tuple[str, int, object]:
    return record.asset, record.id, record.at
