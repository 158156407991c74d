"""From the open incidents and the lineage between their members to the incidents that should be: one per cause.

`grouping` says which alerts have one cause; here that is squared with incidents that people know by number. The
oldest number stays, an incident that turns out to be two is parted, and what a person has taken or arranged is
never taken apart.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from incident_ops.core.alert import Alert, AlertKind, AssetRef, Evidence
from incident_ops.core.grouping import Group, Known, Link, correlate
from incident_ops.core.incident import Incident, Root
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.member import Member
from incident_ops.core.provenance import Ref
from incident_ops.core.status import Status
from incident_ops.core.trail import Edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """One incident as it should be.

    Attributes:
        number: the incident that stays; None for one that is parted from others.
        absorbed: numbers of the incidents that it takes in whole.
        members: with their hops and edges, those nearest to the root first.
        root: None for what is no asset's trouble.
        materialization: of the root, where provenance names it.
        reason: why these belong together.
    """

    number: int | None
    absorbed: tuple[int, ...]
    members: tuple[Member, ...]
    root: AssetRef | None
    materialization: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Item:
    """One member where it is now."""

    number: int
    member: Member

    @property
    def asset(self) -> str:
        asset = self.member.subject.asset
        return asset.key if asset else ""

    @property
    def ref(self) -> Ref | None:
        """The record that was found bad."""
        id = self.member.materialization
        return Ref(asset=self.asset, id=id) if id is not None else None

    @property
    def id(self) -> str:
        return f"{self.number}|{self.member.fingerprint}|{self.member.partition or ''}"


def can_be_regrouped(incident: Incident) -> bool:
    """Open, and every member an asset's: a job or a foreign sender has no place in the lineage."""
    return incident.is_open and all(member.subject.asset is not None for member in incident.members)


def regroup(
    incidents: Sequence[Incident], graph: AssetGraph, *, window: timedelta, known: Known
) -> tuple[Arrangement, ...]:
    """The incidents that should be, in place of `incidents`; the same whatever their order.

    Args:
        incidents: open ones that `can_be_regrouped`; negative numbers are drafts that nobody has seen yet.
        window: between a cause and its effect, at most, where no pointer proves them.
        known: what provenance knows.
    """
    items = [_Item(incident.number, member) for incident in incidents for member in incident.members]
    if not items:
        return ()
    newest = max(item.member.first_fired_at for item in items)
    of_alert = {item.id: item for item in items}
    groups = correlate(
        [_as_alert(item, newest=newest, window=window) for item in items],
        graph,
        window=window,
        known=_WithOrigins(known, {item.id: item.member.origin for item in items}),
    )
    blocks = _Blocks(items)
    for group in groups:
        blocks.unite_group([of_alert[alert.event_id] for alert in group.members])
    origins = {item.member.origin for item in items}
    blocks.unite_by(lambda item: item.member.origin or (item.ref if item.ref in origins else None))
    blocks.unite_by(lambda item: (item.number, item.member.fingerprint))
    blocks.unite_by(lambda item: (item.number, item.member.last_cause) if item.member.last_cause else None)
    solid = {incident.number for incident in incidents if _is_solid(incident, newest=newest, window=window)}
    blocks.unite_by(lambda item: item.number if item.number in solid else None)
    return tuple(_arrangements(blocks.all(), incidents, groups, graph))


def put_together(incidents: Sequence[Incident], graph: AssetGraph, *, reason: str) -> Arrangement:
    """The first incident with all members of the others, as a person wants it. The root stays the first one's
    unless another's lies upstream of it."""
    first = incidents[0]
    members = [member for incident in incidents for member in incident.members]
    roots = [incident.root for incident in incidents]
    above = {root.subject.asset.key for root in roots if root.subject.asset}
    if first.root.subject.asset is not None:
        above &= graph.ancestors(first.root.subject.asset.key)
    root = next((root for root in roots if root.subject.asset and root.subject.asset.key in above), first.root)
    return Arrangement(
        number=first.number,
        absorbed=tuple(incident.number for incident in incidents[1:]),
        members=_from(root.subject.asset, members, graph),
        root=root.subject.asset,
        materialization=root.materialization,
        reason=reason,
    )


def taken_apart(
    incident: Incident, chosen: Sequence[Member], graph: AssetGraph, *, reason: str
) -> tuple[Arrangement, Arrangement]:
    """What stays, and the new incident around the chosen members."""
    rest = [member for member in incident.members if member not in chosen]
    root, record = incident.root.subject.asset, incident.root.materialization
    if not any(member.subject.asset == root for member in rest) and not incident.is_root_silent:
        root, record = rest[0].subject.asset, rest[0].materialization
    parted, its_record = chosen[0].subject.asset, chosen[0].materialization
    stays = Arrangement(
        number=incident.number,
        absorbed=(),
        members=_from(root, rest, graph),
        root=root,
        materialization=record,
        reason=reason,
    )
    goes = Arrangement(
        number=None,
        absorbed=(),
        members=_from(parted, [replace(m, origin=None) for m in chosen], graph),
        root=parted,
        materialization=its_record,
        reason=reason,
    )
    return stays, goes


