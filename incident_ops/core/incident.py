"""The incident: what it holds, how its status moves, and the verbs that change it.

An incident is a value. A verb returns a changed copy and appends what it did to `news`, the timeline entries
that are not stored yet; the store writes both together. Which alert belongs to which incident is decided in
`belonging` and `grouping`, who is told in `notices`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from incident_ops.core.alert import Alert, ErrorClass, Nature, Recovery, Subject, most_specific
from incident_ops.core.durations import format_duration
from incident_ops.core.errors import IllegalChange, IllegalTransition
from incident_ops.core.labels import labels_of_trouble
from incident_ops.core.member import Member, member_of, title_of, titled
from incident_ops.core.severity import Assessment, Priority, Severity, priority_for, worst_of
from incident_ops.core.status import (
    SYSTEM,
    TRANSITIONS,
    CauseClass,
    EntryKind,
    Resolution,
    Role,
    Status,
    TimelineEntry,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """Where the trouble is thought to begin."""

    subject: Subject
    partition: str | None = None
    materialization: int | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """See the module's docstring. Times are aware UTC.

    Attributes:
        number: the n of `INC-n`.
        revision: of the stored row; the store refuses to save over a newer one.
        severity_by: who set the severity; a person's choice is kept when new alerts arrive.
        started_at: when bad data began, as far as known.
        detected_at: when we first knew.
        alert_count: alerts taken in, echoes of one failure included.
        failure_count: failures, however many alerts told of each.
        backlog: it was over or old before we were installed; recorded, never pushed.
        merged_into: number of the incident that took it in; it is over then, as a duplicate.
        merged_from: numbers of those that it took in itself.
        runbook: URL of what to do, empty where nobody has named one.
        excuse: why nobody is to be woken for it, where somebody announced it; it is over from the start.
        responders: e-mails of the people who were paged for it.
        roles: who leads the response and who tells the others, where somebody has taken the role.
        grouped_by: the person who merged or split it; grouping never takes a member out of it again.
        news: timeline entries made by the verbs and not stored yet.
    """

    number: int
    title: str
    status: Status
    severity: Severity
    severity_reasons: tuple[str, ...]
    priority: Priority
    nature: Nature
    root: Root
    members: tuple[Member, ...]
    started_at: datetime
    detected_at: datetime
    updated_at: datetime
    cause_class: CauseClass | None = None
    severity_by: str = SYSTEM
    owner: str | None = None
    assignee: str | None = None
    responders: tuple[str, ...] = ()
    roles: Mapping[Role, str] = field(default_factory=lambda: MappingProxyType({}))
    resolution: Resolution | None = None
    acknowledged_at: datetime | None = None
    resolved_at: datetime | None = None
    alert_count: int = 0
    failure_count: int = 0
    flaky: bool = False
    backlog: bool = False
    reopened: int = 0
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    error_signature: str = ""
    summary: str = ""
    detail: str = ""
    facts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    not_run: tuple[str, ...] = ()
    merged_into: int | None = None
    merged_from: tuple[int, ...] = ()
    grouped_by: str | None = None
    runbook: str = ""
    excuse: str | None = None
    revision: int = 0
    news: tuple[TimelineEntry, ...] = ()

    @property
    def id(self) -> str:
        return f"INC-{self.number}"

    @property
    def is_open(self) -> bool:
        return self.status.is_open

    @property
    def firing(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if member.healthy_at is None)

    @property
    def is_root_silent(self) -> bool:
        """The root is an asset none of whose own detectors has fired: it is named for what it explains."""
        return self.root.subject.asset is not None and all(
            member.subject.asset != self.root.subject.asset for member in self.members
        )

    @property
    def current_labels(self) -> Mapping[str, str]:
        """All that matchers can ask of it now: the labels it was opened with, and those that change. `root` is the
        incident itself, for `group_by`."""
        return {
            **self.labels,
            "root": self.id,
            "status": str(self.status),
            "severity": str(self.severity),
            "priority": str(self.priority),
            "nature": str(self.nature),
            **({"cause_class": str(self.cause_class)} if self.cause_class else {}),
        }

    def noted(self, kind: EntryKind, text: str, *, at: datetime, by: str = SYSTEM) -> "Incident":
        """The incident with one more line on its timeline."""
        entry = TimelineEntry(at=at, kind=kind, text=text, by=by)
        return replace(self, news=(*self.news, entry), updated_at=at)

    def _moved(self, wanted: Status) -> "Incident":
        if wanted not in TRANSITIONS[self.status]:
            raise IllegalTransition(self.status, wanted)
        return replace(self, status=wanted)

    # ---- alerts

    def fired(self, alert: Alert, assessment: Assessment, *, now: datetime) -> "Incident":
        """Take in an alert that belongs here: count it, remember its evidence, raise the severity if it is
        worse. Repeats of a member leave no line on the timeline: a storm must not bury the story."""
        known = next((m for m in self.members if m.key == (alert.fingerprint, alert.partition or "")), None)
        member = member_of(alert) if known is None else known.fired_again(alert)
        members = tuple(member if m is known else m for m in self.members) if known else (*self.members, member)
        told, main = self._told_by(alert), members[0]
        incident = replace(
            told,
            members=members,
            labels=MappingProxyType(
                {**told.labels, **labels_of_trouble(told.nature, main.kind, main.check_severity)}
            ),
            title=titled(members, self.root.subject.asset),
            alert_count=self.alert_count + 1,
            failure_count=self.failure_count + (not alert.is_echo),
            started_at=min(self.started_at, alert.began_at or alert.occurred_at),
            updated_at=now,
        )
        if known is None:
            incident = incident.noted(EntryKind.ALERT, _sentence(alert), at=now)
        elif known.healthy_at is not None and member.healthy_at is None:
            incident = incident.noted(EntryKind.ALERT, f"fails again: {_sentence(alert)}", at=now)
        if self.error_signature and alert.evidence.error_signature not in ("", self.error_signature):
            incident = incident.noted(EntryKind.ALERT, f"the error changed: {alert.evidence.summary}", at=now)
        return incident.reassessed(assessment, now=now)

    def _told_by(self, alert: Alert) -> "Incident":
        """What the incident says of itself, with one more alert heard. Of alerts about its first member the
        most specific kind speaks, and of one kind the latest, so that the order of arrival does not matter;
        what the others know fills the gaps."""
        main, evidence = self.members[0], alert.evidence
        is_about_main = (alert.fingerprint, alert.partition or "") == main.key
        is_more_specific = most_specific(main.kind, alert.kind) is not main.kind
        is_newer = alert.kind is main.kind and alert.occurred_at > main.last_fired_at
        incident = replace(
            self,
            detail=self.detail or evidence.detail,
            facts=self.facts or evidence.facts,
            cause_class=self.cause_class or _cause_class_of(alert),
            error_signature=evidence.error_signature or self.error_signature,
            not_run=tuple(dict.fromkeys((*self.not_run, *(str(item) for item in evidence.not_run)))),
        )
        if is_about_main:
            root = replace(
                self.root,
                materialization=self.root.materialization or alert.materialization,
                run_id=self.root.run_id or alert.run_id,
            )
            incident = replace(incident, root=root)
        if is_about_main and (is_more_specific or is_newer):
            incident = replace(
                incident,
                nature=alert.nature,
                summary=evidence.summary,
                detail=evidence.detail or incident.detail,
                facts=evidence.facts or incident.facts,
            )
        return incident

    def reassessed(self, assessment: Assessment, *, now: datetime) -> "Incident":
        """The worse of two severities; a person's choice stands."""
        if self.severity_by != SYSTEM:
            return self
        severity = worst_of((self.severity, assessment.severity))
        if severity is self.severity:
            return self
        return replace(
            self, severity=severity, severity_reasons=assessment.reasons, priority=priority_for(severity)
        ).noted(EntryKind.SEVERITY, f"{self.severity} → {severity}: {'; '.join(assessment.reasons)}", at=now)

    def recovered(self, recovery: Recovery, *, now: datetime) -> "Incident":
        """Mark the members that the recovery heals. News older than the failure heals nothing; returns the
        very same incident when nothing changes."""
        members = tuple(
            replace(m, healthy_at=recovery.occurred_at) if m.is_healed_by(recovery) else m for m in self.members
        )
        if members == self.members:
            return self
        return replace(self, members=members).noted(EntryKind.RECOVERY, recovery.summary, at=now)

    def resolves_itself(self, *, after: timedelta, now: datetime) -> bool:
        """Every member is well, and has been for `after`."""
        if not self.is_open or self.firing:
            return False
        return all(m.healthy_at is not None and now - m.healthy_at >= after for m in self.members)

    # ---- status

    def acknowledged(self, *, by: str, at: datetime) -> "Incident":
        moved = self._moved(Status.ACKNOWLEDGED)
        return replace(moved, acknowledged_at=at, assignee=self.assignee or by).noted(
            EntryKind.ACKNOWLEDGED, f"acknowledged by {by}", at=at, by=by
        )

    def acknowledgement_timed_out(self, *, after: timedelta, at: datetime) -> "Incident":
        """Triggered again: who took it has not ended it in time. The assignee stays."""
        moved = replace(self._moved(Status.TRIGGERED), acknowledged_at=None)
        text = f"triggered again: acknowledged, and not over after {format_duration(after)}"
        return moved.noted(EntryKind.TRIGGERED_AGAIN, text, at=at)

    def mitigated(self, *, by: str, at: datetime) -> "Incident":
        return self._moved(Status.MITIGATED).noted(EntryKind.MITIGATED, f"mitigated by {by}", at=at, by=by)

    def resolved(self, *, at: datetime, by: str = SYSTEM, reason: Resolution | None = None) -> "Incident":
        """Ended: by a person with a reason, or by itself because everything is healthy again."""
        moved = replace(self._moved(Status.RESOLVED), resolved_at=at, resolution=reason)
        took = format_duration(max(at - self.detected_at, timedelta(0)))
        how = f"resolved by {by} as {reason}" if reason else "resolved: everything that failed is healthy again"
        how = f"{how}, after {took}"
        return moved.noted(EntryKind.RESOLVED, how, at=at, by=by)

    def classified(self, reason: Resolution, *, by: str, at: datetime) -> "Incident":
        """What it was, said after it ended by itself. A reason that was given before is replaced."""
        if self.is_open:
            raise IllegalChange(f"{self.id} is {self.status}; resolve it with a reason instead")
        was = f" (was {self.resolution})" if self.resolution else ""
        return replace(self, resolution=reason).noted(
            EntryKind.CLASSIFIED, f"classified by {by} as {reason}{was}", at=at, by=by
        )

    def answered(self, reason: Resolution, *, by: str, at: datetime) -> "Incident":
        """A person says what it was: ends it, or classifies one that has ended by itself. Raises
        `IllegalTransition` for one that was merged, or that has this answer already."""
        if self.is_open or self.merged_into is not None or self.resolution is reason:
            return self.resolved(at=at, by=by, reason=reason)
        return self.classified(reason, by=by, at=at)

    def excused(self, why: str, *, at: datetime) -> "Incident":
        """Over from the start: it was announced, and is kept with the reason."""
        moved = self._moved(Status.RESOLVED)
        return replace(moved, resolved_at=at, resolution=Resolution.EXPECTED, excuse=why).noted(
            EntryKind.RESOLVED, f"no incident: {why}", at=at
        )

    def reopen(self, *, why: str, at: datetime) -> "Incident":
        moved = replace(
            self._moved(Status.TRIGGERED),
            resolved_at=None,
            resolution=None,
            acknowledged_at=None,
            reopened=self.reopened + 1,
        )
        return moved.noted(EntryKind.REOPENED, why, at=at)

    def closed(self, *, at: datetime, by: str = SYSTEM) -> "Incident":
        return self._moved(Status.CLOSED).noted(EntryKind.CLOSED, "closed", at=at, by=by)

    # ---- people and knowledge

    def assigned(self, to: str, *, by: str, at: datetime) -> "Incident":
        return replace(self, assignee=to).noted(EntryKind.ASSIGNED, f"assigned to {to}", at=at, by=by)

    def in_role(self, role: Role, who: str | None, *, by: str, at: datetime) -> "Incident":
        """Taken (`who` is `by`), handed over, or laid down (None)."""
        before = self.roles.get(role)
        if who == before:
            return self
        others = {each: held for each, held in self.roles.items() if each is not role}
        roles = others if who is None else {**others, role: who}
        if who is None:
            text = f"{before} is no longer {role}"
        else:
            text = f"{who} is {role}" + (f", after {before}" if before else "")
        if who != by:
            text += f" (by {by})"
        return replace(self, roles=MappingProxyType(roles)).noted(EntryKind.ROLE, text, at=at, by=by)

    def graded(self, severity: Severity, *, by: str, at: datetime) -> "Incident":
        """A person's severity; alerts that arrive later do not change it."""
        reasons = (f"set by {by}",)
        graded = replace(
            self,
            severity=severity,
            severity_by=by,
            severity_reasons=reasons,
            priority=priority_for(severity),
        )
        return graded.noted(EntryKind.SEVERITY, f"{self.severity} → {severity} by {by}", at=at, by=by)

    def owned_by(self, owner: str, labels: Mapping[str, str], *, at: datetime) -> "Incident":
        known = replace(self, owner=owner, labels=MappingProxyType(dict(labels)))
        was = self.owner or "unknown"
        return known.noted(EntryKind.OWNER, f"owner: {was} → {owner}", at=at)

    def found_flaky(self, run_id: str, *, at: datetime) -> "Incident":
        if self.flaky:
            return self
        return replace(self, flaky=True).noted(
            EntryKind.RECOVERY, f"a retry passed (run {run_id[:8]}): marked flaky", at=at
        )


