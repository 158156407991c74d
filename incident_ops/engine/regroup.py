"""A person's merge and split: like what grouping does by itself, and kept against it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from incident_ops.core.arranging import chosen
from incident_ops.core.errors import IllegalChange
from incident_ops.core.incident import Incident
from incident_ops.core.regrouping import put_together, taken_apart
from incident_ops.core.status import EntryKind
from incident_ops.engine.desk import Desk
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.ports import Store


def merge(
    store: Store, into: int, others: Sequence[int], knowledge: Knowledge, *, by: str, now: datetime
) -> Incident:
    """Take `others` into one incident; their numbers lead there from then on.

    Raises:
        NotFound: one of them does not exist.
        IllegalChange: one of them is over, or is to be merged with itself.
    """
    numbers = [into, *dict.fromkeys(others)]
    if into in numbers[1:]:
        raise IllegalChange(f"INC-{into} cannot be merged into itself.")
    with store.transaction() as tx:
        incidents = [tx.incident(number) for number in numbers]
        for incident in incidents:
            _must_be_open(incident, "merged")
        desk = Desk(tx, knowledge, now=now)
        desk.lay_out(incidents)
        arrangement = put_together(incidents, knowledge.catalog.graph, reason=f"decided by {by}")
        desk.put(replace(desk.arrange(arrangement, by=by), grouped_by=by))
        desk.clear()
    return store.incident(into)


def split(
    store: Store, number: int, assets: Sequence[str], knowledge: Knowledge, *, by: str, now: datetime
) -> tuple[Incident, Incident]:
    """Part the members on `assets` (`a/b`, or `a/b: check`) from an incident; returns what stays and the new one.

    Raises:
        NotFound: it does not exist.
        IllegalChange: it is over, has no such member, or would be left empty.
    """
    with store.transaction() as tx:
        incident = tx.incident(number)
        _must_be_open(incident, "split")
        members = chosen(incident, assets)
        desk = Desk(tx, knowledge, now=now)
        desk.lay_out([incident])
        staying, parting = taken_apart(incident, members, knowledge.catalog.graph, reason=f"split by {by}")
        parted = replace(desk.arrange(parting, by=by), grouped_by=by)
        desk.put(parted)
        names = ", ".join(str(member.subject) for member in members)
        text = f"{names}: parted into an incident of its own by {by}"
        stays = desk.arrange(staying, by=by).noted(EntryKind.SPLIT, text, at=now, by=by)
        desk.put(replace(stays, grouped_by=by))
        numbers = desk.clear().opened
    return store.incident(number), store.incident(int(numbers[0].removeprefix("INC-")))


def _must_be_open(incident: Incident, what: str) -> None:
    if not incident.is_open:
        raise IllegalChange(f"{incident.id} is {incident.status}: only an open incident can be {what}.")
