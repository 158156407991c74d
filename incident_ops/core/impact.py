"""Who was hit: what is tainted, at risk or healed, which consumers are reached, and who has seen bad data.

Which records are made of which is `taint`'s business; telling the people is not decided here.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Protocol

from incident_ops.core.catalog import Catalog
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.lineage.columns import ColumnRef, Reach
from incident_ops.core.provenance import Materialization, Provenance, Ref, View
from incident_ops.core.taint import Closure, Tainted, closure_of
from incident_ops.core.trail import Edge, Hop

Partitions = set[str | None]

MOST_WAYS = 500
"""Of assets at risk: each is a search in the graph, and below a source there can be a hundred thousand."""


class Columns(Protocol):
    """Column lineage, as far as it is known (`columns.ColumnGraph`)."""

    def reach(self, bad: Iterable[ColumnRef], *, graph: AssetGraph | None = None) -> Reach: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An asset in one of the three states.

    Attributes:
        materializations: storage ids of its records made of bad data, oldest first; empty where it is at risk, and
            where it has no records and shows what lies upstream.
        partitions: those hit, sorted; empty for an asset without partitions.
        since: when its bad data began to be shown; None where it shows none.
        until: when it was healed.
        takes_in_bad: building it now would take in bad data: so of all at risk, and of what is tainted, if
            something that it is built from directly is tainted as well.
        path: from the bad record to the asset, empty where it was not looked for. A last hop without a record says
            nothing of its own: it has the edge of the hop before.
    """

    asset: str
    materializations: tuple[int, ...] = ()
    partitions: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    takes_in_bad: bool = False
    path: tuple[Hop, ...] = ()

    @property
    def hops(self) -> int:
        return len(self.path) - 1

    @property
    def edge(self) -> Edge:
        """`time` if any hop is known from time only."""
        return Edge.TIME if any(hop.edge is Edge.TIME for hop in self.path) else Edge.POINTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A consumer (an address or `team:x`) of a tainted asset, and why."""

    consumer: str
    asset: str
    since: datetime | None
    partitions: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Somebody who looked at bad data; `materialization` is the version seen, None where it is not known."""

    viewer: str
    asset: str
    at: datetime
    materialization: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """By asset, each list sorted. A partitioned asset can be in several lists, with different partitions; one that
    was rebuilt from good data while its upstream is bad again is healed and at risk.

    Attributes:
        in_doubt: what would take in data that was bad and is not known to be good yet (see `in_doubt`).
    """

    tainted: tuple[Hit, ...] = ()
    at_risk: tuple[Hit, ...] = ()
    healed: tuple[Hit, ...] = ()
    consumers: tuple[Reached, ...] = ()
    viewers: tuple[Viewer, ...] = ()
    in_doubt: tuple[Hit, ...] = ()


def in_doubt(known: Impact, doubted: Impact) -> Impact:
    """What is said while newer records of a failing asset are not judged yet: what held bad data stays tainted
    until they are, and nothing else becomes so.

    Args:
        known: of the records known to be bad.
        doubted: as if those not judged were bad as well.
    """
    tainted = {hit.asset: hit for hit in known.tainted}
    healed = {hit.asset for hit in known.healed} - tainted.keys()
    kept = {hit.asset: hit for hit in doubted.tainted if hit.asset in healed}
    at_risk = {hit.asset for hit in known.at_risk}
    return replace(
        known,
        tainted=_by_asset(tainted | kept),
        healed=tuple(hit for hit in known.healed if hit.asset not in kept),
        consumers=tuple(
            sorted(
                (*known.consumers, *(reached for reached in doubted.consumers if reached.asset in kept)),
                key=lambda r: (r.consumer, r.asset),
            )
        ),
        in_doubt=tuple(hit for hit in doubted.at_risk if hit.asset not in at_risk),
    )


def impact_of(
    bad: Collection[Ref],
    provenance: Provenance,
    catalog: Catalog,
    graph: AssetGraph,
    *,
    views: Sequence[View] = (),
    bad_columns: Collection[ColumnRef] = (),
    columns: Columns | None = None,
) -> Impact:
    """What became of the bad records.

    An asset (or a partition of it) is *tainted* if its newest record is made of bad data, *healed* if only an
    earlier one is. It is *at risk* if it is not tainted, but building it now would take in bad data: an asset that
    it is built from directly is tainted, or the newest record of a bad asset anywhere upstream is bad. An asset
    without records (a dashboard) shows what lies upstream: it is tainted with it and healed with it.

    Args:
        bad_columns: the columns of the bad assets that are known to be bad. With `columns`, assets that are known
            to use none of them are left out; unless a bad asset is without one, for then all of it is bad.
    """
    spared = _spared(bad, bad_columns, columns, graph)
    closure = closure_of(bad, provenance, graph, spared=spared)
    return _Survey(closure, provenance, catalog, graph, spared).impact({ref.asset for ref in bad}, views)


