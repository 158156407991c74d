"""Rows of the outbox and the inbox ↔ deliveries, receipts, circuits and messages. The rest is in `rows`."""

from datetime import datetime

from incident_ops.adapters.store.rows import Row, Values
from incident_ops.core.circuit import Circuit
from incident_ops.core.delivery import Delivery, DeliveryStatus, Receipt
from incident_ops.core.notices import Action, Notice
from incident_ops.core.routing import Destination
from incident_ops.engine.ports import InboxMessage


def notice_values(notice: Notice, now: datetime) -> Values:
    """A new row of the outbox, due at once."""
    return {
        "key": notice.key,
        "incident": notice.number,
        "kind": notice.destination.kind,
        "address": notice.destination.address,
        "action": notice.action,
        "text": notice.text,
        "pushes": notice.pushes,
        "status": DeliveryStatus.PENDING,
        "attempts": 0,
        "created_at": now,
        "updated_at": now,
        "not_before": now,
        "error": "",
        "fate_unknown": False,
    }


def delivery_from(row: Row, post: Row | None) -> Delivery:
    """`post`: the accepted post of the same incident at the same destination."""
    is_post = row["action"] == Action.POST
    return Delivery(
        id=row["id"],
        key=row["key"],
        number=row["incident"],
        destination=destination_from(row),
        action=Action(row["action"]),
        text=row["text"],
        pushes=row["pushes"],
        status=DeliveryStatus(row["status"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        not_before=row["not_before"],
        accepted_at=row["accepted_at"],
        error=row["error"],
        fate_unknown=row["fate_unknown"],
        receipt=receipt_from(row),
        thread=receipt_from(post) if post is not None and not is_post else None,
        note=row["text"] if is_post else post["text"] if post is not None else "",
        moved_at=row["moved_at"],
    )


def circuit_from(row: Row) -> Circuit:
    return Circuit(
        failures=row["failures"],
        open_until=row["open_until"],
        probe=row["probe"],
        needs_person=row["needs_person"],
        error=row["error"],
        died_at=row["died_at"],
        died_of=row["died_of"],
        well_at=row["well_at"],
    )


def circuit_values(circuit: Circuit, now: datetime) -> Values:
    return {
        "failures": circuit.failures,
        "open_until": circuit.open_until,
        "probe": circuit.probe,
        "needs_person": circuit.needs_person,
        "error": circuit.error,
        "died_at": circuit.died_at,
        "died_of": circuit.died_of,
        "well_at": circuit.well_at,
        "updated_at": now,
    }


def destination_from(row: Row) -> Destination:
    return Destination(kind=row["kind"], address=row["address"])


def receipt_from(row: Row) -> Receipt | None:
    if row["receipt_message"] is None:
        return None
    return Receipt(channel=row["receipt_channel"], message=row["receipt_message"])


def inbox_message_from(row: Row) -> InboxMessage:
    return InboxMessage(
        key=row["key"],
        incident=row["incident_id"],
        to=row["recipient"],
        headline=row["headline"],
        text=row["text"],
        thread=row["thread"],
        at=row["at"],
        edited_at=row["edited_at"],
    )
