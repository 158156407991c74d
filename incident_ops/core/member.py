"""The members of an incident: one failing thing each, its distance from the root, and whether it is well again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from incident_ops.core.alert import (
    Alert,
    AlertKind,
    AssetRef,
    CheckSeverity,
    Nature,
    Recovery,
    Subject,
    most_specific,
)
from incident_ops.core.declared import Declared
from incident_ops.core.provenance import Ref
from incident_ops.core.trail import Edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One failing thing (and partition) inside an incident.

    Attributes:
        first_fired_at: when it began to fail, this time.
        last_cause: the `cause` of its latest alert.
        materialization: storage id of the first materialization found bad.
        origin: the record in which provenance proves the trouble to begin, which may be of another asset.
        hops: its distance downstream of the root; 0 for the root, and for what failed by itself.
        edge: what connects it with the root; None for what failed by itself.
        healthy_at: set while it is well again.
        declared: what its evaluations say of the check, since it began to fail; None if none was heard.
    """

    fingerprint: str
    subject: Subject
    kind: AlertKind
    nature: Nature
    partition: str | None
    check_severity: CheckSeverity
    first_fired_at: datetime
    last_fired_at: datetime
    last_cause: str | None = None
    materialization: int | None = None
    origin: Ref | None = None
    hops: int = 0
    edge: Edge | None = None
    healthy_at: datetime | None = None
    declared: Declared | None = None

    @property
    def key(self) -> tuple[str, str]:
        return (self.fingerprint, self.partition or "")

    def fired_again(self, alert: Alert) -> "Member":
        """With one more alert. One that is older than the recovery (read late) is evidence, not a new failure."""
        is_news = self.healthy_at is None or alert.occurred_at > self.healthy_at
        begins_anew = is_news and self.healthy_at is not None
        is_first = begins_anew or alert.occurred_at < self.first_fired_at
        is_latest = alert.occurred_at >= self.last_fired_at
        first_known = alert.materialization if is_first else self.materialization
        return replace(
            self,
            kind=most_specific(self.kind, alert.kind),
            nature=alert.nature if most_specific(self.kind, alert.kind) is not self.kind else self.nature,
            check_severity=alert.check_severity if is_latest else self.check_severity,
            first_fired_at=alert.occurred_at if is_first else self.first_fired_at,
            last_fired_at=max(self.last_fired_at, alert.occurred_at),
            last_cause=alert.cause or self.last_cause,
            materialization=first_known or self.materialization or alert.materialization,
            origin=None if begins_anew else self.origin,
            healthy_at=None if is_news else self.healthy_at,
            declared=self._declared_by(alert, begins_anew=begins_anew),
        )

    def _declared_by(self, alert: Alert, *, begins_anew: bool) -> Declared | None:
        """The failures of a step or a run tell nothing of the check that caused them."""
        said = alert.declared
        if said is None or self.declared is None or begins_anew:
            return said or self.declared
        is_latest = alert.occurred_at >= self.last_fired_at
        return self.declared.followed_by(said) if is_latest else said.followed_by(self.declared)

    def is_healed_by(self, recovery: Recovery) -> bool:
        """News older than the failure heals nothing."""
        return (
            self.fingerprint == recovery.fingerprint
            and self.healthy_at is None
            and (recovery.all_partitions or self.partition == recovery.partition)
            and recovery.occurred_at > self.last_fired_at
        )


def member_of(alert: Alert) -> Member:
    """A member that has just begun to fail."""
    return Member(
        fingerprint=alert.fingerprint,
        subject=alert.subject,
        kind=alert.kind,
        nature=alert.nature,
        partition=alert.partition,
        check_severity=alert.check_severity,
        first_fired_at=alert.occurred_at,
        last_fired_at=alert.occurred_at,
        last_cause=alert.cause,
        materialization=alert.materialization,
        declared=alert.declared,
    )


def title_of(member: Member) -> str:
    """One line that names the thing and its trouble."""
    name = str(member.subject.asset or member.subject.name)
    match member.kind:
        case AlertKind.CHECK_FAILED:
            return f"{name}: check {member.subject.check} failed"
        case AlertKind.CHECK_ERRORED:
            return f"{name}: check {member.subject.check} could not run"
        case AlertKind.FRESHNESS:
            return f"{name}: late" if member.check_severity is CheckSeverity.WARN else f"{name}: stale"
        case AlertKind.RUN_FAILED:
            what = f"check {member.subject.check} stopped the run" if member.subject.check else "failed to build"
            return f"{name}: {what}" if member.subject.asset else f"{name}: job failed"
        case AlertKind.NOT_MATERIALIZED:
            return f"{name}: not built"
        case AlertKind.EXTERNAL:
            return name


def titled(members: Sequence[Member], root: AssetRef | None) -> str:
    """The root's trouble in one line, and how much lies downstream of it. The first member is the root's own, or,
    if the root is silent, the nearest to it."""
    main = members[0]
    downstream = sum(member.hops > 0 for member in members)
    if root is not None and main.subject.asset != root:
        rest = f" and {downstream - 1} more" if downstream > 1 else ""
        return f"{root}: suspected, since {title_of(main)}{rest}"
    return f"{title_of(main)} (and {downstream} downstream)" if downstream else title_of(main)