def _spared(
    bad: Collection[Ref], bad_columns: Collection[ColumnRef], columns: Columns | None, graph: AssetGraph
) -> set[str]:
    origins = {ref.asset for ref in bad}
    if columns is None or not bad_columns or not origins <= {column.asset for column in bad_columns}:
        return set()
    reach = columns.reach(bad_columns, graph=graph)
    users = {column.asset for column in reach.columns} | reach.may_use.keys() | origins
    return {asset for origin in origins for asset in graph.descendants(origin)} - users


class _Survey:
    """The states of all assets that the bad records can have reached."""

    def __init__(
        self, closure: Closure, provenance: Provenance, catalog: Catalog, graph: AssetGraph, spared: set[str]
    ) -> None:
        self._closure, self._history, self._catalog = closure, provenance, catalog
        self._graph, self._spared = graph, spared
        self._records = cache(self._by_partition)
        self.tainted: dict[str, Hit] = {}
        self.healed: dict[str, Hit] = {}
        self._partitions: defaultdict[str, Partitions] = defaultdict(set)

    def impact(self, origins: Collection[str], views: Sequence[View]) -> Impact:
        self._survey_records()
        self._survey_live(self.tainted)
        self._survey_live(self.healed, unless=self.tainted)
        fed = {child for asset in self.tainted for child in self._graph.children(asset)} - self._spared
        return Impact(
            tainted=tuple(replace(hit, takes_in_bad=hit.asset in fed) for hit in _by_asset(self.tainted)),
            at_risk=_by_asset(self._at_risk(origins)),
            healed=_by_asset(self.healed),
            consumers=tuple(sorted(self._consumers(), key=lambda r: (r.consumer, r.asset))),
            viewers=tuple(sorted(self._viewers(views), key=lambda v: (v.at, v.viewer, v.asset))),
        )

    def _by_partition(self, asset: str) -> Mapping[str | None, Sequence[Materialization]]:
        found: defaultdict[str | None, list[Materialization]] = defaultdict(list)
        for record in self._history.records(asset):
            found[record.partition].append(record)
        return found

    def _survey_records(self) -> None:
        for asset in sorted(self._closure.assets):
            hit = {p: rs for p, rs in self._records(asset).items() if any(r in self._closure for r in rs)}
            now = {p: rs for p, rs in hit.items() if rs[-1] in self._closure}
            if now:
                self._partitions[asset] = set(now)
                self.tainted[asset] = self._hit(asset, now)
            if over := {p: rs for p, rs in hit.items() if p not in now}:
                self.healed[asset] = self._hit(asset, over)

    def _hit(self, asset: str, histories: Mapping[str | None, Sequence[Materialization]]) -> Hit:
        stretches = [_last_stretch(records, self._closure) for records in histories.values()]
        tainted = [t for bad, _ in stretches for record in bad if (t := self._closure.get(record)) is not None]
        ends = [healed_by.at for _, healed_by in stretches if healed_by is not None]
        records = sorted({(t.record.at, t.record.id) for t in tainted})
        return Hit(
            asset=asset,
            materializations=tuple(id for _, id in records),
            partitions=_named(histories),
            since=records[0][0],
            until=max(ends, default=None),
            path=min(tainted, key=_surest).path,
        )

    def _survey_live(self, hits: dict[str, Hit], *, unless: Collection[str] = ()) -> None:
        """Assets without records share the state of what they show, whatever that shows in its turn. One that is
        to be built, feeds others and never was shows nothing yet."""
        waiting = sorted(hits)
        while waiting:
            shown = hits[waiting.pop(0)]
            for child in sorted(self._graph.children(shown.asset) - self._spared - set(unless)):
                before = hits.get(child)
                after = _showing(child, shown, before) if self._is_live(child) else None
                if after is not None and after != before:
                    hits[child] = after
                    self._partitions[child] |= self._partitions[shown.asset]
                    waiting.append(child)

    def _is_live(self, asset: str) -> bool:
        node = self._catalog.node(asset)
        is_to_be_built = node is not None and node.is_materializable and bool(self._graph.children(asset))
        return not self._records(asset) and not is_to_be_built

    def _at_risk(self, origins: Collection[str]) -> dict[str, Hit]:
        """The way to each of the first `MOST_WAYS` is told, in the order of their keys."""
        found: dict[str, Hit] = {}
        nearest: dict[str, str] = {}
        for upstream in sorted(self.tainted, key=lambda asset: (self.tainted[asset].hops, asset)):
            children = self._graph.children(upstream)
            below = children | self._graph.descendants(upstream) if upstream in origins else children
            for asset in sorted(below - self._spared - {upstream}):
                partitions = self._endangered(asset, upstream)
                if partitions:
                    known = set(found[asset].partitions) if asset in found else set[str]()
                    found[asset] = Hit(asset=asset, partitions=_named(known | partitions), takes_in_bad=True)
                    nearest.setdefault(asset, upstream)
        for asset in sorted(found)[:MOST_WAYS]:
            found[asset] = replace(found[asset], path=self._path_down(nearest[asset], asset))
        return found

    def _endangered(self, asset: str, upstream: str) -> Partitions:
        """The partitions not tainted that building now would taint."""
        own = self._records(asset).keys()
        if not own:
            return set() if asset in self.tainted else {None}
        bad, theirs = self._partitions[upstream], self._records(upstream).keys()
        is_same_key = None not in bad and bool((own & theirs) - {None})
        return (bad if is_same_key else set(own)) - self._partitions[asset]

    def _path_down(self, upstream: str, asset: str) -> tuple[Hop, ...]:
        path = self.tainted[upstream].path
        way = self._graph.path(upstream, asset) or (upstream, asset)
        return (*path, *(Hop(asset=key, materialization=None, edge=path[-1].edge) for key in way[1:]))

    def _consumers(self) -> Iterator[Reached]:
        for hit in self.tainted.values():
            node = self._catalog.node(hit.asset)
            for consumer in dict.fromkeys(node.consumers if node else ()):
                yield Reached(
                    consumer=consumer,
                    asset=hit.asset,
                    since=hit.since,
                    partitions=hit.partitions,
                    reason=self._reason(hit),
                )

    def _reason(self, hit: Hit) -> str:
        """ "cfo_dash shows rev_daily, built from orders at 2026-11-20 09:12 UTC"."""
        built = [hop for hop in hit.path if hop.materialization is not None]
        shown = [hop.asset for hop in hit.path[len(built) :]]
        when = f"{hit.since:%Y-%m-%d %H:%M} UTC"
        text = f"built from {built[-2].asset} at {when}" if built[1:] else f"bad since {when}"
        text += ", as the times suggest" if hit.edge is Edge.TIME else ""
        if not shown:
            return f"{hit.asset}: {text}"
        between = f" (by way of {', '.join(reversed(shown[:-1]))})" if shown[1:] else ""
        return f"{hit.asset} shows {built[-1].asset}{between}, {text}"

    def _viewers(self, views: Sequence[View]) -> Iterator[Viewer]:
        for view in views:
            if self._saw_bad(view):
                yield Viewer(
                    viewer=view.viewer, asset=view.asset, at=view.at, materialization=view.materialization
                )

    def _saw_bad(self, view: View) -> bool:
        """An asset without records has no versions: the one that is named is another's."""
        if view.materialization is None or not self._records(view.asset):
            return self._was_bad(view.asset, view.at)
        return self._history.get(Ref(asset=view.asset, id=view.materialization), by=view.at) in self._closure

    def _was_bad(self, asset: str, at: datetime) -> bool:
        """Did it show bad data then? An asset without records showed what lay upstream."""
        seen, waiting = {asset}, [asset]
        while waiting:
            key = waiting.pop()
            histories = self._records(key)
            newest = [next((r for r in reversed(rs) if r.at <= at), None) for rs in histories.values()]
            if any(record in self._closure for record in newest):
                return True
            if not histories and key not in self._spared:
                further = self._graph.parents(key) - seen
                seen |= further
                waiting.extend(further)
        return False


