"""A store for one simulation, kept in plain dictionaries: through SQL it takes some thirty times as long.

What triage and timers do not ask for is read from empty tables. What is owed is accepted by `accept`, so that
nothing can leave it.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.pool import StaticPool

from incident_ops.adapters.store.database import Database
from incident_ops.adapters.store.simulated_state import SimulatedState, is_digest
from incident_ops.adapters.store.sql import SqlStore
from incident_ops.adapters.store.tables import metadata
from incident_ops.core.findings import Findings
from incident_ops.core.incident import Incident
from incident_ops.core.notices import Action
from incident_ops.core.routing import Destination
from incident_ops.core.status import Status
from incident_ops.engine.ports import Transaction, Unassessed
from incident_ops.engine.ports.simulation import Outcome, Rung


class SimulatedStore(SqlStore):
    """`engine.ports.simulation.Trial`. For one thread; empty at first, and gone when it is closed."""

    def __init__(self) -> None:
        database = _Empty()
        super().__init__(database)
        self._held = SimulatedState(database.connection)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        yield self._held

    def incident(self, number: int) -> Incident:
        return self._held.incident(number)

    def incidents(self, *, statuses: Collection[Status] | None = None, limit: int | None = None) -> list[Incident]:
        wanted = [i for i in self._held.incidents.values() if statuses is None or i.status in statuses]
        return sorted(wanted, key=lambda incident: -incident.number)[:limit]

    def recovered_and_open(self) -> list[Incident]:
        return [incident for incident in self._held.open_ones() if not incident.firing]

    def firing_labels(self) -> list[tuple[int, Mapping[str, str]]]:
        return [(i.number, i.labels) for i in self._held.open_ones() if i.merged_into is None]

    def findings(self, number: int) -> Findings | None:
        return self._held.findings(number)

    def next_unassessed(self) -> Unassessed | None:
        marked = self._held.unassessed
        number = min(marked, key=lambda each: (marked[each], each), default=None)
        return Unassessed(number=number, turn=marked[number]) if number is not None else None

    def value(self, name: str) -> str | None:
        return self._held.named[name][0] if name in self._held.named else None

    def set_value(self, name: str, value: str, *, now: datetime) -> None:
        self._held.named[name] = (value, now)

    def values(self, prefix: str) -> Mapping[str, tuple[str, datetime]]:
        return {name: value for name, value in sorted(self._held.named.items()) if name.startswith(prefix)}

    # ---- by the clock

    def to_attend(self, *, now: datetime, limit: int) -> list[int]:
        due = [(at, number) for number, at in self._held.wake_at.items() if at <= now]
        return [number for _, number in sorted(due)[:limit]]

    def next_wake(self) -> datetime | None:
        return min(self._held.wake_at.values(), default=None)

    def digests_due(self, *, now: datetime) -> list[Destination]:
        return sorted({place for (place, _), item in self._held.digest.items() if item.due_at <= now})

    def next_digest(self) -> datetime | None:
        return min((item.due_at for item in self._held.digest.values()), default=None)

    # ---- of a simulation

    def incidents_of(self, event_ids: Collection[str]) -> dict[str, int]:
        homes = self._held.home_of
        return {event_id: homes[event_id] for event_id in event_ids if event_id in homes}

    def accept(self, *, now: datetime) -> None:
        for owed in self._held.waiting:
            owed.accepted_at = now
        self._held.waiting.clear()

    def outcome(self) -> Outcome:
        owed = self._held.owed
        return Outcome(
            rung=tuple(
                Rung(
                    destination=each.notice.destination,
                    at=each.accepted_at,
                    number=each.number,
                    is_page=":page:" in each.notice.key,
                )
                for each in owed
                if each.notice.pushes and each.accepted_at is not None
            ),
            incidents=sum(incident.merged_into is None for incident in self._held.incidents.values()),
            posts=sum(each.notice.action is Action.POST for each in owed),
            digests=sum(is_digest(each.notice) for each in owed),
            digest_lines=self._held.digested,
            suppressed=tuple(self._held.suppressed),
        )


class _Empty(Database):
    """Empty tables in memory, on one connection."""

    def __init__(self) -> None:
        super().__init__("sqlite:////simulation")  # what messages would call it; nothing is opened there
        engine = sa.create_engine("sqlite://", poolclass=StaticPool, hide_parameters=True)
        metadata.create_all(engine)
        self.connection = engine.connect()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        yield self.connection

    def dispose(self) -> None:
        self.connection.close()
        self.connection.engine.dispose()
        super().dispose()
