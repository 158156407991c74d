"""Which incidents changed since they were last shown as assets, and which need no longer be shown."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from incident_ops.adapters.store.database import Database
from incident_ops.adapters.store.reads import incidents_selected
from incident_ops.adapters.store.tables import IS_SHOWN, IS_UNPUBLISHED
from incident_ops.adapters.store.tables import incidents as table
from incident_ops.core.incident import Incident


class SqlPublications:
    """`engine.ports.Publications`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def unpublished(self, *, limit: int) -> list[Incident]:
        """The one whose change is oldest comes first."""
        changed = sa.select(table.c.number).where(IS_UNPUBLISHED).order_by(table.c.change).limit(limit)
        with self._database.reading() as connection:
            return incidents_selected(connection, changed)

    def mark_published(self, incidents: Iterable[Incident]) -> None:
        with self._database.writing() as connection:
            for incident in incidents:
                is_no_older = sa.and_(
                    table.c.number == incident.number, table.c.published_revision <= incident.revision
                )
                values = {"published_revision": incident.revision, "is_shown": True}
                connection.execute(sa.update(table).where(is_no_older).values(values))

    def to_retire(self, *, resolved_before: datetime, limit: int) -> list[Incident]:
        """The one that ended first comes first. What changed since it was shown is shown once more before."""
        ended = (
            sa.select(table.c.number)
            .where(
                IS_SHOWN,
                table.c.resolved_at < resolved_before,
                table.c.published_revision == table.c.revision,
            )
            .order_by(table.c.resolved_at)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return incidents_selected(connection, ended)

    def mark_retired(self, incidents: Iterable[Incident]) -> None:
        with self._database.writing() as connection:
            for incident in incidents:
                is_it = table.c.number == incident.number
                connection.execute(sa.update(table).where(is_it).values(is_shown=False))
