"""Values for tests, sensible unless told otherwise."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from incident_ops.core.alert import (
    Alert,
    AlertKind,
    AssetRef,
    CheckSeverity,
    Evidence,
    Nature,
    Recovery,
    Subject,
)
from incident_ops.core.incident import Incident, opened
from incident_ops.core.severity import assess

T0 = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

_ids = itertools.count(1)


def minutes(n: float) -> datetime:
    """The moment `n` minutes after the tests' beginning of time."""
    return T0 + timedelta(minutes=n)


def make_alert(
    asset: str | None = "a/b",
    occurred_at: datetime = T0,
    *,
    check: str | None = "not_null",
    name: str | None = None,
    kind: AlertKind | str = AlertKind.CHECK_FAILED,
    nature: Nature | str | None = None,
    summary: str = "12 rows without a price",
    error_signature: str = "",
    **anything: Any,
) -> Alert:
    """An alert on `asset`; kinds that are not about checks have no check unless one is given."""
    kind = AlertKind(kind)
    if kind not in (AlertKind.CHECK_FAILED, AlertKind.CHECK_ERRORED) and check == "not_null":
        check = None
    if nature is None:
        by_kind = {AlertKind.FRESHNESS: Nature.FRESHNESS, AlertKind.CHECK_FAILED: Nature.RULE}
        nature = by_kind.get(kind, Nature.PIPELINE)
    values: dict[str, Any] = {
        "event_id": f"test:{next(_ids)}",
        "kind": kind,
        "nature": Nature(nature),
        "subject": Subject(asset=AssetRef(key=asset) if asset else None, check=check, name=name),
        "occurred_at": occurred_at,
        "observed_at": anything.get("observed_at", occurred_at),
        "evidence": Evidence(summary=summary, error_signature=error_signature),
        "check_severity": CheckSeverity.ERROR,
    }
    return Alert(**(values | anything))


def make_recovery(alert: Alert, occurred_at: datetime | None = None, **anything: Any) -> Recovery:
    """What heals `alert`, five minutes later unless said otherwise."""
    values: dict[str, Any] = {
        "event_id": f"test:{next(_ids)}",
        "fingerprint": alert.fingerprint,
        "occurred_at": occurred_at or alert.occurred_at + timedelta(minutes=5),
        "summary": f"{alert.subject} is healthy again",
        "partition": alert.partition,
    }
    return Recovery(**(values | anything))


def make_incident(number: int = 1, alert: Alert | None = None, **anything: Any) -> Incident:
    """A new incident around `alert`; any field can be replaced."""
    from dataclasses import replace

    alert = alert or make_alert()
    incident = opened(
        number,
        alert,
        assess(check_severity=alert.check_severity, kind=alert.kind, tier=None),
        owner="team:fin",
        labels={"asset": alert.asset.key if alert.asset else "", "owner": "team:fin"},
        backlog=False,
        now=alert.observed_at,
    )
    return replace(incident, **anything)
