"""Rows ↔ values of the core, both directions and complete: what is saved is what is loaded. The outbox's are in
`outbox_rows`.

No statements here; `tables` has the columns, `transaction`, `outbox` and `sql` the questions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from incident_ops.core.alert import (
    Alert,
    AlertKind,
    AssetRef,
    CheckSeverity,
    ErrorClass,
    Evidence,
    Nature,
    NotRun,
    Subject,
)
from incident_ops.core.attribution.record import attribution_in, document_of
from incident_ops.core.declared import Declared
from incident_ops.core.incident import Incident, Root
from incident_ops.core.member import Member
from incident_ops.core.provenance import Ref
from incident_ops.core.severity import Priority, Severity
from incident_ops.core.status import CauseClass, EntryKind, Resolution, Role, Status, TimelineEntry
from incident_ops.core.trail import Edge

Row = Mapping[Any, Any]
Values = dict[str, Any]


# ---- incidents


def incident_values(incident: Incident) -> Values:
    """Every column but `number` and those of publication (`change`, `published_revision`, `is_shown`)."""
    root = incident.root
    return {
        "title": incident.title,
        "status": incident.status,
        "severity": incident.severity,
        "severity_reasons": list(incident.severity_reasons),
        "severity_by": incident.severity_by,
        "priority": incident.priority,
        "nature": incident.nature,
        "cause_class": incident.cause_class,
        "root_asset": root.subject.asset.key if root.subject.asset else None,
        "root_check": root.subject.check,
        "root_name": root.subject.name,
        "root_partition": root.partition,
        "root_materialization": root.materialization,
        "root_run_id": root.run_id,
        "owner": incident.owner,
        "assignee": incident.assignee,
        "responders": list(incident.responders) or None,
        "roles": {str(role): who for role, who in incident.roles.items()} or None,
        "resolution": incident.resolution,
        "started_at": incident.started_at,
        "detected_at": incident.detected_at,
        "updated_at": incident.updated_at,
        "acknowledged_at": incident.acknowledged_at,
        "resolved_at": incident.resolved_at,
        "alert_count": incident.alert_count,
        "failure_count": incident.failure_count,
        "flaky": incident.flaky,
        "backlog": incident.backlog,
        "reopened": incident.reopened,
        "labels": dict(incident.labels),
        "error_signature": incident.error_signature,
        "summary": incident.summary,
        "detail": incident.detail,
        "facts": dict(incident.facts),
        "not_run": list(incident.not_run),
        "merged_into": incident.merged_into,
        "merged_from": list(incident.merged_from) or None,
        "grouped_by": incident.grouped_by,
        "runbook": incident.runbook or None,
        "excuse": incident.excuse,
        "revision": incident.revision,
        "is_open": incident.is_open,
        "firing": len(incident.firing),
    }


def incident_from(row: Row, members: Iterable[Member]) -> Incident:
    return Incident(
        number=row["number"],
        title=row["title"],
        status=Status(row["status"]),
        severity=Severity(row["severity"]),
        severity_reasons=tuple(row["severity_reasons"]),
        severity_by=row["severity_by"],
        priority=Priority(row["priority"]),
        nature=Nature(row["nature"]),
        cause_class=CauseClass(row["cause_class"]) if row["cause_class"] is not None else None,
        root=Root(
            subject=_subject(row["root_asset"], row["root_check"], row["root_name"]),
            partition=row["root_partition"],
            materialization=row["root_materialization"],
            run_id=row["root_run_id"],
        ),
        members=_with_the_roots_record(row, tuple(members)),
        owner=row["owner"],
        assignee=row["assignee"],
        responders=tuple(row["responders"] or ()),
        roles=MappingProxyType({Role(role): who for role, who in (row["roles"] or {}).items()}),
        resolution=Resolution(row["resolution"]) if row["resolution"] is not None else None,
        started_at=row["started_at"],
        detected_at=row["detected_at"],
        updated_at=row["updated_at"],
        acknowledged_at=row["acknowledged_at"],
        resolved_at=row["resolved_at"],
        alert_count=row["alert_count"],
        failure_count=row["failure_count"],
        flaky=row["flaky"],
        backlog=row["backlog"],
        reopened=row["reopened"],
        labels=MappingProxyType(row["labels"]),
        error_signature=row["error_signature"],
        summary=row["summary"],
        detail=row["detail"],
        facts=MappingProxyType(row["facts"]),
        not_run=tuple(row["not_run"]),
        merged_into=row["merged_into"],
        merged_from=tuple(row["merged_from"] or ()),
        grouped_by=row["grouped_by"],
        runbook=row["runbook"] or "",
        excuse=row["excuse"],
        revision=row["revision"],
    )


# Rows of revision 0001 do not tell it.
_NATURE_OF = {AlertKind.CHECK_FAILED: Nature.RULE, AlertKind.FRESHNESS: Nature.FRESHNESS}


def _with_the_roots_record(row: Row, members: tuple[Member, ...]) -> tuple[Member, ...]:
    """Members of revision 0001 did not keep the record that was found bad; of the first one the root knows it."""
    first, of_root = members[0], row["root_materialization"]
    asset = first.subject.asset.key if first.subject.asset else None
    if first.materialization is not None or of_root is None or asset != row["root_asset"]:
        return members
    return (replace(first, materialization=of_root), *members[1:])


def member_values(incident: Incident, position: int, member: Member) -> Values:
    return {
        "incident": incident.number,
        "position": position,
        "fingerprint": member.fingerprint,
        **_subject_values(member.subject),
        "kind": member.kind,
        "partition": member.partition,
        "check_severity": member.check_severity,
        "last_fired_at": member.last_fired_at,
        "last_cause": member.last_cause,
        "hops": member.hops,
        "healthy_at": member.healthy_at,
        "nature": member.nature,
        "first_fired_at": member.first_fired_at,
        "materialization": member.materialization,
        "origin_asset": member.origin.asset if member.origin else None,
        "origin_materialization": member.origin.id if member.origin else None,
        "edge": member.edge,
        "declared": _declared_document(member.declared),
        "partition_key": member.partition or "",
        "is_open": incident.is_open,
        "resolved_at": incident.resolved_at,
    }


def member_from(row: Row) -> Member:
    return Member(
        fingerprint=row["fingerprint"],
        subject=_subject(row["asset"], row["check_name"], row["subject_name"]),
        kind=AlertKind(row["kind"]),
        partition=row["partition"],
        check_severity=CheckSeverity(row["check_severity"]),
        last_fired_at=row["last_fired_at"],
        last_cause=row["last_cause"],
        hops=row["hops"],
        healthy_at=row["healthy_at"],
        nature=Nature(row["nature"] or _NATURE_OF.get(row["kind"], Nature.PIPELINE)),
        first_fired_at=row["first_fired_at"] or row["last_fired_at"],
        materialization=row["materialization"],
        origin=_origin(row["origin_asset"], row["origin_materialization"]),
        edge=Edge(row["edge"]) if row["edge"] is not None else None,
        declared=_declared(row["declared"]),
    )


def _origin(asset: str | None, materialization: int | None) -> Ref | None:
    return Ref(asset=asset, id=materialization) if asset is not None and materialization is not None else None


def entry_values(number: int, entry: TimelineEntry) -> Values:
    return {"incident": number, "at": entry.at, "kind": entry.kind, "text": entry.text, "by": entry.by}


def entry_from(row: Row) -> TimelineEntry:
    return TimelineEntry(at=row["at"], kind=EntryKind(row["kind"]), text=row["text"], by=row["by"])


# ---- alerts


def alert_values(alert: Alert, number: int) -> Values:
    return {
        "event_id": alert.event_id,
        "incident": number,
        "fingerprint": alert.fingerprint,
        "family": alert.family,
        "kind": alert.kind,
        "nature": alert.nature,
        **_subject_values(alert.subject),
        "check_severity": alert.check_severity,
        "partition": alert.partition,
        "run_id": alert.run_id,
        "run_group": alert.run_group,
        "cause": alert.cause,
        "is_echo": alert.is_echo,
        "materialization": alert.materialization,
        "occurred_at": alert.occurred_at,
        "observed_at": alert.observed_at,
        "began_at": alert.began_at,
        "evidence": _evidence_document(alert.evidence),
        "declared": _declared_document(alert.declared),
    }


def alert_from(row: Row) -> Alert:
    return Alert(
        event_id=row["event_id"],
        family=row["family"],
        kind=AlertKind(row["kind"]),
        nature=Nature(row["nature"]),
        subject=_subject(row["asset"], row["check_name"], row["subject_name"]),
        check_severity=CheckSeverity(row["check_severity"]),
        partition=row["partition"],
        run_id=row["run_id"],
        run_group=row["run_group"],
        cause=row["cause"],
        is_echo=row["is_echo"],
        materialization=row["materialization"],
        occurred_at=row["occurred_at"],
        observed_at=row["observed_at"],
        began_at=row["began_at"],
        evidence=_evidence(row["evidence"]),
        declared=_declared(row["declared"]),
    )


def _evidence_document(evidence: Evidence) -> Values:
    return {
        "summary": evidence.summary,
        "detail": evidence.detail,
        "facts": dict(evidence.facts),
        "error_class": evidence.error_class,
        "error_signature": evidence.error_signature,
        "not_run": [{"asset": item.asset.key, "because": item.because} for item in evidence.not_run],
        "attribution": document_of(evidence.attribution) if evidence.attribution else None,
    }


def _evidence(document: Row) -> Evidence:
    error_class = document["error_class"]
    return Evidence(
        summary=document["summary"],
        detail=document["detail"],
        facts=MappingProxyType(document["facts"]),
        error_class=ErrorClass(error_class) if error_class is not None else None,
        error_signature=document["error_signature"],
        not_run=tuple(
            NotRun(asset=AssetRef(key=item["asset"]), because=item["because"]) for item in document["not_run"]
        ),
        attribution=attribution_in(document.get("attribution")),  # absent in rows of revision 0001
    )


def _declared_document(declared: Declared | None) -> Values | None:
    if declared is None:
        return None
    said = {"owner": declared.owner, "tier": declared.tier, "runbook": declared.runbook}
    return {**said, "columns": list(declared.columns)}


def _declared(document: Row | None) -> Declared | None:
    if document is None:
        return None
    return Declared(
        owner=document["owner"],
        tier=document["tier"],
        runbook=document["runbook"],
        columns=tuple(document["columns"]),
    )


def _subject_values(subject: Subject) -> Values:
    return {
        "asset": subject.asset.key if subject.asset else None,
        "check_name": subject.check,
        "subject_name": subject.name,
    }


def _subject(asset: str | None, check: str | None, name: str | None) -> Subject:
    return Subject(asset=AssetRef(key=asset) if asset is not None else None, check=check, name=name)
