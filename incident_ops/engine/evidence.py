"""What the history says about incidents: read once for all of them, then asked by grouping and by root cause."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from incident_ops.core.alert import AlertKind, CheckSeverity
from incident_ops.core.incident import Incident
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.member import Member
from incident_ops.core.provenance import Evaluation, Materialization, Provenance, Ref
from incident_ops.core.rootcause import investigate
from incident_ops.core.rootcause.charges import Context
from incident_ops.core.rootcause.upstream import Symptom
from incident_ops.engine.ports import History, MemberKey
from incident_ops.engine.provenance import gather, gather_upstream

MOST_SYMPTOMS = 10
"""Of one incident: an investigation asks each of them, and the nearest to the root say most."""
MOST_ANCESTORS = 300
"""Assets upstream whose newest records are read where no pointers lead: the nearest ones."""
HEALTH_WITHIN = timedelta(days=2)
"""How long a verdict that names no record speaks for an asset: a daily check, and a late one."""
RECENT_RECORDS = 31
"""One to compare, and as many as a volume band learns from."""
MOST_BUILDS = 200
"""Of a failing asset: what was built from the first bad one may be in force when hundreds have followed."""


def sources_of(history: History, members: Iterable[Member], graph: AssetGraph) -> Provenance:
    """All that grouping asks: what the failing records were made of, and the newest records of the assets just
    above, which might be accused."""
    failing = list(members)
    return gather_upstream(history, refs_of(failing), newest_of=_above(failing, graph)).provenance


def recent_verdicts(
    history: History, members: Iterable[Member], graph: AssetGraph, *, now: datetime
) -> list[Evaluation]:
    """Of the last days on the assets just above, also those that name no record."""
    return history.verdicts(_above(members, graph), since=now - HEALTH_WITHIN)


def _above(members: Iterable[Member], graph: AssetGraph) -> set[str]:
    return {key for member in members for key in graph.parents(asset_of(member))}


def refs_of(members: Iterable[Member]) -> set[Ref]:
    """The records that were found bad."""
    return {Ref(asset=asset_of(m), id=m.materialization) for m in members if m.materialization is not None}


def heads_of(members: Iterable[Member], provenance: Provenance) -> dict[MemberKey, frozenset[Ref]]:
    """Member → the topmost failing records, of other members, that its own was made of, however far.

    A member without any is topmost itself: where its trouble begins is to be asked. The trouble of the others came
    with what they were built from."""
    failing = list(members)
    refs = refs_of(failing)
    known: dict[tuple[Ref, datetime], frozenset[Ref]] = {}

    def above(record: Materialization) -> frozenset[Ref]:
        place = (record.ref, record.at)
        if place not in known:
            known[place] = frozenset()  # while it is looked into: a circle is no answer
            heads: set[Ref] = set()
            for source in provenance.inputs_of(record).values():
                if source is not None:
                    heads |= above(source) or ({source.ref} & refs)
            known[place] = frozenset(heads)
        return known[place]

    def of_member(member: Member) -> frozenset[Ref]:
        ref = Ref(asset=asset_of(member), id=member.materialization or 0)
        record = provenance.get(ref, by=member.last_fired_at)
        return above(record) if record is not None else frozenset()

    return {member.key: of_member(member) for member in failing}


def history_of(history: History, members: Sequence[Member], graph: AssetGraph) -> Provenance:
    """All that root cause and impact ask: by pointer both ways, from the failing records and from what was built
    in their place since, and, for what has no pointers, the newest records of the assets around by lineage."""
    assets = {asset_of(member) for member in members}
    refs = refs_of(members) | {m.origin for m in members if m.origin is not None}
    unnamed = [_moment_of(member) for member in members if member.materialization is None]
    refs |= {record.ref for record in history.before(unnamed, limit=1)}
    below = graph.descendants(*assets, *(ref.asset for ref in refs)) - assets
    above = _nearest_above(assets, graph) - assets
    failing = _with_verdicts(history, history.latest_of(assets, limit=MOST_BUILDS))
    refs |= _perhaps_bad(refs, assets, failing)
    found = gather(history, refs, descendants=below | above | assets).provenance
    guessed = _without_pointers(below, found)
    around = history.latest_of(above | guessed, limit=RECENT_RECORDS)
    partitions = {record.partition for record in failing.of(refs) if record.partition is not None}
    around += history.latest({(asset, partition) for asset in guessed for partition in partitions})
    return found.with_more(failing).with_more(_with_verdicts(history, around))


def _with_verdicts(history: History, records: Collection[Materialization]) -> Provenance:
    return Provenance(records, history.evaluations({record.ref for record in records}) if records else ())


def _perhaps_bad(refs: Collection[Ref], assets: Collection[str], failing: Provenance) -> set[Ref]:
    """Further records of the failing assets: those found bad before, and all that were built since."""
    first: dict[str, int] = {}
    for ref in refs:
        first[ref.asset] = min(ref.id, first.get(ref.asset, ref.id))
    return {
        record.ref
        for asset in assets
        for record in failing.records(asset)
        if record.id > first.get(asset, _AFTER_ALL) or failing.is_bad(record)
    }


def _without_pointers(assets: Iterable[str], found: Provenance) -> set[str]:
    """Of these only time says what they were built from, each record from what was newest then."""
    newest = {asset: max(found.records(asset), key=lambda r: (r.at, r.id), default=None) for asset in assets}
    return {asset for asset, record in newest.items() if record is not None and not record.inputs}


def _moment_of(member: Member) -> Materialization:
    """Where in the past of its place a failure lies that names no record: after the one it must have meant."""
    return Materialization(
        asset=asset_of(member), id=_AFTER_ALL, at=member.first_fired_at, partition=member.partition
    )


_AFTER_ALL = 2**62


def _nearest_above(assets: Collection[str], graph: AssetGraph) -> set[str]:
    hops: dict[str, int] = {}
    for asset in assets:
        for key, distance in graph.hops_up(asset).items():
            hops[key] = min(distance, hops.get(key, distance))
    return set(sorted(hops, key=lambda key: (hops[key], key))[:MOST_ANCESTORS])


def asset_of(member: Member) -> str:
    return member.subject.asset.key if member.subject.asset is not None else ""


def symptom_of(member: Member) -> Symptom:
    return Symptom(
        asset=asset_of(member),
        occurred_at=member.first_fired_at,
        nature=member.nature,
        materialization=member.materialization,
        partition=member.partition,
        check=member.subject.check,
    )


def symptoms_of(incident: Incident) -> list[Symptom]:
    return [symptom_of(m) for m in incident.members if m.subject.asset is not None][:MOST_SYMPTOMS]


def origins_of(
    members: Sequence[Member],
    heads: Mapping[MemberKey, frozenset[Ref]],
    provenance: Provenance,
    graph: AssetGraph,
    *,
    now: datetime,
) -> dict[MemberKey, Ref]:
    """Members whose trouble is proved to begin in a record, of their own asset or of one upstream: found out for
    the topmost ones, and handed down to what was built from one of them alone."""
    origins: dict[MemberKey, Ref] = {}
    of_head: dict[Ref, Ref] = {}
    for member in members:
        if member.materialization is None or heads[member.key]:
            continue
        own = Ref(asset=asset_of(member), id=member.materialization)
        found = _proven(member, provenance, graph, now=now)
        if found is not None:
            origins[member.key] = found
        of_head[own] = found or of_head.get(own) or own
    for member in members:
        if len(heads[member.key]) == 1:
            [head] = heads[member.key]
            origins[member.key] = of_head.get(head, head)
    return origins


def _proven(member: Member, provenance: Provenance, graph: AssetGraph, *, now: datetime) -> Ref | None:
    if member.kind is not AlertKind.CHECK_FAILED or member.check_severity is not CheckSeverity.ERROR:
        return None
    found = investigate([symptom_of(member)], provenance, graph=graph, context=Context(), now=now).proven_root
    return Ref(asset=found[0], id=found[1]) if found is not None and found[1] is not None else None
