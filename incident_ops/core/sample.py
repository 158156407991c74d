"""Incidents that never were: what templates are tried on, and what a test of a receiver sends.

Their number is 0, which no incident has.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from incident_ops.core.alert import Alert, AlertKind, AssetRef, CheckSeverity, Evidence, Nature, Subject
from incident_ops.core.incident import Incident, Root, opened
from incident_ops.core.member import member_of
from incident_ops.core.severity import Assessment, Severity
from incident_ops.core.status import CauseClass, Resolution, Role, Status
from incident_ops.core.trail import Edge

NUMBER = 0
_RUN = "3f0b7c52-5d0e-4c60-9f57-1f6f3f1a9e11"


def trial_of_receiver(name: str, *, environment: str, now: datetime) -> Incident:
    """The mildest incident there is, which says of itself that it is a test.

    Args:
        name: the receiver's.
    """
    alert = Alert(
        event_id="test of a receiver",
        kind=AlertKind.EXTERNAL,
        nature=Nature.RULE,
        subject=Subject(name=f"test of the receiver {name}"),
        occurred_at=now,
        observed_at=now,
        evidence=Evidence(
            summary="A test, sent by incident-ops notify test. Nothing has happened and nothing is to be done.",
            facts={"Receiver": name, "Environment": environment},
        ),
        check_severity=CheckSeverity.WARN,
    )
    mildest = Assessment(severity=Severity.SEV3, reasons=("a test",))
    labels = {"environment": environment, "source": "test", "name": "test"}
    incident = opened(NUMBER, alert, mildest, owner=None, labels=labels, backlog=False, now=now)
    return replace(incident, title=f"TEST of the receiver {name}")


def bare_incident(now: datetime) -> Incident:
    """One of which as little is known as can be."""
    alert = Alert(
        event_id="sample",
        kind=AlertKind.EXTERNAL,
        nature=Nature.PIPELINE,
        subject=Subject(name="nightly import"),
        occurred_at=now,
        observed_at=now,
        evidence=Evidence(summary=""),
        check_severity=CheckSeverity.ERROR,
    )
    known = Assessment(severity=Severity.SEV2, reasons=())
    return opened(NUMBER, alert, known, owner=None, labels={}, backlog=False, now=now)


def full_incident(now: datetime) -> Incident:
    """One of which everything is known, even that it was announced, merged and solved: no field is empty."""
    began = now - timedelta(hours=2)
    first = _failure("marts/revenue_daily", "not_null_amount", began, partition="2026-11-20")
    second = _failure("marts/orders", "row_count", began + timedelta(minutes=5), partition="2026-11-20")
    known = Assessment(severity=Severity.SEV1, reasons=("an ERROR on a gold asset", "two dashboards are hit"))
    labels = {
        "environment": "production",
        "source": "dagster",
        "asset": "marts/revenue_daily",
        "check": "not_null_amount",
        "partition": "2026-11-20",
        "team": "fin",
        "owner": "team:fin",
        "tier": "gold",
        "domain": "finance",
        "group": "marts",
    }
    incident = opened(NUMBER, first, known, owner="team:fin", labels=labels, backlog=False, now=began)
    downstream = replace(member_of(second), hops=1, edge=Edge.POINTER, healthy_at=now)
    subject = replace(first.subject, name="revenue")
    return replace(
        incident,
        root=Root(subject=subject, partition=first.partition, materialization=41_207, run_id=_RUN),
        members=(replace(incident.members[0], subject=subject, healthy_at=now, edge=Edge.POINTER), downstream),
        status=Status.RESOLVED,
        resolution=Resolution.FIXED,
        resolved_at=now,
        acknowledged_at=began + timedelta(minutes=9),
        cause_class=CauseClass.CODE,
        assignee="erin@acme.test",
        responders=("erin@acme.test", "otto@acme.test"),
        roles={Role.COMMANDER: "erin@acme.test", Role.COMMUNICATOR: "lea@acme.test"},
        alert_count=14,
        failure_count=12,
        flaky=True,
        reopened=1,
        not_run=("marts/forecast",),
        runbook="https://wiki.acme.test/revenue",
        excuse="announced as the November sale",
        merged_into=3,
        merged_from=(5, 6),
    )


def _failure(asset: str, check: str, at: datetime, *, partition: str) -> Alert:
    return Alert(
        event_id=f"sample:{asset}",
        kind=AlertKind.CHECK_FAILED,
        nature=Nature.FIELD_HEALTH,
        subject=Subject(asset=AssetRef(key=asset), check=check),
        occurred_at=at,
        observed_at=at + timedelta(minutes=1),
        evidence=Evidence(
            summary="412 of 10,240 rows have no amount",
            detail="amount is null where channel = tiktok\namount is null where country = US",
            facts={"Rows": "10,240", "Null rows": "412"},
        ),
        check_severity=CheckSeverity.ERROR,
        partition=partition,
        run_id=_RUN,
        materialization=41_207,
    )
