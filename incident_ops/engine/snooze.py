"""A person's wish not to be pushed about one incident for a while, and its end before the time."""

from datetime import datetime, timedelta

from incident_ops.core.attention.record import from_record
from incident_ops.core.errors import IllegalChange
from incident_ops.core.incident import Incident
from incident_ops.core.message import moment
from incident_ops.core.status import EntryKind
from incident_ops.engine.attend import snoozed
from incident_ops.engine.desk import Desk
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.ports import Store, Transaction

REPEATED_WITHIN = timedelta(minutes=10)
"""What is asked for again within this time, with the same end or in the same words, is the same wish: a request
that was repeated, a button pressed twice. Slack's signatures are good for five minutes either way."""


def snooze(
    store: Store, number: int, knowledge: Knowledge, *, until: datetime | None, by: str, now: datetime
) -> Incident:
    """Nobody is pushed about the incident until then, or, with None, everybody is again from now on.

    Raises:
        NotFound: it does not exist.
        IllegalChange: it is over, or what is asked for holds already.
    """
    with store.transaction() as tx:
        incident = tx.incident(number)
        if not incident.is_open:
            raise IllegalChange(f"{incident.id} is {incident.status}: only an open incident can be snoozed.")
        _refuse_a_second(tx, incident, until, now=now)
        snoozed(tx, number, until=until or now)
        text = f"snoozed by {by} until {moment(until)}" if until is not None else f"snooze ended by {by}"
        desk = Desk(tx, knowledge, now=now)
        desk.lay_out([incident])
        desk.put(incident.noted(EntryKind.SNOOZED, text, at=now, by=by))
        desk.clear()
    return store.incident(number)


def _refuse_a_second(tx: Transaction, incident: Incident, until: datetime | None, *, now: datetime) -> None:
    known = from_record(tx.attention(incident.number)).snoozed_until
    is_snoozed = known is not None and known > now
    if until is None and not is_snoozed:
        raise IllegalChange(f"{incident.id} is not snoozed")
    if until is not None and is_snoozed and known is not None and abs(until - known) < REPEATED_WITHIN:
        raise IllegalChange(f"{incident.id} is snoozed already, until {moment(known)}")