def _last_stretch(
    records: Sequence[Materialization], closure: Closure
) -> tuple[list[Materialization], Materialization | None]:
    """The last unbroken run of bad records, oldest first, and the good one that ended it, if any."""
    end = max(place for place, record in enumerate(records) if record in closure) + 1
    start = end
    while start and records[start - 1] in closure:
        start -= 1
    return list(records[start:end]), records[end] if end < len(records) else None


def _showing(asset: str, shown: Hit, before: Hit | None) -> Hit:
    """The state of an asset without records that shows one that is hit, and perhaps others (`before`)."""
    path = (*shown.path, Hop(asset=asset, materialization=None, edge=shown.path[-1].edge))
    hits = [shown] if before is None else [shown, before]
    return Hit(
        asset=asset,
        partitions=_named({p for hit in hits for p in hit.partitions}) if all(h.partitions for h in hits) else (),
        since=min((hit.since for hit in hits if hit.since), default=None),
        until=max((hit.until for hit in hits if hit.until), default=None),
        path=path if before is None else min(path, before.path, key=_doubt),
    )


def _doubt(path: Sequence[Hop]) -> tuple[int, int, list[tuple[str, int]]]:
    guesses = sum(hop.edge is Edge.TIME for hop in path)
    return guesses, len(path), [(hop.asset, hop.materialization or 0) for hop in path]


def _surest(tainted: Tainted) -> tuple[object, ...]:
    return *tainted.doubt, tainted.record.at, tainted.record.id


def _named(partitions: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted(p for p in partitions if p is not None))


def _by_asset(hits: Mapping[str, Hit]) -> tuple[Hit, ...]:
    return tuple(hits[asset] for asset in sorted(hits))