def _from(root: AssetRef | None, members: Sequence[Member], graph: AssetGraph) -> tuple[Member, ...]:
    """With their hops from this root, nearest first; an edge that another root had proved is inferred again."""
    placed: list[Member] = []
    for member in members:
        asset = member.subject.asset
        hops = (graph.distance(root.key, asset.key) or 0) if root and asset else 0
        placed.append(replace(member, hops=hops, edge=(member.edge or Edge.TIME) if hops else None))
    return _in_order(placed, root)


def _in_order(members: Iterable[Member], root: AssetRef | None) -> tuple[Member, ...]:
    """What fails on the root itself, what lies downstream of it, and then what has no way from it."""

    def place(member: Member) -> tuple[bool, int, datetime, str, str]:
        is_apart = member.hops == 0 and member.subject.asset != root
        return is_apart, member.hops, member.first_fired_at, member.fingerprint, member.partition or ""

    return tuple(sorted(members, key=place))


def _is_solid(incident: Incident, *, newest: datetime, window: timedelta) -> bool:
    """Never taken apart: somebody has it in hand, or it has been known as it is for longer than the window, be it
    that part of it has healed since and the rest has come back."""
    old = [member for member in incident.members if newest - member.first_fired_at > window]
    is_old = len(old) == len(incident.members)
    is_back = incident.reopened > 0 and any(member.healthy_at is not None for member in old)
    return is_old or is_back or incident.grouped_by is not None or incident.status is not Status.TRIGGERED


class _WithOrigins(Known):
    """What is known, with the origins that provenance has proved: an effect of its own origin is nobody else's."""

    def __init__(self, known: Known, origins: dict[str, Ref | None]) -> None:
        self._known = known
        self._origins = origins

    def is_healthy(self, asset: AssetRef, at: datetime) -> bool:
        return self._known.is_healthy(asset, at)

    def is_unwatched(self, asset: AssetRef) -> bool:
        return self._known.is_unwatched(asset)

    def link(self, upstream: Alert, downstream: Alert) -> Link:
        origin = self._origins.get(downstream.event_id)
        if origin is not None:
            if origin == self._origins.get(upstream.event_id):
                return Link.PROVED
            if upstream.asset is not None and upstream.asset.key == origin.asset:
                return Link.PROVED if upstream.materialization == origin.id else Link.UNKNOWN
        link = self._known.link(upstream, downstream)
        if link is Link.UNKNOWN and origin is not None:
            return Link.REFUTED
        return link


class _Blocks:
    """Items united step by step (union–find over their positions)."""

    def __init__(self, items: Sequence[_Item]) -> None:
        self._items = items
        self._at = {item.id: position for position, item in enumerate(items)}
        self._parent = list(range(len(items)))

    def _top(self, position: int) -> int:
        while self._parent[position] != position:
            self._parent[position] = self._parent[self._parent[position]]
            position = self._parent[position]
        return position

    def unite(self, items: Sequence[_Item]) -> None:
        tops = {self._top(self._at[item.id]) for item in items}
        for top in tops:
            self._parent[top] = min(tops)

    def unite_by(self, key: Callable[[_Item], Hashable | None]) -> None:
        alike: defaultdict[Hashable, list[_Item]] = defaultdict(list)
        for item in self._items:
            if (value := key(item)) is not None:
                alike[value].append(item)
        for items in alike.values():
            self.unite(items)

    def unite_group(self, items: Sequence[_Item]) -> None:
        """All of a group, unless provenance names several origins in it: then each has its own, and what has
        none goes with the most frequent."""
        origins = Counter(item.member.origin for item in items if item.member.origin is not None)
        if len(origins) <= 1:
            self.unite(items)
            return
        first = min(origins, key=lambda origin: (-origins[origin], origin))
        self.unite([item for item in items if item.member.origin in (None, first)])

    def all(self) -> list[list[_Item]]:
        blocks: defaultdict[int, list[_Item]] = defaultdict(list)
        for position, item in enumerate(self._items):
            blocks[self._top(position)].append(item)
        return list(blocks.values())


def _arrangements(
    blocks: Iterable[list[_Item]],
    incidents: Sequence[Incident],
    groups: Sequence[Group],
    graph: AssetGraph,
) -> Iterable[Arrangement]:
    group_of = {alert.event_id: group for group in groups for alert in group.members}
    founder = {incident.number: _Item(incident.number, incident.members[0]).id for incident in incidents}
    by_hand = {i.number: i.root for i in incidents if i.grouped_by is not None}
    for block in blocks:
        ids = {item.id for item in block}
        for part in _as_people_parted(block, by_hand, graph):
            claimants = sorted({item.number for item in part if founder[item.number] in ids}, key=_age)
            root = next((by_hand[number] for number in claimants if number in by_hand), None)
            yield _arranged(claimants, part, root, group_of, graph)


