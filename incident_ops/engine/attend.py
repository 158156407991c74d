"""Telling people about one incident: what the decision (`core.attention`) needs is gathered, what it says is owed.

Done whenever an incident is saved, and again when the time comes that was set then; both in one transaction with
the incident itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from incident_ops.core.attention import Decision, Seen, acknowledgement_ends, decide
from incident_ops.core.attention.record import from_record, to_record
from incident_ops.core.attention.state import Attention
from incident_ops.core.escalation import skipped
from incident_ops.core.findings import Findings
from incident_ops.core.incident import Incident
from incident_ops.core.muting import Firing, QuietRules, quiet_by_rule
from incident_ops.core.notices import Action, Notice, Told, notices_for
from incident_ops.core.pacing import Group, began
from incident_ops.core.routing import Destination, Way, destination_of
from incident_ops.core.status import EntryKind
from incident_ops.core.teams import NOBODYS, DigestTime
from incident_ops.core.urgency import Harm
from incident_ops.engine.forecast import harm_ahead
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.paging import Paged, paged, spent_at
from incident_ops.engine.ports import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Attended:
    """The incident with what its timeline tells of this, and what is to be written with it."""

    incident: Incident
    told: Mapping[Destination, Told]
    decision: Decision
    pages: tuple[Paged, ...]

    @property
    def tells_anybody(self) -> bool:
        """Whether anything but the time to look again has come of it."""
        done = self.decision
        said = done.pushes or done.lines or done.reminder or done.question or done.entries or self.pages
        return bool(said or done.listed or done.is_heard_now)


def attend(
    tx: Transaction,
    before: Incident | None,
    incident: Incident,
    knowledge: Knowledge,
    *,
    table: Sequence[Incident] = (),
    now: datetime,
) -> Attended:
    """Decide who is told now. Writes nothing but the incident's groups.

    Args:
        before: as stored; None for a new one.
        table: the incidents that are changed in this transaction, which inhibit as they are now.
    """
    state = from_record(tx.attention(incident.number))
    incident = _timed_out(incident, state, now=now)
    ways = knowledge.ways(incident)
    told = tx.told(incident.number)
    findings = tx.findings(incident.number)
    rules = knowledge.policy.attention
    decision = decide(
        incident,
        Seen(
            was_open=before.is_open if before is not None else None,
            state=state,
            ways=ways,
            told=told,
            quiet=quiet_by_rule(
                incident.id,
                incident.current_labels,
                QuietRules(silences=knowledge.silences, maintenance=rules.maintenance, inhibit=rules.inhibit),
                firing=_firing(knowledge, table) if rules.inhibit else (),
                snoozed_until=state.snoozed_until,
                now=now,
            ),
            team=knowledge.policy.routing.team_of(incident.owner),
            harm=_next_harm(tx, incident, findings, knowledge, now=now) if findings is not None else None,
            is_assessed=findings is not None or incident.root.subject.asset is None,
            spent=lambda destination: spent_at(tx, destination, rules.budget, now=now),
            groups=_groups(tx, incident, ways, now=now),
        ),
        rules,
        now=now,
    )
    pages = tuple(paged(tx, incident, page, told, ways, knowledge, now=now) for page in decision.pages)
    for kind, text in decision.entries:
        incident = incident.noted(kind, text, at=now)
    for page in pages:
        incident = incident.noted(page.entry[0], page.entry[1], at=now)
    if decision.question:
        again = " again" if decision.question > 1 else ""
        incident = incident.noted(EntryKind.NOTIFIED, f"asked{again} what it was", at=now)
    if incident.is_open:
        incident = replace(incident, responders=knowledge.responders(incident))
    return Attended(
        incident=incident,
        told=told,
        decision=decision,
        pages=pages,
    )


def rest(tx: Transaction, attended: Attended, *, now: datetime) -> None:
    """Nobody is told anything now; only when to look again has changed."""
    _keep(tx, attended, now=now)


def owe(
    tx: Transaction, before: Incident | None, attended: Attended, knowledge: Knowledge, *, now: datetime
) -> None:
    """Write down what was decided; the incident itself is saved by the caller, under its next revision."""
    incident, decision = attended.incident, attended.decision
    lines = [*decision.lines]
    if decision.reminder:
        lines.append(decision.reminder)
    if decision.question:
        lines.append(_question(incident))
    notices = notices_for(
        before,
        replace(incident, revision=incident.revision + 1),
        attended.told,
        decision.pushes,
        tells_story=decision.tells_story,
        lines=lines,
    )
    notices += [notice for page in attended.pages for notice in page.notices]
    notices += _personal(incident, decision, knowledge)
    tx.enqueue(notices, now=now)
    for listed in decision.listed:
        due_at = digest_time(listed.way, knowledge).next_after(now)
        tx.add_to_digest(listed.way.destination, incident.number, why=listed.why, due_at=due_at, now=now)
    _keep(tx, attended, now=now)
    if decision.is_heard_now:
        tx.mark_unassessed([incident.number])
    if not incident.is_open:
        tx.leave_groups(incident.number)
    is_open_before = before is not None and before.is_open
    if knowledge.policy.attention.inhibit and incident.is_open is not is_open_before:
        tx.wake_open(at=now)


def _keep(tx: Transaction, attended: Attended, *, now: datetime) -> None:
    """What was done, and when to look again: at once where a step reached nobody, for the next one."""
    missed = {page.policy for page in attended.pages if page.reached_nobody}
    state = attended.decision.state
    climbs = tuple(skipped(climb, now=now) if climb.policy.name in missed else climb for climb in state.climbs)
    tx.save_attention(
        attended.incident.number,
        to_record(replace(state, climbs=climbs)),
        wake_at=now if missed else attended.decision.wake_at,
    )


def snoozed(tx: Transaction, number: int, *, until: datetime) -> None:
    """Nobody is pushed about the incident until then."""
    state = replace(from_record(tx.attention(number)), snoozed_until=until)
    tx.save_attention(number, to_record(state), wake_at=until)


def is_unheard(tx: Transaction, number: int) -> bool:
    """Those who use the data are not to be told either, for now."""
    return from_record(tx.attention(number)).is_unheard


def _timed_out(incident: Incident, state: Attention, *, now: datetime) -> Incident:
    ends = acknowledgement_ends(incident, state)
    if ends is None or now < ends[0]:
        return incident
    return incident.acknowledgement_timed_out(after=ends[1], at=now)


def _firing(knowledge: Knowledge, table: Sequence[Incident]) -> list[Firing]:
    labels = dict(knowledge.firing)
    for incident in table:
        labels.pop(incident.number, None)
        if incident.is_open:
            labels[incident.number] = incident.current_labels
    return [Firing(id=f"INC-{number}", labels=each) for number, each in labels.items()]


def _next_harm(
    tx: Transaction, incident: Incident, found: Findings, knowledge: Knowledge, *, now: datetime
) -> Harm | None:
    """As it was found; once that has passed, the one after it: nothing else may have changed since."""
    record = found.impact.get("next_harm")
    if not record:
        return None
    harm = Harm(asset=record["asset"], at=datetime.fromisoformat(record["at"]))
    if harm.at > now:
        return harm
    places = [incident.root.subject.asset, *(member.subject.asset for member in incident.firing)]
    assets = {place.key for place in places if place is not None}
    return harm_ahead(tx.history, assets, catalog=knowledge.catalog, ticks=knowledge.ticks, now=now)


def _groups(
    tx: Transaction, incident: Incident, ways: Sequence[Way], *, now: datetime
) -> dict[tuple[str, Destination], Group]:
    """By node and destination what its group was told already; a group of one by itself needs no reading."""
    groups: dict[tuple[str, Destination], Group] = {}
    if not incident.is_open:
        return groups
    for way in ways:
        if "root" in way.node.group_by or "..." in way.node.group_by:  # "...": Alertmanager's "by all labels"
            continue
        labels = incident.current_labels
        key = "|".join([way.node.path, *(f"{name}={labels.get(name, '')}" for name in way.node.group_by)])
        tx.join_group(key, incident.number)
        others = [tx.incident(number) for number in tx.group(key) if number != incident.number]
        groups[way.node.path, way.destination] = _group(tx, others, way.destination, now=now)
    return groups


def _group(tx: Transaction, others: Sequence[Incident], destination: Destination, *, now: datetime) -> Group:
    waiting_since: datetime | None = None
    told_at: datetime | None = None
    lead = ""
    for other in others:
        heard = tx.told(other.number).get(destination)
        if heard is None:
            first = began(other)
            waiting_since = first if waiting_since is None else min(waiting_since, first)
            continue
        place = from_record(tx.attention(other.number)).places.get(str(destination))
        at = (place.pushed_at if place is not None else None) or heard.last_push_at
        if at is not None and (told_at is None or at > told_at):
            told_at, lead = min(at, now), other.id
    return Group(began=waiting_since, told_at=told_at, lead=lead)


def digest_time(way: Way, knowledge: Knowledge) -> DigestTime:
    """The recipient's own, else when its team begins to work."""
    routing = knowledge.policy.routing
    for person in routing.people.values():
        is_theirs = destination_of(person.email, routing) == way.destination
        if is_theirs and person.digest is not None:
            return person.digest
    return (way.team or NOBODYS).digest_time(way.node.digest or "daily")


def _question(incident: Incident) -> str:
    return (
        f"{incident.id} ended without a reason. What was it? "
        f"incident-ops resolve {incident.id} --reason fixed|expected|false_positive|duplicate|no_action"
    )


def _personal(incident: Incident, decision: Decision, knowledge: Knowledge) -> list[Notice]:
    """A reminder rings with those who are to act, the second question with the lead."""
    routing = knowledge.policy.routing
    team = routing.team_of(incident.owner)
    told: dict[str, str] = {}
    if decision.reminder:
        told = dict.fromkeys(_acting(incident), f"{incident.id} {incident.title}\n{decision.reminder}")
    if decision.question > 1 and team is not None and team.lead is not None:
        told[team.lead] = f"{incident.id} {incident.title}\n{_question(incident)}"
    return [
        Notice(
            key=f"{incident.id}:{'reminder' if decision.reminder else 'question'}:{who}:r{incident.revision}",
            number=incident.number,
            destination=destination_of(who, routing),
            action=Action.TELL,
            text=text,
            pushes=bool(decision.reminder),
        )
        for who, text in told.items()
    ]


def _acting(incident: Incident) -> Sequence[str]:
    return (incident.assignee,) if incident.assignee and "@" in incident.assignee else incident.responders
