"""After triage: what caused an incident, who was hit, what will be late, and who of them is told.

An incident is marked when something about it changes: it itself, or a record upstream or downstream of it. Marks
are set in the transaction of the change, so that a kill between the two loses nothing; each incident is looked
into in a transaction of its own.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from incident_ops.core import rootcause
from incident_ops.core.alert import AlertKind
from incident_ops.core.arranging import loudest
from incident_ops.core.catalog import Catalog
from incident_ops.core.catalog.history import ChangeKind
from incident_ops.core.findings import Findings, recorded
from incident_ops.core.impact import Impact, impact_of, in_doubt
from incident_ops.core.importance import Importance, importance
from incident_ops.core.incident import Incident
from incident_ops.core.provenance import Facts, Provenance, RecordKind, Ref
from incident_ops.core.rootcause import Suspect, investigate
from incident_ops.core.rootcause.charges import ChangeSeen, Context, Trouble
from incident_ops.core.rootcause.recurrence import WINDOW
from incident_ops.core.rootcause.signals import SignalKind
from incident_ops.core.status import EntryKind, Status
from incident_ops.engine.audience import tell_the_audience
from incident_ops.engine.bad_records import bad_columns, bad_records, unjudged_records
from incident_ops.engine.deadline_notes import tell_of_deadlines
from incident_ops.engine.desk import Desk
from incident_ops.engine.evidence import asset_of, history_of, symptoms_of
from incident_ops.engine.forecast import Outlook, harm_ahead, late_in, look_ahead
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.lineage import columns_told
from incident_ops.engine.ports import History, OpenPlace, Store, Transaction
from incident_ops.engine.triaged import Triaged

CHANGES_WITHIN = timedelta(days=7)
"""How far back a change of the catalog is evidence."""


VIEWS_COUNT = timedelta(days=30)
"""Who looked at an asset in this time counts for its importance."""


def assess(store: Store, knowledge: Knowledge, *, now: datetime, may_go_on: Callable[[], bool]) -> Triaged:
    """Look into the marked incidents, those that have waited longest first. Without marks: one look."""
    done = Triaged()
    places: list[OpenPlace] | None = None
    while may_go_on() and (waiting := store.next_unassessed()) is not None:
        with store.transaction() as tx:
            places = places if places is not None else tx.open_places()  # the same for all of this pass
            done += _assessed(store, tx, tx.incident(waiting.number), knowledge, places, now=now)
            tx.mark_assessed(waiting)
    return done


def touched_by(tx: Transaction, facts: Facts, catalog: Catalog) -> set[int]:
    """Incidents whose cause or impact new records or verdicts may change: one of the assets is theirs, or lies
    downstream of theirs."""
    built = {m.asset for m in facts.materializations if m.kind is not RecordKind.REMARK}
    assets = built | {evaluation.asset for evaluation in facts.evaluations}
    assets |= {view.asset for view in facts.views}
    if not assets:
        return set()
    places = tx.open_places()
    above = assets | catalog.graph.ancestors(*assets) if places else assets
    return {place.number for place in places if place.asset in above} | set(tx.still_told())


def mark_for_forecast(store: Store, knowledge: Knowledge) -> None:
    """What will be late moves with the clock: mark the open incidents that have a deadline downstream."""
    catalog = knowledge.catalog
    with_deadline = {node.key for node in catalog.nodes if node.freshness is not None}
    if not with_deadline:
        return
    above = with_deadline | catalog.graph.ancestors(*with_deadline)
    open_ones = [incident for incident in store.incidents(statuses=OPEN) if _is_at(incident, above)]
    if open_ones:
        with store.transaction() as tx:
            tx.mark_unassessed([incident.number for incident in open_ones])


def mark_for_consumers(store: Store, knowledge: Knowledge, *, now: datetime) -> None:
    """Who uses the data may become known while it is bad: then all that is open or still told is looked into."""
    told = sorted((node.key, node.consumers) for node in knowledge.catalog_with_consumers.nodes if node.consumers)
    digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    before = store.value(CONSUMERS_KNOWN)
    if digest == before:
        return
    if before is not None:
        with store.transaction() as tx:
            tx.mark_unassessed({place.number for place in tx.open_places()} | set(tx.still_told()))
    store.set_value(CONSUMERS_KNOWN, digest, now=now)


CONSUMERS_KNOWN = "consumers known"

OPEN = frozenset(status for status in Status if status.is_open)


def _is_at(incident: Incident, assets: Collection[str]) -> bool:
    return any(asset in assets for asset in late_in(incident))


def _assessed(
    store: Store,
    tx: Transaction,
    incident: Incident,
    knowledge: Knowledge,
    places: Sequence[OpenPlace],
    *,
    now: datetime,
) -> Triaged:
    if incident.merged_into is not None:
        return Triaged()
    catalog = knowledge.catalog_with_consumers
    members = [member for member in incident.members if member.subject.asset is not None]
    provenance = history_of(tx.history, members, catalog.graph)
    before = tx.findings(incident.number)
    cause = _cause_of(store, tx, incident, provenance, catalog, places, now=now)
    impact = _impact_of(tx, incident, provenance, catalog)
    outlook = _outlook_of(tx.history, incident, before, knowledge, now=now)
    root = incident.root.subject.asset
    weight = _importance_of(tx, root.key, catalog, now=now) if root is not None else None
    hit = {asset_of(member) for member in incident.firing if member.subject.asset is not None}
    harm = harm_ahead(
        tx.history, hit | ({root.key} if root else set()), catalog=catalog, ticks=knowledge.ticks, now=now
    )
    found = recorded(cause, impact, outlook.records, importance=weight, harm=harm, at=now)
    tx.save_findings(incident.number, found)
    if before is None or before.impact.get("next_harm") != found.impact["next_harm"]:
        tx.wake([incident.number], at=now)  # whether it can wait until somebody works is to be decided again
    told = tell_the_audience(tx, incident, impact, knowledge, now=now)
    told += tell_of_deadlines(tx, incident, outlook.records, knowledge, now=now)
    desk = Desk(tx, knowledge, now=now)
    desk.lay_out([incident])
    changed = _with_cause(incident, cause, before, now=now)
    for sentence in outlook.news:
        changed = changed.noted(EntryKind.FORECAST, sentence, at=now)
    for sentence in told:
        changed = changed.noted(EntryKind.AUDIENCE, sentence, at=now)
    if changed is incident:
        return Triaged()
    desk.put(changed)
    return desk.clear(is_assessed=True)


def _importance_of(tx: Transaction, asset: str, catalog: Catalog, *, now: datetime) -> Importance:
    views = tx.history.views({asset, *catalog.graph.descendants(asset)}, since=now - VIEWS_COUNT)
    return importance(asset, catalog.graph, catalog, views)


# ---- cause


def _cause_of(
    store: Store,
    tx: Transaction,
    incident: Incident,
    provenance: Provenance,
    catalog: Catalog,
    places: Sequence[OpenPlace],
    *,
    now: datetime,
) -> rootcause.Findings:
    graph = catalog.graph
    assets = {asset_of(m) for m in incident.members if m.subject.asset is not None}
    around = assets | graph.ancestors(*assets)
    earlier = tx.earlier(
        {incident.members[0].fingerprint},
        since=now - WINDOW,
        than=incident.number,
    )
    changes = store.catalog_changes(around, since=incident.started_at - CHANGES_WITHIN) if around else []
    troubles = tuple(_troubles(tx, incident, around, places))
    errors = {(trouble.asset, trouble.partition, trouble.at): trouble.error_signature for trouble in troubles}
    symptoms = [
        replace(symptom, error_signature=errors.get((symptom.asset, symptom.partition, symptom.occurred_at), ""))
        for symptom in symptoms_of(incident)
    ]
    context = Context(
        troubles=troubles,
        changes=tuple(
            ChangeSeen(asset=change.asset, at=change.at, kind=_EVIDENCE[change.kind], text=change.text)
            for change in changes
            if change.kind in _EVIDENCE
        ),
        earlier=tuple(earlier),
        dbt_assets=frozenset(key for key in around if (node := catalog.node(key)) and "dbt" in node.kinds),
    )
    return investigate(symptoms, provenance, graph=graph, context=context, now=now)


# What an asset is built from, or how, changes its data; so does, in its way, that it is gone. Another owner may
# know why. Wording, groups and consumers are no evidence.
_EVIDENCE = {
    ChangeKind.ASSET_ADDED: SignalKind.CATALOG,
    ChangeKind.EDGE_ADDED: SignalKind.CATALOG,
    ChangeKind.EDGE_REMOVED: SignalKind.CATALOG,
    ChangeKind.LOCATION: SignalKind.CATALOG,
    ChangeKind.PARTITIONS: SignalKind.CATALOG,
    ChangeKind.ASSET_GONE: SignalKind.ASSET_GONE,
    ChangeKind.OWNER: SignalKind.OWNER,
}


def _troubles(
    tx: Transaction, incident: Incident, around: Collection[str], places: Sequence[OpenPlace]
) -> Iterable[Trouble]:
    """What was late or not built around the incident: its own members', and those of other open incidents."""
    others = {p.number for p in places if p.asset in around and p.number != incident.number}
    for known in (incident, *(tx.incident(number) for number in sorted(others))):
        for member in known.members:
            if member.kind in _NOT_BUILT and asset_of(member) in around:
                heard = tx.alerts_of_member(known.number, member.fingerprint, member.partition)
                voice = loudest(heard)
                yield Trouble(
                    asset=asset_of(member),
                    kind=member.kind,
                    at=member.first_fired_at,
                    summary=voice.evidence.summary,
                    until=member.healthy_at,
                    partition=member.partition,
                    run_id=voice.run_id,
                    error_class=voice.evidence.error_class,
                    error_signature=voice.evidence.error_signature,
                )


