"""A person's wish not to be pushed about one incident for a while, and its end before the time."""

from datetime import datetime

from incident_ops.core.errors import IllegalChange
from incident_ops.core.incident import Incident
from incident_ops.core.message import moment
from incident_ops.core.status import EntryKind
from incident_ops.engine.attend import snoozed
from incident_ops.engine.desk import Desk
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.ports import Store


def snooze(
    store: Store, number: int, knowledge: Knowledge, *, until: datetime | None, by: str, now: datetime
) -> Incident:
    """Nobody is pushed about the incident until then, or, with None, everybody is again from now on.

    Raises:
        NotFound: it does not exist.
        IllegalChange: it is over.
    """
    with store.transaction() as tx:
        incident = tx.incident(number)
        if not incident.is_open:
            raise IllegalChange(f"{incident.id} is {incident.status}: only an open incident can be snoozed.")
        snoozed(tx, number, until=until or now)
        text = f"snoozed by {by} until {moment(until)}" if until is not None else f"snooze ended by {by}"
        desk = Desk(tx, knowledge, now=now)
        desk.lay_out([incident])
        desk.put(incident.noted(EntryKind.SNOOZED, text, at=now, by=by))
        desk.clear()
    return store.incident(number)