def _as_people_parted(block: list[_Item], by_hand: Collection[int], graph: AssetGraph) -> Iterable[list[_Item]]:
    """What people parted nobody puts together again but people. The rest of the block goes, incident by incident,
    to the one with the nearest member above it, or to the oldest."""
    apart = sorted({item.number for item in block if item.number in by_hand}, key=_age)
    if len(apart) < 2:
        return [block]
    of_number: defaultdict[int, list[_Item]] = defaultdict(list)
    for item in block:
        of_number[item.number].append(item)
    parts = {number: of_number.pop(number) for number in apart}
    assets = {number: {item.asset for item in part} for number, part in parts.items()}
    for items in of_number.values():
        ways = [
            (hops, number) for number in apart if (hops := _hops_below(assets[number], items, graph)) is not None
        ]
        parts[min(ways)[1] if ways else apart[0]] += items
    return parts.values()


def _hops_below(assets: Iterable[str], items: Iterable[_Item], graph: AssetGraph) -> int | None:
    ways = (graph.distance(asset, item.asset) for asset in assets for item in items)
    return min((hops for hops in ways if hops is not None), default=None)


def _age(number: int) -> tuple[bool, int]:
    """Oldest first; drafts, numbered −1, −2, … as they came, after what is known already."""
    return (number < 0, abs(number))


def _arranged(
    claimants: Sequence[int],
    items: Sequence[_Item],
    by_hand: Root | None,
    group_of: dict[str, Group],
    graph: AssetGraph,
) -> Arrangement:
    """The oldest of the claimants with these items; `by_hand` is the root that a person has given it."""
    kept = by_hand.subject.asset if by_hand is not None else None
    root, reason = _root_of(items, group_of, graph) if kept is None else _root_from(kept, items, graph)
    origins = {item.member.origin for item in items if item.member.origin is not None}
    proven = next((origin for origin in sorted(origins) if origin.asset == root), None)
    members: list[Member] = []
    for item in items:
        hops = graph.distance(root, item.asset) or 0
        is_proved = item.id in group_of[item.id].proved or (proven is not None and item.member.origin == proven)
        edge = (Edge.POINTER if is_proved else Edge.TIME) if hops else None
        members.append(replace(item.member, hops=hops, edge=edge))
    ordered = _in_order(members, AssetRef(key=root))
    materialization = by_hand.materialization if by_hand is not None and kept == AssetRef(key=root) else None
    if ordered[0].subject.asset == AssetRef(key=root):
        materialization = ordered[0].materialization
    return Arrangement(
        number=claimants[0] if claimants else None,
        absorbed=tuple(claimants[1:]),
        members=ordered,
        root=AssetRef(key=root),
        materialization=proven.id if proven else materialization,
        reason=reason,
    )


def _root_of(items: Sequence[_Item], group_of: dict[str, Group], graph: AssetGraph) -> tuple[str, str]:
    """The proven origin of most members; else the root that grouping names, the one that explains most if this
    incident holds several groups."""
    origins = Counter(item.member.origin for item in items if item.member.origin is not None)
    if origins:
        origin = min(origins, key=lambda o: (-origins[o], o))
        return origin.asset, f"built from {origin.asset}, materialization {origin.id}, as Dagster's pointers prove"
    reasons = {group_of[item.id].root.key: group_of[item.id].reason for item in items}
    best = _explaining_most(reasons, items, graph)
    return best, reasons[best]


def _root_from(kept: AssetRef, items: Sequence[_Item], graph: AssetGraph) -> tuple[str, str]:
    """The root that a person has given the incident, unless something upstream of it fails in the incident."""
    above = graph.ancestors(kept.key) & {item.asset for item in items}
    if not above:
        return kept.key, "as people arranged it"
    best = _explaining_most(above, items, graph)
    return best, f"{best} fails, too, and is upstream of {kept}"


def _explaining_most(roots: Iterable[str], items: Sequence[_Item], graph: AssetGraph) -> str:
    """Of `roots` the one with most of the items on it or below it; then the one that failed first."""
    assets = [item.asset for item in items]

    def explained(root: str) -> int:
        below = graph.descendants(root)
        return sum(asset == root or asset in below for asset in assets)

    first = min(item.member.first_fired_at for item in items)
    onset = {item.asset: min(i.member.first_fired_at for i in items if i.asset == item.asset) for item in items}
    return min(roots, key=lambda root: (-explained(root), onset.get(root, first), root))


def _as_alert(item: _Item, *, newest: datetime, window: timedelta) -> Alert:
    """The member as grouping sees it: at its beginning, or, if that was long ago and it still goes on, as late as
    it is known to have gone on."""
    member = item.member
    at = member.first_fired_at
    if newest - at > window:
        goes_on = member.kind is AlertKind.FRESHNESS and member.healthy_at is None
        at = newest if goes_on else max(at, member.last_fired_at)
    return Alert(
        event_id=item.id,
        kind=member.kind,
        nature=member.nature,
        subject=member.subject,
        check_severity=member.check_severity,
        partition=member.partition,
        materialization=member.materialization,
        occurred_at=at,
        observed_at=at,
        evidence=Evidence(summary=""),
    )