_NOT_BUILT = frozenset({AlertKind.FRESHNESS, AlertKind.RUN_FAILED, AlertKind.NOT_MATERIALIZED})


def _with_cause(
    incident: Incident, cause: rootcause.Findings, before: Findings | None, *, now: datetime
) -> Incident:
    """The first suspect is said when it is another than before."""
    if not cause.suspects:
        return incident
    first = cause.suspects[0]
    if incident.cause_class is None and first.cause_class is not None:
        incident = replace(incident, cause_class=first.cause_class)
    if before is not None and before.suspects:
        said = before.suspects[0]
        if (said["asset"], said["materialization"]) == (first.asset, first.materialization):
            return incident
    return incident if _is_the_symptom(first) else incident.noted(EntryKind.SUSPECT, sentence_of(first), at=now)


def _is_the_symptom(suspect: Suspect) -> bool:
    """The failing asset itself, by the very failure that the incident tells of."""
    return len(suspect.path) == 1 and all(signal.kind in _SYMPTOMS for signal in suspect.evidence)


_SYMPTOMS = frozenset(
    {
        SignalKind.FAILED_CHECK,
        SignalKind.RUN_ERROR,
        SignalKind.INTERRUPTED,
        SignalKind.FRESHNESS,
        SignalKind.RECURRENCE,
    }
)


