"""The store on SQLite or PostgreSQL: `open_store(url)`.

`SqlStore` is put together from parts (the outbox, the publications, the silences …), each in a file of its own;
here are opening and closing, transactions, and plain reading.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Self

import sqlalchemy as sa
from sqlalchemy.engine import URL

from incident_ops.adapters.store import findings, migrate, rows
from incident_ops.adapters.store.answers import SqlAnswers
from incident_ops.adapters.store.attention import SqlAttention
from incident_ops.adapters.store.catalogs import SqlCatalogs
from incident_ops.adapters.store.database import Database, put
from incident_ops.adapters.store.digests import SqlDigests
from incident_ops.adapters.store.history import SqlHistory
from incident_ops.adapters.store.inbox import SqlInbox
from incident_ops.adapters.store.metrics import SqlLessons
from incident_ops.adapters.store.observed import SqlObserved
from incident_ops.adapters.store.outbox import SqlOutbox
from incident_ops.adapters.store.publications import SqlPublications
from incident_ops.adapters.store.reads import (
    OPEN_STATUSES,
    incident_by_number,
    incident_of_message,
    incidents_selected,
    values_among,
)
from incident_ops.adapters.store.recorded import recorded
from incident_ops.adapters.store.silences import SqlSilences
from incident_ops.adapters.store.tables import (
    IS_ANNOUNCED,
    IS_OPEN_WITHOUT_OWNER,
    IS_RECOVERED_AND_OPEN,
    alerts,
    cursors,
    incidents,
    named_values,
    timeline,
)
from incident_ops.adapters.store.transaction import SqlTransaction
from incident_ops.core.alert import Alert
from incident_ops.core.audience import Entry
from incident_ops.core.findings import Findings
from incident_ops.core.incident import Incident
from incident_ops.core.status import Status, TimelineEntry
from incident_ops.engine.ports import Transaction, Unassessed
from incident_ops.engine.ports.simulation import Recorded


def open_store(url: str | URL) -> "SqlStore":
    """The store at `url`, ready for use: `sqlite:////path/to/file.db` (created when it is not there) or
    `postgresql+psycopg://user@host/database` (migrated before by `incident-ops db upgrade`).

    Raises:
        StoreUnavailable: it cannot be reached, is not migrated, or is newer than this code; the sentence says
            which, names the URL without its password, and the remedy.
    """
    database = Database(url)
    try:
        migrate.prepare(database)
    except BaseException:
        database.dispose()
        raise
    return SqlStore(database)


class SqlStore(
    SqlOutbox,
    SqlPublications,
    SqlInbox,
    SqlCatalogs,
    SqlObserved,
    SqlLessons,
    SqlAttention,
    SqlSilences,
    SqlDigests,
    SqlAnswers,
):
    """`engine.ports.Store`. May be shared by threads; close it with `dispose`, or use it in `with`."""

    def __init__(self, database: Database) -> None:
        SqlCatalogs.__init__(self, database)

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self._database.name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.dispose()

    def dispose(self) -> None:
        """Close the connections."""
        self._database.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Committed at the end of the block, undone by an exception. Not to be nested within one thread."""
        with self._database.writing() as connection:
            yield SqlTransaction(connection)

    @contextmanager
    def looking_back(self) -> Iterator[SqlHistory]:
        with self._database.reading() as connection:
            yield SqlHistory(connection)

    # ---- incidents

    def incident(self, number: int) -> Incident:
        with self._database.reading() as connection:
            return incident_by_number(connection, number)

    def incidents(self, *, statuses: Collection[Status] | None = None, limit: int | None = None) -> list[Incident]:
        numbers = sa.select(incidents.c.number).order_by(incidents.c.number.desc()).limit(limit)
        if statuses is not None:
            numbers = numbers.where(incidents.c.status.in_(sorted(statuses)))
        with self._database.reading() as connection:
            return incidents_selected(connection, numbers)

    def incident_of_message(self, channel: str, message: str) -> int | None:
        with self._database.reading() as connection:
            return incident_of_message(connection, channel, message)

    def recovered_and_open(self) -> list[Incident]:
        return self._open_ones(IS_RECOVERED_AND_OPEN)

    def announced(self, *, since: datetime) -> list[Incident]:
        recent = sa.select(incidents.c.number).where(IS_ANNOUNCED, incidents.c.resolved_at >= since)
        with self._database.reading() as connection:
            return incidents_selected(connection, recent.order_by(incidents.c.resolved_at.desc()))

    def open_without_owner(self) -> list[Incident]:
        return self._open_ones(IS_OPEN_WITHOUT_OWNER)

    def firing_labels(self) -> list[tuple[int, Mapping[str, str]]]:
        changing = {
            name: incidents.c[name] for name in ("status", "severity", "priority", "nature", "cause_class")
        }
        open_ones = sa.select(incidents.c.number, incidents.c.labels, *changing.values()).where(
            incidents.c.status.in_(OPEN_STATUSES), incidents.c.merged_into.is_(None)
        )
        with self._database.reading() as connection:
            found = connection.execute(open_ones.order_by(incidents.c.number)).mappings().all()
        return [
            (row["number"], {**row["labels"], **{name: row[name] for name in changing if row[name]}})
            for row in found
        ]

    def _open_ones(self, condition: sa.ColumnElement[bool]) -> list[Incident]:
        numbers = sa.select(incidents.c.number).where(condition).order_by(incidents.c.number)
        with self._database.reading() as connection:
            return incidents_selected(connection, numbers)

    def next_unassessed(self) -> Unassessed | None:
        with self._database.reading() as connection:
            return findings.next_unassessed(connection)

    def findings(self, number: int) -> Findings | None:
        with self._database.reading() as connection:
            return findings.findings_of(connection, number)

    def ledger(self, number: int) -> list[Entry]:
        with self._database.reading() as connection:
            return findings.ledger_of(connection, number)

    def timeline(self, number: int) -> list[TimelineEntry]:
        """In the order in which it was written."""
        with self._database.reading() as connection:
            entries = sa.select(timeline).where(timeline.c.incident == number).order_by(timeline.c.id)
            return [rows.entry_from(row) for row in connection.execute(entries).mappings()]

    def alerts(self, number: int, *, limit: int) -> list[Alert]:
        newest = (
            sa.select(alerts)
            .where(alerts.c.incident == number)
            .order_by(alerts.c.occurred_at.desc(), alerts.c.event_id.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [rows.alert_from(row) for row in connection.execute(newest).mappings()][::-1]

    def known_events(self, event_ids: Collection[str]) -> set[str]:
        with self._database.reading() as connection:
            return values_among(connection, alerts.c.event_id, list(event_ids))

    def runs_with_alerts(self, run_ids: Collection[str]) -> set[str]:
        with self._database.reading() as connection:
            return values_among(connection, alerts.c.run_id, list(run_ids))

    def recorded(self, *, since: datetime) -> Recorded:
        with self._database.reading() as connection:
            return recorded(connection, since=since)

    # ---- cursors and named values

    def cursor(self, name: str) -> str | None:
        with self._database.reading() as connection:
            return connection.scalar(sa.select(cursors.c.value).where(cursors.c.name == name))

    def value(self, name: str) -> str | None:
        with self._database.reading() as connection:
            return connection.scalar(sa.select(named_values.c.value).where(named_values.c.name == name))

    def set_value(self, name: str, value: str, *, now: datetime) -> None:
        with self._database.writing() as connection:
            put(connection, named_values, "name", {"name": name, "value": value, "set_at": now})

    def values(self, prefix: str) -> Mapping[str, tuple[str, datetime]]:
        # Not LIKE: it ignores case on SQLite.
        begins = sa.func.substr(named_values.c.name, 1, len(prefix)) == prefix
        with self._database.reading() as connection:
            found = connection.execute(sa.select(named_values).where(begins).order_by(named_values.c.name))
            return {row["name"]: (row["value"], row["set_at"]) for row in found.mappings()}
