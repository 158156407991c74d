"""What people answered when they resolved incidents, by the check that had raised them."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from incident_ops.adapters.store.database import Database, chunks
from incident_ops.adapters.store.tables import IS_CLASSIFIED, incidents, members
from incident_ops.core.status import Resolution

_Check = tuple[str, str]


class SqlAnswers:
    """The part of `engine.ports.Store` that knows how good the detectors are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def classified(self, *, limit_per_detector: int, since: datetime) -> dict[_Check, list[Resolution]]:
        """Costs by what was answered since."""
        answered = (
            sa.select(incidents.c.number, incidents.c.root_asset, incidents.c.root_check, incidents.c.resolution)
            .where(IS_CLASSIFIED, incidents.c.resolved_at >= since)
            .order_by(incidents.c.resolved_at.desc(), incidents.c.number.desc())
        )
        found: dict[_Check, list[Resolution]] = {}
        with self._database.reading() as connection:
            answers = connection.execute(answered).all()
            others = [number for number, asset, check, _ in answers if asset is None or check is None]
            first = _first_checks(connection, others)
        for number, asset, check, resolution in answers:
            key = first.get(number) if asset is None or check is None else (asset, check)
            if key is not None and len(found.setdefault(key, [])) < limit_per_detector:
                found[key].append(Resolution(resolution))
        return found


def _first_checks(connection: Connection, numbers: Collection[int]) -> dict[int, _Check]:
    """Number → the first member that is a check on an asset."""
    found: dict[int, _Check] = {}
    for chunk in chunks(sorted(numbers)):
        checks = sa.select(members.c.incident, members.c.asset, members.c.check_name).where(
            members.c.incident.in_(chunk), members.c.asset.is_not(None), members.c.check_name.is_not(None)
        )
        for number, asset, check in connection.execute(checks.order_by(members.c.incident, members.c.position)):
            found.setdefault(number, (asset, check))
    return found