def sentence_of(suspect: Suspect) -> str:
    """ "suspect: raw, materialization 12 (proved by pointer: raw → orders): rows 1,000 → 30"."""
    which = f", materialization {suspect.materialization}" if suspect.materialization is not None else ""
    way = " → ".join(hop.asset for hop in reversed(suspect.path))
    why = "; ".join(signal.summary for signal in suspect.evidence)
    return f"suspect: {suspect.asset}{which} ({suspect.confidence}: {way}): {why}"


# ---- impact


def _impact_of(tx: Transaction, incident: Incident, provenance: Provenance, catalog: Catalog) -> Impact:
    bad = bad_records(incident, provenance)
    if not bad:
        return Impact()
    below = {ref.asset for ref in bad}
    below |= catalog.graph.descendants(*below)
    views = tx.history.views(below, since=incident.started_at - VIEWS_BEFORE)
    columns = columns_told(record for asset in below for record in provenance.records(asset))
    named = bad_columns(incident, columns)

    def impact(refs: Collection[Ref]) -> Impact:
        return impact_of(refs, provenance, catalog, catalog.graph, views=views, bad_columns=named, columns=columns)

    unjudged = unjudged_records(incident, provenance)
    return in_doubt(impact(bad), impact(bad | unjudged)) if unjudged else impact(bad)


VIEWS_BEFORE = timedelta(days=1)
"""Clocks differ, and a bad record is older than its first alert; what is not tainted is left out anyway."""


# ---- forecast


@dataclass(frozen=True, slots=True)
class _Reading:
    """The open transaction's history, as a store to look back in."""

    history: History

    def looking_back(self) -> Any:
        return nullcontext(self.history)


def _outlook_of(
    history: History, incident: Incident, before: Findings | None, knowledge: Knowledge, *, now: datetime
) -> Outlook:
    previous = {incident.number: before.forecast} if before is not None else {}
    outlooks = look_ahead(
        _Reading(history),
        [incident],
        catalog=knowledge.catalog,
        ticks=knowledge.ticks,
        previous=previous,
        now=now,
        under_way=knowledge.under_way,
    )
    return outlooks.get(incident.number, Outlook())
