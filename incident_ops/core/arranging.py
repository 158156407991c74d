"""What regrouping, a merge and a split make of an incident: verbs that return a changed copy with its news."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from incident_ops.core.alert import Alert, AlertKind, Subject
from incident_ops.core.errors import IllegalChange
from incident_ops.core.incident import Incident, Root
from incident_ops.core.member import Member, titled
from incident_ops.core.regrouping import Arrangement
from incident_ops.core.severity import Assessment, priority_for
from incident_ops.core.status import SYSTEM, EntryKind, Resolution, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What the desk knows of an arrangement beyond the members.

    Attributes:
        voice: the alert that speaks for the first member.
        owner: of the root, None where nobody is known.
        labels: of the first member's alert and the catalog.
        runbook: of the first member's check, or of the root.
        assessment: the worst of the members'.
        began_at: when the record in which it is proved to begin was built; None where none is proved.
        alerts: how many alerts tell of these members.
        failures: the same without echoes.
    """

    voice: Alert
    owner: str | None
    labels: Mapping[str, str]
    runbook: str
    assessment: Assessment
    began_at: datetime | None
    alerts: int
    failures: int


def loudest(alerts: Iterable[Alert]) -> Alert:
    """The alert that speaks for a member: the most specific kind, and of one kind the latest that is no echo."""
    kinds = list(AlertKind)
    return min(alerts, key=lambda a: (kinds.index(a.kind), a.is_echo, -a.occurred_at.timestamp(), a.event_id))


def arranged(
    incident: Incident,
    arrangement: Arrangement,
    known: Particulars,
    *,
    absorbed: Sequence[Incident],
    at: datetime,
    by: str = SYSTEM,
) -> Incident:
    """The incident with the members, the root and the story of the arrangement."""
    main, voice = arrangement.members[0], known.voice
    is_silent = arrangement.root is not None and main.subject.asset != arrangement.root
    root = Root(
        subject=Subject(asset=arrangement.root) if is_silent else main.subject,
        partition=main.partition,
        materialization=arrangement.materialization,
        run_id=None if is_silent else incident.root.run_id if _same(incident, main) else voice.run_id,
    )
    changed = replace(
        incident,
        members=arrangement.members,
        root=root,
        title=titled(arrangement.members, arrangement.root),
        nature=main.nature,
        owner=known.owner,
        labels=MappingProxyType(dict(known.labels)),
        runbook=known.runbook,
        alert_count=known.alerts,
        failure_count=known.failures,
        started_at=min(filter(None, [known.began_at, *(i.started_at for i in (incident, *absorbed))])),
        detected_at=min([incident.detected_at, *(other.detected_at for other in absorbed)]),
        flaky=incident.flaky or any(other.flaky for other in absorbed),
        backlog=incident.backlog and all(other.backlog for other in absorbed),
        not_run=tuple(dict.fromkeys([*incident.not_run, *(x for other in absorbed for x in other.not_run)])),
        merged_from=tuple(
            sorted({*incident.merged_from, *(n for o in absorbed for n in (o.number, *o.merged_from) if n > 0)})
        ),
        grouped_by=next((i.grouped_by for i in (incident, *absorbed) if i.grouped_by is not None), None),
        updated_at=at,
    )
    if not _same(incident, main):
        changed = replace(
            changed,
            summary=voice.evidence.summary,
            detail=voice.evidence.detail,
            facts=voice.evidence.facts,
            error_signature=voice.evidence.error_signature,
        )
    if root.subject.asset != incident.root.subject.asset:
        was = incident.root.subject
        what = f"{arrangement.root} (none of its own checks has failed)" if is_silent else str(arrangement.root)
        changed = changed.noted(EntryKind.ROOT, f"root: {was.asset} → {what}: {arrangement.reason}", at=at, by=by)
    for other in absorbed:
        if other.number > 0:
            text = f"{other.id} ({other.title}) is the same trouble and was merged: {arrangement.reason}"
            changed = changed.noted(EntryKind.MERGED, text, at=at, by=by)
    return changed.reassessed(known.assessment, now=at)


def _same(incident: Incident, main: Member) -> bool:
    return incident.members[0].key == main.key


def merged_into(incident: Incident, survivor: Incident, *, why: str, at: datetime, by: str = SYSTEM) -> Incident:
    """The incident as part of another: over, as a duplicate."""
    entry = f"merged into {survivor.id}: {why}"
    return replace(
        incident,
        status=Status.RESOLVED,
        resolution=Resolution.DUPLICATE,
        resolved_at=at,
        merged_into=survivor.number,
    ).noted(EntryKind.MERGED, entry, at=at, by=by)


def regraded(incident: Incident, assessment: Assessment) -> Incident:
    """The severity of what is left after a part was taken out, unless a person has set one."""
    if incident.severity_by != SYSTEM:
        return incident
    return replace(
        incident,
        severity=assessment.severity,
        severity_reasons=assessment.reasons,
        priority=priority_for(assessment.severity),
    )


def chosen(incident: Incident, assets: Iterable[str]) -> tuple[Member, ...]:
    """The members on `assets` (`a/b`, or `a/b: check` for one check of it).

    Raises:
        IllegalChange: one of them is not in the incident, or nothing would be left of it.
    """
    wanted = list(dict.fromkeys(assets))
    names = {str(m.subject) for m in incident.members} | {str(m.subject.asset) for m in incident.members}
    for name in wanted:
        if name not in names:
            raise IllegalChange(f"{incident.id} has no member {name}; it has {', '.join(sorted(names))}.")
    members = tuple(m for m in incident.members if {str(m.subject), str(m.subject.asset)} & set(wanted))
    if len(members) == len(incident.members):
        raise IllegalChange(f"{incident.id} would be empty: leave at least one member in it.")
    return members
