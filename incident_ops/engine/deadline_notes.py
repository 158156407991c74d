"""Telling the owners of what will miss its deadline: the ledger's next entries, and the notices that are owed."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from incident_ops.core.audience import Entry
from incident_ops.core.forecast.notes import Notes, awaited, by_owner, notes_owed
from incident_ops.core.incident import Incident
from incident_ops.core.notices import Action, Notice
from incident_ops.core.routing import destination_of
from incident_ops.engine.attend import is_unheard
from incident_ops.engine.forecast import last_built
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.ports import Transaction


def tell_of_deadlines(
    tx: Transaction,
    incident: Incident,
    forecast: Iterable[Mapping[str, Any]],
    knowledge: Knowledge,
    *,
    now: datetime,
) -> list[str]:
    """Write the ledger and owe the notices; returns sentences for the timeline."""
    ledger = tx.ledger(incident.number)
    due = notes_owed(
        incident,
        forecast,
        ledger,
        owners_of=knowledge.owners_of,
        built_at=last_built(tx.history, awaited(ledger)),
        informed=knowledge.informed_owners(incident),
        is_quiet=is_unheard(tx, incident.number),
        now=now,
    )
    if due == Notes():
        return []
    tx.enter(incident.number, due.new, ended=[*(entry for entry, _ in due.ended), *due.silent])
    begun = by_owner([(entry, entry.text) for entry in due.new], incident)
    ended = by_owner(due.ended, incident)
    notices = [_notice(incident, "late", first, text, knowledge) for first, text in begun.values()]
    notices += [_notice(incident, "late over", first, text, knowledge) for first, text in ended.values()]
    tx.enqueue(notices, now=now)
    return [
        f"{owner} was told: {text.splitlines()[0]}" for told in (begun, ended) for owner, (_, text) in told.items()
    ]


def _notice(incident: Incident, what: str, first: Entry, text: str, knowledge: Knowledge) -> Notice:
    return Notice(
        key=f"{incident.id}:{what}:{first.recipient}:{first.round}",
        number=incident.number,
        destination=destination_of(first.recipient, knowledge.policy.routing),
        action=Action.TELL,
        text=text,
        pushes=first.ended_at is None,
    )
