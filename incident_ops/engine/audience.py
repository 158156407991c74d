"""Telling those who use the data: the ledger's next entries, written and owed with the finding they come of."""

from dataclasses import replace
from datetime import datetime

from incident_ops.core.audience import AudienceKind, Entry, Owed, owed
from incident_ops.core.impact import Impact
from incident_ops.core.incident import Incident
from incident_ops.core.notices import Action, Notice
from incident_ops.core.routing import destination_of
from incident_ops.engine.attend import is_unheard
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.ports import Transaction


def tell_the_audience(
    tx: Transaction, incident: Incident, impact: Impact, knowledge: Knowledge, *, now: datetime
) -> list[str]:
    """Write the ledger and owe the notices; returns sentences for the timeline. Several entries of one kind to one
    recipient (the ends of what two merged incidents began) are told in one message, which names them all."""
    ledger = tx.ledger(incident.number)
    due = owed(
        incident,
        impact,
        ledger,
        owners_of=knowledge.owners_of,
        informed=knowledge.informed_owners(incident),
        elsewhere=[
            (f"INC-{number}", entry)
            for number, entry in tx.still_waiting({entry.recipient for entry in ledger}, than=incident.number)
        ],
        is_quiet=is_unheard(tx, incident.number),
        now=now,
    )
    if due == Owed():
        return []
    tx.enter(incident.number, due.new, ended=[*due.ended, *(entry for entry, _ in due.lifted)])
    lifted = [replace(entry, text=text) for entry, text in due.lifted]
    first = {(entry.recipient, entry.kind): entry for entry in reversed(due.new)}
    told = [entry for entry in due.new if first[entry.recipient, entry.kind] is entry]
    notices = [_notice(incident, entry, knowledge) for entry in told]
    notices += [_notice(incident, entry, knowledge, what="lifted") for entry in lifted]
    tx.enqueue(notices, now=now)
    return [*(_told_sentence(entry) for entry in told), *(f"{e.recipient}: the hold is lifted" for e in lifted)]


def _notice(incident: Incident, entry: Entry, knowledge: Knowledge, *, what: str = "") -> Notice:
    return Notice(
        key=f"{incident.id}:{what or entry.kind}:{entry.recipient}:{entry.round}",
        number=incident.number,
        destination=destination_of(entry.recipient, knowledge.policy.routing),
        action=Action.TELL,
        text=entry.text,
        pushes=not what and entry.kind is not AudienceKind.END,
    )


def _told_sentence(entry: Entry) -> str:
    what = {
        AudienceKind.START: "was told that the data is bad",
        AudienceKind.HOLD: "was asked to hold the next build",
        AudienceKind.END: "got the all-clear",
    }
    return f"{entry.recipient} {what[entry.kind]}: {entry.text.splitlines()[0]}"
