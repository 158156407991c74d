"""What was found out about incidents, and the ledger of who was told of their data."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from incident_ops.adapters.store.database import put
from incident_ops.adapters.store.tables import IS_STILL_TOLD, audience, findings, incidents, members, unassessed
from incident_ops.core.audience import AudienceKind, Entry
from incident_ops.core.findings import Findings
from incident_ops.core.rootcause.recurrence import Earlier
from incident_ops.core.status import Resolution
from incident_ops.engine.ports import Unassessed

_MOST_EARLIER = 50
"""Of one fingerprint: who reads of the 51st time in 30 days needs no exact count."""

_OF_EXCHANGE = 1_000
"""Rounds of entries that came with a merged incident begin here, so that they never meet the others'."""


def save_findings(connection: Connection, number: int, found: Findings) -> None:
    row = {
        "incident": number,
        "at": found.at,
        "suspects": {"suspects": list(found.suspects), "looked_at": list(found.looked_at)},
        "impact": dict(found.impact),
        "forecast": list(found.forecast),
    }
    put(connection, findings, "incident", row)


def findings_of(connection: Connection, number: int) -> Findings | None:
    return findings_by_number(connection, [number]).get(number)


def findings_by_number(connection: Connection, numbers: Collection[int]) -> dict[int, Findings]:
    rows = connection.execute(sa.select(findings).where(findings.c.incident.in_(numbers))).mappings()
    return {
        row["incident"]: Findings(
            at=row["at"],
            suspects=row["suspects"]["suspects"],
            looked_at=row["suspects"]["looked_at"],
            impact=row["impact"],
            forecast=row["forecast"],
        )
        for row in rows
    }


def mark_unassessed(connection: Connection, numbers: Collection[int], *, turn: int) -> None:
    for number in sorted(numbers):
        put(connection, unassessed, "incident", {"incident": number, "turn": turn})


def next_unassessed(connection: Connection) -> Unassessed | None:
    row = connection.execute(
        sa.select(unassessed).order_by(unassessed.c.turn, unassessed.c.incident).limit(1)
    ).first()
    return Unassessed(number=row[0], turn=row[1]) if row else None


def mark_assessed(connection: Connection, done: Unassessed) -> None:
    """Unless it was marked again meanwhile."""
    same = sa.and_(unassessed.c.incident == done.number, unassessed.c.turn == done.turn)
    connection.execute(sa.delete(unassessed).where(same))


def earlier(connection: Connection, fingerprints: Collection[str], *, since: datetime, than: int) -> list[Earlier]:
    """Other incidents with one of the fingerprints that were detected since, the newest `_MOST_EARLIER` of each;
    merged ones left out."""
    numbers: set[int] = set()
    for fingerprint in sorted(fingerprints):
        ended = sa.select(members.c.incident).where(
            members.c.fingerprint == fingerprint, members.c.resolved_at >= since
        )
        numbers.update(connection.scalars(ended.order_by(members.c.resolved_at.desc()).limit(_MOST_EARLIER)))
    numbers.discard(than)
    found = sa.select(incidents).where(
        incidents.c.number.in_(sorted(numbers)),
        incidents.c.merged_into.is_(None),
        incidents.c.detected_at >= since,
    )
    return [
        Earlier(
            id=f"INC-{row['number']}",
            detected_at=row["detected_at"],
            resolved_at=row["resolved_at"],
            resolution=Resolution(row["resolution"]) if row["resolution"] is not None else None,
        )
        for row in connection.execute(found.order_by(incidents.c.number)).mappings()
    ]


def ledger_of(connection: Connection, number: int) -> list[Entry]:
    """In the order in which it was written."""
    entries = sa.select(audience).where(audience.c.incident == number).order_by(audience.c.id)
    return [_entry_from(row) for row in connection.execute(entries).mappings()]


def still_waiting(connection: Connection, recipients: Collection[str], *, than: int) -> list[tuple[int, Entry]]:
    """Starts and holds to these recipients that have no end, of other incidents; the oldest incident first."""
    waiting = sa.select(audience).where(IS_STILL_TOLD, audience.c.incident != than)
    return [
        (row["incident"], _entry_from(row))
        for row in connection.execute(waiting.order_by(audience.c.incident, audience.c.id)).mappings()
        if row["recipient"] in recipients
    ]


def add_entries(connection: Connection, number: int, entries: Iterable[Entry]) -> None:
    rows = [{"incident": number, **_entry_values(entry)} for entry in entries]
    if rows:
        connection.execute(sa.insert(audience), rows)


def end_entries(connection: Connection, number: int, entries: Iterable[Entry]) -> None:
    for entry in entries:
        same = sa.and_(
            audience.c.incident == number,
            audience.c.recipient == entry.recipient,
            audience.c.kind == entry.kind,
            audience.c.round == entry.round,
        )
        connection.execute(sa.update(audience).where(same).values(ended_at=entry.ended_at))


def hand_over_ledger(connection: Connection, number: int, *, to: int) -> None:
    """The entries of a merged incident are the other's from now on: whoever was told hears the end from there."""
    rounds = audience.c.round + _OF_EXCHANGE * number
    of_number = sa.update(audience).where(audience.c.incident == number)
    connection.execute(of_number.values(incident=to, round=rounds))


def still_told(connection: Connection) -> Collection[int]:
    """Numbers of incidents that are over, and of which somebody has not heard the end."""
    numbers = (
        sa.select(audience.c.incident)
        .join(incidents, incidents.c.number == audience.c.incident)
        .where(IS_STILL_TOLD, incidents.c.is_open.is_(sa.false()))
        .distinct()
        .order_by(audience.c.incident)
    )
    return connection.scalars(numbers).all()


def _entry_values(entry: Entry) -> dict[str, Any]:
    return {
        "recipient": entry.recipient,
        "kind": entry.kind,
        "round": entry.round,
        "at": entry.at,
        "text": entry.text,
        "ended_at": entry.ended_at,
    }


def _entry_from(row: Any) -> Entry:
    return Entry(
        recipient=row["recipient"],
        kind=AudienceKind(row["kind"]),
        round=row["round"],
        at=row["at"],
        text=row["text"],
        ended_at=row["ended_at"],
    )
