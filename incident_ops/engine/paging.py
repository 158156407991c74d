"""A step of an escalation policy → the people behind its targets, and the messages that ring with them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from incident_ops.core.budget import Budget, allowance
from incident_ops.core.escalation import Page
from incident_ops.core.incident import Incident
from incident_ops.core.notices import Action, Notice, Told
from incident_ops.core.oncall import who_is_on_call
from incident_ops.core.routing import OWNER, Destination, Way, destination_of, receiver_destinations
from incident_ops.core.status import EntryKind
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.ports import Transaction

_SCHEDULE, _RECEIVER, _TEAM = "schedule:", "receiver:", "team:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged:
    """What became of a step: messages, a line for the timeline, and whether it reached anybody."""

    policy: str
    notices: tuple[Notice, ...]
    entry: tuple[EntryKind, str]
    reached_nobody: bool = False


def paged(
    tx: Transaction,
    incident: Incident,
    page: Page,
    told: Mapping[Destination, Told],
    ways: Sequence[Way],
    knowledge: Knowledge,
    *,
    now: datetime,
) -> Paged:
    """The messages of a step. A place that has the incident's post gets a reply that rings, a receiver that
    has none gets the post, a person a message of their own. Where nobody is behind any target, that is told."""
    reached: dict[Destination, str] = {}
    channels: set[Destination] = set()
    missing: list[str] = []
    for target in page.targets:
        found = list(_behind(target, ways, knowledge, now=now))
        missing += [] if found else [target]
        for destination, why in found:
            reached.setdefault(destination, why)
            if target.startswith(_RECEIVER):
                channels.add(destination)
    over: dict[Destination, str] = {}
    notices: list[Notice] = []
    for destination, why in reached.items():
        spent = spent_at(tx, destination, knowledge.policy.attention.budget, now=now)
        allowed = allowance(
            knowledge.policy.attention.budget, incident.severity, destination.address, spent, now=now
        )
        if allowed.quiet is not None:
            over[destination] = allowed.quiet.text
            continue
        is_channel = destination in channels
        notices.append(_notice(incident, page, destination, why, allowed.note, told, is_channel=is_channel))
    notices += [_nobody(incident, page, target, place) for target in missing for place in _last_resort(knowledge)]
    said = [f"{place.address} ({why})" for place, why in reached.items() if place not in over]
    text = f"{page}: paged {', '.join(said)}" if said else f"{page} paged nobody"
    text = "; ".join([text, *(_missing(target) for target in missing), *over.values()])
    return Paged(
        policy=page.policy,
        notices=tuple(notices),
        entry=(EntryKind.PAGED, text),
        reached_nobody=not reached,
    )


def spent_at(tx: Transaction, destination: Destination, budget: Budget, *, now: datetime) -> list[datetime]:
    """The pushes that the destination's budget counts; more than it allows make no difference."""
    return tx.pushes_to(destination, since=now - budget.per, besides=budget.always, limit=budget.pushes)


def _behind(
    target: str, ways: Sequence[Way], knowledge: Knowledge, *, now: datetime
) -> Iterator[tuple[Destination, str]]:
    routing = knowledge.policy.routing
    if target.startswith(_SCHEDULE):
        name = target.removeprefix(_SCHEDULE)
        schedule = knowledge.policy.schedules.get(name)
        for member in who_is_on_call(schedule, now) if schedule is not None else ():
            yield destination_of(member, routing), f"{member}, on call in {name}"
    elif target.startswith(_RECEIVER):
        name = target.removeprefix(_RECEIVER)
        places = [w.destination for w in ways if w.node.receiver == OWNER] if name == OWNER else []
        for destination in places or receiver_destinations(name, routing):
            yield destination, f"receiver {name}"
    else:
        yield destination_of(target, routing), target


def _notice(
    incident: Incident,
    page: Page,
    destination: Destination,
    why: str,
    note: str,
    told: Mapping[Destination, Told],
    *,
    is_channel: bool,
) -> Notice:
    key = f"{incident.id}:page:{page.policy}:{incident.reopened}.{page.number}:{destination}"
    ask = f"Paged by {page} as {why}. Take it: incident-ops ack {incident.id}"
    if destination in told:
        return _message(incident, key, destination, Action.REPLY, "\n".join(filter(None, (ask, note))))
    if is_channel:  # from now on it follows the incident to its end
        text = "\n".join(filter(None, (ask, note)))
        return _message(incident, f"{incident.id}:post:{destination}", destination, Action.POST, text)
    headline = f"{incident.id} {incident.severity} {incident.title}"
    text = "\n".join(filter(None, (headline, incident.summary, ask, note)))
    return _message(incident, key, destination, Action.TELL, text)


def _nobody(incident: Incident, page: Page, target: str, place: Destination) -> Notice:
    text = f"{incident.id} {incident.title}: {_missing(target)}\nIt could not be paged by {page}."
    key = f"{incident.id}:nobody:{page.policy}:{incident.reopened}.{page.number}:{target}:{place}"
    return _message(incident, key, place, Action.TELL, text)


def _message(incident: Incident, key: str, place: Destination, action: Action, text: str) -> Notice:
    return Notice(key=key, number=incident.number, destination=place, action=action, text=text, pushes=True)


def _missing(target: str) -> str:
    if target.startswith(_SCHEDULE):
        return f"nobody is on call in {target.removeprefix(_SCHEDULE)}"
    return f"{target} leads nowhere"


def _last_resort(knowledge: Knowledge) -> tuple[Destination, ...]:
    return knowledge.policy.routing.last_resort
