"""One atomic change of the store, as triage makes it: incidents, alerts and what is owed, or none of them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from incident_ops.adapters.store import attention, digests, findings, metrics, moves, outbox, outbox_rows, rows
from incident_ops.adapters.store.database import chunks, insert_or_ignore, put
from incident_ops.adapters.store.history import SqlHistory, add_facts
from incident_ops.adapters.store.reads import (
    incident_by_number,
    incidents_by_number,
    incidents_selected,
    values_among,
)
from incident_ops.adapters.store.tables import (
    IS_MEMBER_OF_OPEN,
    IS_POST,
    IS_PUSH,
    alerts,
    counters,
    cursors,
    deliveries,
    incidents,
    members,
    timeline,
)
from incident_ops.core.alert import Alert
from incident_ops.core.audience import Entry
from incident_ops.core.delivery import DeliveryStatus
from incident_ops.core.digest import DigestItem
from incident_ops.core.feedback import Taught
from incident_ops.core.findings import Findings
from incident_ops.core.incident import Incident
from incident_ops.core.member import Member
from incident_ops.core.notices import Notice, Told
from incident_ops.core.provenance import Facts
from incident_ops.core.rootcause.recurrence import Earlier
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Severity
from incident_ops.engine.ports import MemberKey, OpenPlace, Unassessed


class SqlTransaction:
    """`engine.ports.Transaction` on a connection that holds the writer's lock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._stored: dict[int, Incident] = {}  # as the rows are now; nobody else writes while we do

    @property
    def history(self) -> SqlHistory:
        return SqlHistory(self._connection)

    def add_facts(self, facts: Facts) -> None:
        add_facts(self._connection, facts)

    def cursor(self, name: str) -> str | None:
        return self._connection.scalar(sa.select(cursors.c.value).where(cursors.c.name == name))

    def save_cursor(self, name: str, value: str, *, now: datetime) -> None:
        put(self._connection, cursors, "name", {"name": name, "value": value, "saved_at": now})

    # ---- what is there

    def known_events(self, event_ids: Collection[str]) -> set[str]:
        return values_among(self._connection, alerts.c.event_id, list(event_ids))

    def related(
        self, *, fingerprints: Collection[str], causes: Collection[str], resolved_since: datetime
    ) -> list[Incident]:
        """Ordered by number. Members carry their incident's state, so that this reads neither the history of
        a fingerprint nor that of the store."""
        recent = members.c.resolved_at >= resolved_since
        numbers: set[int] = set()
        for chunk in chunks(list(fingerprints)):
            of_chunk = sa.select(members.c.incident).where(members.c.fingerprint.in_(chunk))
            numbers.update(self._connection.scalars(of_chunk.where(IS_MEMBER_OF_OPEN)))
            numbers.update(self._connection.scalars(of_chunk.where(recent)))
        for chunk in chunks(list(causes)):
            of_chunk = sa.select(members.c.incident).where(members.c.last_cause.in_(chunk))
            numbers.update(self._connection.scalars(of_chunk.where(sa.or_(IS_MEMBER_OF_OPEN, recent))))
        return self._remember(incidents_by_number(self._connection, sorted(numbers)))

    def open_places(self) -> list[OpenPlace]:
        return moves.open_places(self._connection)

    def alerts_of_member(self, number: int, fingerprint: str, partition: str | None) -> list[Alert]:
        return moves.alerts_of_member(self._connection, number, fingerprint, partition)

    def tally(self, members: Collection[tuple[int, MemberKey]]) -> dict[tuple[int, MemberKey], tuple[int, int]]:
        return moves.tally(self._connection, members)

    def of_run_group(self, run_group: str) -> list[Incident]:
        """Ordered by number."""
        numbers = sa.select(alerts.c.incident).where(alerts.c.run_group == run_group).distinct()
        return self._remember(incidents_selected(self._connection, numbers.order_by(alerts.c.incident)))

    def incident(self, number: int) -> Incident:
        return self._remember([incident_by_number(self._connection, number)])[0]

    def _remember(self, loaded: list[Incident]) -> list[Incident]:
        self._stored.update((incident.number, incident) for incident in loaded)
        return loaded

    # ---- what changes

    def allocate_number(self) -> int:
        return self._next("incident")

    def save(self, incident: Incident) -> Incident:
        stored = self._stored_version_of(incident.number)
        saved = replace(incident, revision=incident.revision + 1, news=())
        row = {**rows.incident_values(saved), "change": self._next("change")}
        same = sa.and_(incidents.c.number == saved.number, incidents.c.revision == incident.revision)
        if stored is None and incident.revision == 0:
            new = {"number": saved.number, **row, "published_revision": 0, "is_shown": False}
            self._connection.execute(sa.insert(incidents).values(new))
        elif self._connection.execute(sa.update(incidents).where(same).values(row)).rowcount != 1:
            there = f"revision {stored.revision}" if stored else "nothing"
            raise RuntimeError(f"{saved.id} was read at revision {incident.revision}, {there} is stored now")
        self._write_members(stored, saved)
        if incident.news:
            news = [rows.entry_values(saved.number, entry) for entry in incident.news]
            self._connection.execute(sa.insert(timeline), news)
        self._stored[saved.number] = saved
        return saved

    def clear_members(self, number: int) -> None:
        moves.clear_members(self._connection, number)
        if number in self._stored:
            self._stored[number] = replace(self._stored[number], members=())

    def move_alerts(self, number: int, member: MemberKey, *, to: int) -> None:
        moves.move_alerts(self._connection, number, member, to=to)

    def hand_over_posts(self, number: int, *, to: int) -> None:
        moves.hand_over_posts(self._connection, number, to=to)

    def withdraw_posts(self, number: int, *, keep: Collection[Destination] = ()) -> None:
        moves.withdraw_posts(self._connection, number, keep=keep)

    def findings(self, number: int) -> Findings | None:
        return findings.findings_of(self._connection, number)

    def save_findings(self, number: int, found: Findings) -> None:
        findings.save_findings(self._connection, number, found)

    def mark_unassessed(self, numbers: Collection[int]) -> None:
        if numbers:
            findings.mark_unassessed(self._connection, numbers, turn=self._next("turn"))

    def mark_assessed(self, done: Unassessed) -> None:
        findings.mark_assessed(self._connection, done)

    def earlier(self, fingerprints: Collection[str], *, since: datetime, than: int) -> list[Earlier]:
        return findings.earlier(self._connection, fingerprints, since=since, than=than)

    def still_told(self) -> Collection[int]:
        return findings.still_told(self._connection)

    def ledger(self, number: int) -> list[Entry]:
        return findings.ledger_of(self._connection, number)

    def still_waiting(self, recipients: Collection[str], *, than: int) -> list[tuple[int, Entry]]:
        return findings.still_waiting(self._connection, recipients, than=than)

    def enter(self, number: int, new: Collection[Entry], *, ended: Collection[Entry]) -> None:
        findings.add_entries(self._connection, number, new)
        findings.end_entries(self._connection, number, ended)

    def hand_over_ledger(self, number: int, *, to: int) -> None:
        findings.hand_over_ledger(self._connection, number, to=to)

    def add_alert(self, alert: Alert, number: int) -> None:
        """An event that was stored before is left alone."""
        insert_or_ignore(self._connection, alerts, rows.alert_values(alert, number))

    def measured_in(self, number: int) -> dict[tuple[str, str], datetime]:
        return metrics.measured_in(self._connection, number)

    def teach(self, lessons: Collection[Taught]) -> None:
        metrics.teach(self._connection, lessons)

    def enqueue(self, notices: Iterable[Notice], *, now: datetime) -> None:
        outbox.enqueue(self._connection, notices, now=now)

    def told(self, number: int) -> dict[Destination, Told]:
        of_incident = deliveries.c.incident == number
        destination = (deliveries.c.kind, deliveries.c.address)
        pushed = (
            sa.select(*destination, sa.func.max(deliveries.c.accepted_at).label("last"))
            .where(of_incident, IS_PUSH, deliveries.c.accepted_at.is_not(None))
            .group_by(*destination)
        )
        last_push = {
            outbox_rows.destination_from(row): row["last"] for row in self._connection.execute(pushed).mappings()
        }
        posts = sa.select(*destination, deliveries.c.status).where(
            of_incident, IS_POST, deliveries.c.status != DeliveryStatus.DEAD
        )
        told: dict[Destination, Told] = {}
        for row in self._connection.execute(posts.order_by(deliveries.c.id)).mappings():
            place = outbox_rows.destination_from(row)
            was_posted = place in told and told[place].is_posted
            told[place] = Told(
                is_posted=was_posted or row["status"] == DeliveryStatus.ACCEPTED, last_push_at=last_push.get(place)
            )
        return told

    def pushes_to(
        self,
        destination: Destination,
        *,
        since: datetime,
        besides: Collection[Severity] = (),
        limit: int | None = None,
    ) -> list[datetime]:
        return outbox.pushes_to(self._connection, destination, since=since, besides=besides, limit=limit)

    # ---- attention

    def attention(self, number: int) -> Mapping[str, Any]:
        return attention.attention_of(self._connection, number)

    def save_attention(self, number: int, state: Mapping[str, Any], *, wake_at: datetime | None) -> None:
        attention.save_attention(self._connection, number, state, wake_at=wake_at)

    def wake(self, numbers: Collection[int], *, at: datetime) -> None:
        attention.wake(self._connection, numbers, at=at)

    def wake_open(self, *, at: datetime) -> None:
        attention.wake_open(self._connection, at=at)

    def join_group(self, key: str, number: int) -> None:
        attention.join_group(self._connection, key, number)

    def leave_groups(self, number: int) -> None:
        attention.leave_groups(self._connection, number)

    def group(self, key: str) -> list[int]:
        return attention.group(self._connection, key)

    def add_to_digest(
        self, destination: Destination, number: int, *, why: str, due_at: datetime, now: datetime
    ) -> None:
        digests.add_to_digest(self._connection, destination, number, why=why, due_at=due_at, now=now)

    def digest_of(self, destination: Destination, *, until: datetime) -> list[DigestItem]:
        return digests.digest_of(self._connection, destination, until=until)

    def mark_digested(self, destination: Destination, *, until: datetime, now: datetime) -> None:
        digests.mark_digested(self._connection, destination, until=until, now=now)

    # ---- the rows themselves

    def _next(self, counter: str) -> int:
        first = {"name": counter, "value": 0}
        insert_or_ignore(self._connection, counters, first)
        of_counter = counters.c.name == counter
        self._connection.execute(sa.update(counters).where(of_counter).values(value=counters.c.value + 1))
        return self._connection.scalars(sa.select(counters.c.value).where(of_counter)).one()

    def _stored_version_of(self, number: int) -> Incident | None:
        if number not in self._stored:
            self._remember(incidents_by_number(self._connection, [number]))
        return self._stored.get(number)

    def _write_members(self, stored: Incident | None, saved: Incident) -> None:
        """Writes what differs: one more alert of an incident with thousands of members is one row."""
        before: tuple[Member, ...] = stored.members if stored else ()
        of_incident = members.c.incident == saved.number
        if [member.key for member in before] != [member.key for member in saved.members[: len(before)]]:
            self._connection.execute(sa.delete(members).where(of_incident))
            before = ()
        if before and stored and _state(stored) != _state(saved):
            state = {"is_open": saved.is_open, "resolved_at": saved.resolved_at}
            self._connection.execute(sa.update(members).where(of_incident).values(state))
        changed: list[dict[str, Any]] = []
        added: list[dict[str, Any]] = []
        for position, member in enumerate(saved.members):
            if position >= len(before):
                added.append(rows.member_values(saved, position, member))
            elif member != before[position]:
                changed.append(rows.member_values(saved, position, member))
        if added:
            self._connection.execute(sa.insert(members), added)
        for row in changed:
            at_position = sa.and_(of_incident, members.c.position == row["position"])
            self._connection.execute(sa.update(members).where(at_position).values(row))


def _state(incident: Incident) -> tuple[bool, datetime | None]:
    return (incident.is_open, incident.resolved_at)
