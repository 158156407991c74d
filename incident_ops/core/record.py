"""An incident as plain data: what `incident-ops list` and `show` print and what the asset `incidents` loads.

Other programs read these keys: adding one is free, renaming or dropping one is not. The parts of `show` that are
not the incident's own (timeline, deliveries, suspects, impact) are added by whoever has them.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from incident_ops.core.alert import Alert, Subject
from incident_ops.core.attribution.record import document_of
from incident_ops.core.incident import Incident
from incident_ops.core.member import Member
from incident_ops.core.status import Role


def incident_record(incident: Incident) -> dict[str, Any]:
    """The incident in values that JSON has: asset keys as `a/b`, times as ISO 8601 in UTC ending in `Z`, None
    for what is not known."""
    root, subject = incident.root, incident.root.subject
    return {
        "id": incident.id,
        "title": incident.title,
        "status": str(incident.status),
        "severity": str(incident.severity),
        "priority": str(incident.priority),
        "nature": str(incident.nature),
        "cause_class": str(incident.cause_class) if incident.cause_class else None,
        "owner": incident.owner,
        "started_at": utc_text(incident.started_at),
        "detected_at": utc_text(incident.detected_at),
        "resolved_at": utc_text(incident.resolved_at),
        "root": {
            "asset": subject.asset.key if subject.asset else None,
            "partition": root.partition,
            "materialization": root.materialization,
            "check": subject.check,
            "name": subject.name,
            "run_id": root.run_id,
        },
        "members": [_member_record(member, incident.root.subject) for member in incident.members],
        "alert_count": incident.alert_count,
        "flaky": incident.flaky,
        "labels": dict(incident.labels),
        "assignee": incident.assignee,
        "responders": list(incident.responders),
        **{str(role): incident.roles.get(role) for role in Role},
        "severity_reasons": list(incident.severity_reasons),
        "summary": incident.summary,
        "detail": incident.detail,
        "facts": dict(incident.facts),
        "not_run": list(incident.not_run),
        "resolution": str(incident.resolution) if incident.resolution else None,
        "acknowledged_at": utc_text(incident.acknowledged_at),
        "reopened": incident.reopened,
        "backlog": incident.backlog,
        "runbook": incident.runbook or None,
        "excuse": incident.excuse,
        "merged_into": f"INC-{incident.merged_into}" if incident.merged_into else None,
        "merged_from": [f"INC-{number}" for number in incident.merged_from],
    }


def _member_record(member: Member, root: Subject) -> dict[str, Any]:
    """`hops` is null for what is neither the root nor downstream of it."""
    subject = member.subject
    is_of_root = member.hops > 0 or subject.asset == root.asset
    return {
        "asset": subject.asset.key if subject.asset else None,
        "check": subject.check,
        "kind": str(member.kind),
        "partition": member.partition,
        "hops": member.hops if is_of_root else None,
        "edge": str(member.edge) if member.edge else None,
        "name": subject.name,
        "healthy_at": utc_text(member.healthy_at),
    }


def attribution_record(incident: Incident, alerts: Iterable[Alert]) -> dict[str, Any] | None:
    """What explains the failing rows, with the asset and the check it is about: the newest that an alert on the
    root tells, else the newest of any alert. None when no check has looked."""
    told = [(alert, found) for alert in alerts if (found := alert.evidence.attribution)]
    if not told:
        return None
    root = incident.root.subject.asset
    alert, found = max(told, key=lambda pair: (pair[0].asset == root, pair[0].occurred_at, pair[0].event_id))
    return {**document_of(found), "asset": alert.asset.key if alert.asset else None, "check": alert.check}


def utc_text(at: datetime | None) -> str | None:
    """`2026-11-20T09:00:00Z`, whatever the zone of the aware `at`."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