def opened(
    number: int,
    alert: Alert,
    assessment: Assessment,
    *,
    owner: str | None,
    labels: Mapping[str, str],
    runbook: str = "",
    backlog: bool,
    now: datetime,
) -> Incident:
    """A new incident around its first alert."""
    member = member_of(alert)
    return Incident(
        number=number,
        title=title_of(member),
        status=Status.TRIGGERED,
        severity=assessment.severity,
        severity_reasons=assessment.reasons,
        priority=priority_for(assessment.severity),
        nature=alert.nature,
        cause_class=_cause_class_of(alert),
        root=Root(
            subject=alert.subject,
            partition=alert.partition,
            materialization=alert.materialization,
            run_id=alert.run_id,
        ),
        members=(member,),
        started_at=alert.began_at or alert.occurred_at,
        detected_at=alert.observed_at,
        updated_at=now,
        owner=owner,
        labels=MappingProxyType(dict(labels)),
        runbook=runbook,
        alert_count=1,
        failure_count=int(not alert.is_echo),
        backlog=backlog,
        error_signature=alert.evidence.error_signature,
        summary=alert.evidence.summary,
        detail=alert.evidence.detail,
        facts=alert.evidence.facts,
        not_run=tuple(str(item) for item in alert.evidence.not_run),
    ).noted(EntryKind.OPENED, _sentence(alert), at=now)


def _sentence(alert: Alert) -> str:
    where = f" [partition {alert.partition}]" if alert.partition else ""
    return f"{alert.subject}{where}: {alert.evidence.summary}"


_OPERATIONAL = frozenset({ErrorClass.INTERRUPTED, ErrorClass.DIED})


def _cause_class_of(alert: Alert) -> CauseClass | None:
    """Only what the alert itself proves; the rest is for root cause analysis."""
    return CauseClass.OPERATIONAL if alert.evidence.error_class in _OPERATIONAL else None
