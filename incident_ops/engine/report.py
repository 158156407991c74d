"""What is told of incidents to those who ask: records for machines, drawn from the store."""

from datetime import datetime
from typing import Any

from incident_ops.core.catalog import Catalog
from incident_ops.core.delivery import Delivery
from incident_ops.core.incident import Incident
from incident_ops.core.record import attribution_record, incident_record, utc_text
from incident_ops.engine.ports import InboxMessage, Store

MOST_ALERTS = 50
MOST_LOOKED_THROUGH = 500
"""For what explains the failing rows: the root may have fired once, and what is downstream often since."""


def story_of(store: Store, incident: Incident, *, now: datetime) -> dict[str, Any]:
    """The incident with its evidence, timeline and deliveries, as JSON has it."""
    found = store.findings(incident.number)
    alerts = store.alerts(incident.number, limit=MOST_LOOKED_THROUGH)
    return {
        **incident_record(incident),
        "merged_at_last_into": _survivor_of(store, incident),
        "suspects": list(found.suspects) if found else [],
        "looked_at": list(found.looked_at) if found else [],
        "impact": dict(found.impact) if found else _NO_IMPACT,
        "forecast": list(found.forecast) if found else [],
        "audience": audience_of(store, incident),
        "attribution": attribution_record(incident, alerts),
        "alerts": [
            {
                "event_id": alert.event_id,
                "kind": alert.kind,
                "run_id": alert.run_id,
                "materialization": alert.materialization,
                "occurred_at": utc_text(alert.occurred_at),
                "summary": alert.evidence.summary,
            }
            for alert in alerts[-MOST_ALERTS:]
        ],
        "timeline": [
            {"at": utc_text(e.at), "kind": e.kind, "text": e.text, "by": e.by}
            for e in store.timeline(incident.number)
        ],
        "deliveries": [_delivery(delivery) for delivery in store.deliveries(incident.number)],
        "catalog": catalog_record(store.catalog(), store, now=now),
    }


def catalog_record(catalog: Catalog, store: Store, *, now: datetime) -> dict[str, Any]:
    """How far the catalog can be trusted, as JSON has it: when and where it was read, and why not since."""
    age = catalog.age(now)
    return {
        "fetched_at": utc_text(catalog.fetched_at),
        "age_seconds": int(age.total_seconds()) if age is not None else None,
        "source": store.value("catalog source"),
        "trouble": store.value("catalog trouble") or None,
    }


_NO_IMPACT: dict[str, Any] = {"tainted": [], "at_risk": [], "healed": [], "consumers": [], "viewers": []}


def _survivor_of(store: Store, incident: Incident) -> str | None:
    """Where everything goes on that was in it: who took it in may have been taken in itself."""
    if incident.merged_into is None:
        return None
    last = incident
    while last.merged_into is not None:
        last = store.incident(last.merged_into)
    return last.id


def audience_of(store: Store, incident: Incident) -> list[dict[str, Any]]:
    """Who was told of the incident's data, in order."""
    return [
        {
            "recipient": entry.recipient,
            "kind": str(entry.kind),
            "at": utc_text(entry.at),
            "ended_at": utc_text(entry.ended_at),
            "text": entry.text,
        }
        for entry in store.ledger(incident.number)
    ]


def message_record(message: InboxMessage) -> dict[str, Any]:
    """A message of the inbox, as JSON has it. A reply's `thread` is the key of its post."""
    return {
        "key": message.key,
        "incident": message.incident,
        "to": message.to,
        "headline": message.headline,
        "text": message.text,
        "thread": message.thread,
        "at": utc_text(message.at),
        "edited_at": utc_text(message.edited_at),
    }


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "to": str(delivery.destination),
        "action": delivery.action,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "created_at": utc_text(delivery.created_at),
        "accepted_at": utc_text(delivery.accepted_at),
        "not_before": utc_text(delivery.not_before),
        "error": delivery.error or None,
        "key": delivery.key,
    }
