"""Values that tests of the store share: complete ones, and the short way to write an incident down."""

from datetime import timedelta
from types import MappingProxyType
from typing import Any

from incident_ops.adapters.store import SqlStore
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
from incident_ops.core.attribution.cube import Slice
from incident_ops.core.attribution.record import Attribution
from incident_ops.core.declared import Declared
from incident_ops.core.incident import Incident, Root
from incident_ops.core.member import Member
from incident_ops.core.notices import Action, Notice
from incident_ops.core.provenance import Ref
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Priority, Severity
from incident_ops.core.status import CauseClass, EntryKind, Resolution, Role, Status, TimelineEntry
from incident_ops.core.trail import Edge
from incident_ops_tests.builders import make_alert, make_incident, minutes

SLACK = Destination(kind="slack", address="#orders")
MAIL = Destination(kind="email", address="ana@example.com")
LEASE = timedelta(minutes=1)

DECLARED = Declared(
    owner="team:orders", tier="gold", runbook="https://wiki.example.com/orders", columns=("amount", "größe")
)

COMPLETE_ALERT = Alert(
    event_id="dagster:17:1763629200.25",
    kind=AlertKind.RUN_FAILED,
    nature=Nature.PIPELINE,
    subject=Subject(asset=AssetRef(key="shop/orders"), check="unique", name="nightly"),
    occurred_at=minutes(1) + timedelta(microseconds=1),
    observed_at=minutes(2),
    evidence=Evidence(
        summary="“ungültig” — 3 rows",
        detail="line one\nline two\t🦆",
        facts=MappingProxyType({"zeta": "1", "alpha": "2", "mid": "3"}),
        error_class=ErrorClass.USER_CODE,
        error_signature="ValueError:x",
        not_run=(NotRun(asset=AssetRef(key="shop/daily"), because="shop/orders"),),
        attribution=Attribution(
            slices=(Slice(conditions={"channel": "tiktok", "app": "7.2"}, explained=0.98, score=0.9, share=0.02),),
            dimensions=("channel", "app", "country"),
            withheld=1,
        ),
    ),
    check_severity=CheckSeverity.WARN,
    family="run",
    partition="2026-11-20",
    run_id="run-2",
    run_group="run-1",
    cause="run-2/build_orders",
    is_echo=True,
    materialization=2**40,
    began_at=minutes(-90),
    declared=DECLARED,
)

COMPLETE_INCIDENT = Incident(
    number=7,
    title="shop/orders: failed to build",
    status=Status.RESOLVED,
    severity=Severity.SEV1,
    severity_reasons=("the detector's severity is ERROR", "tier gold"),
    priority=Priority.P1,
    nature=Nature.SCHEMA,
    root=Root(
        subject=Subject(asset=AssetRef(key="shop/orders"), check="unique", name="nightly"),
        partition="2026-11-20",
        materialization=2**40,
        run_id="run-2",
    ),
    members=(
        Member(
            fingerprint="run|shop/orders",
            subject=Subject(asset=AssetRef(key="shop/orders"), check="unique", name="nightly"),
            kind=AlertKind.NOT_MATERIALIZED,
            nature=Nature.PIPELINE,
            partition="2026-11-20",
            check_severity=CheckSeverity.WARN,
            first_fired_at=minutes(1),
            last_fired_at=minutes(3),
            materialization=4711,
            origin=Ref(asset="shop/raw", id=4242),
            edge=Edge.POINTER,
            last_cause="run-2/build_orders",
            hops=2,
            healthy_at=minutes(8),
            declared=DECLARED,
        ),
        Member(
            fingerprint="freshness|shop/daily",
            subject=Subject(asset=AssetRef(key="shop/daily")),
            kind=AlertKind.FRESHNESS,
            nature=Nature.FRESHNESS,
            partition=None,
            check_severity=CheckSeverity.ERROR,
            first_fired_at=minutes(4),
            last_fired_at=minutes(4),
        ),
    ),
    started_at=minutes(-90),
    detected_at=minutes(2),
    updated_at=minutes(9),
    cause_class=CauseClass.OPERATIONAL,
    severity_by="ana",
    owner="team:fin",
    merged_into=12,
    merged_from=(5, 9),
    grouped_by="ana",
    runbook="https://wiki.example.com/orders",
    excuse="expected event black friday",
    assignee="bob",
    responders=("ana@example.com", "bob@example.com"),
    roles=MappingProxyType({Role.COMMANDER: "ana@example.com"}),
    resolution=Resolution.FALSE_POSITIVE,
    acknowledged_at=minutes(4),
    resolved_at=minutes(9),
    alert_count=4_000,
    failure_count=3_900,
    flaky=True,
    backlog=True,
    reopened=3,
    labels=MappingProxyType({"tier": "gold", "asset": "shop/orders"}),
    error_signature="ValueError:x",
    summary="3 rows",
    detail="a long\nstory",
    facts=MappingProxyType({"zeta": "1", "alpha": "2"}),
    not_run=("shop/daily (not run: upstream shop/orders)",),
    news=(TimelineEntry(at=minutes(9), kind=EntryKind.NOTE, text="looked at it", by="ana"),),
)


def opened_for(store: SqlStore, asset: str | None, *, resolved: bool = False, **anything: Any) -> Incident:
    """A stored incident about a failed check on `asset`, with its alert."""
    alert = make_alert(asset, **anything)
    with store.transaction() as tx:
        incident = make_incident(tx.allocate_number(), alert)
        if resolved:
            incident = incident.resolved(at=alert.occurred_at + timedelta(minutes=1))
        saved = tx.save(incident)
        tx.add_alert(alert, saved.number)
    return saved


def notice(number: int | None, action: Action, key: str, to: Destination = SLACK, **anything: Any) -> Notice:
    return Notice(key=key, number=number, destination=to, action=action, **anything)


def owe(store: SqlStore, *notices: Notice, at: float = 0) -> None:
    with store.transaction() as tx:
        tx.enqueue(notices, now=minutes(at))
