"""Where a delivery goes that its own destination does not take: to the default, to the fallback, never nowhere.
What dies leaves a sentence on the incident's timeline and, if nothing goes in its stead, with its destination,
of which `watch` tells."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from incident_ops.core.circuit import after_death
from incident_ops.core.delivery import Delivery, DeliveryStatus
from incident_ops.core.durations import format_duration
from incident_ops.core.incident import Incident
from incident_ops.core.notices import MUST_ARRIVE, Action, Notice
from incident_ops.core.pace import Lane
from incident_ops.core.retry import rule_for
from incident_ops.core.routing import EMAIL, INBOX, Destination
from incident_ops.core.status import EntryKind, TimelineEntry
from incident_ops.core.watchdog import OWN_TROUBLE
from incident_ops.engine.ports import ChangeOfCircuit, Moved, Store, no_change
from incident_ops.engine.sinks import Sinks

_FOR, _TO = "For ", " → "

AT_ONCE = 500
"""So many are moved or given up in one go; more have their turn in the next pass."""


def owed_elsewhere(sinks: Sinks, delivery: Delivery, *, error: str, now: datetime) -> Moved | None:
    """The same to the fallback, for what somebody must hear. Where none is configured the default channel takes
    its place, if another sink serves it, else the inbox."""
    spare, place = sinks.fallback, delivery.destination
    if delivery.action not in MUST_ARRIVE or place == spare:
        return None
    if spare.kind == INBOX and sinks.lane_of(sinks.default) != sinks.lane_of(place):
        spare = sinks.default
    text = f"{delivery.action} to {place} waits: {error}; sent to {spare} as well"
    entry = TimelineEntry(at=now, kind=EntryKind.DELIVERY_FAILED, text=text)
    return Moved(notice=_moved_to(spare, delivery), entry=entry)


def turn_elsewhere(store: Store, sinks: Sinks, silent: Iterable[Lane], *, now: datetime) -> int:
    """What waits behind a destination that does not answer is owed elsewhere as well, or given up, when its time
    has come, though no try was made of it. Returns how many were moved.

    Args:
        silent: sinks that as a whole gave no answer in this pass.
    """
    moved = 0
    for lane in silent:
        moved += _turn(store, sinks, lane, now=now, needs_person=False)
    for place, circuit in store.circuits():
        if circuit.is_open(now):
            lane = Lane(kind=place.kind, address=place.address)
            moved += _turn(store, sinks, lane, now=now, needs_person=circuit.needs_person, error=circuit.error)
    return moved


def _turn(
    store: Store, sinks: Sinks, lane: Lane, *, now: datetime, needs_person: bool, error: str = "no answer"
) -> int:
    rule = rule_for(lane.kind)
    for old in store.waiting(lane, created_before=now - rule.give_up_after, limit=AT_ONCE):
        give_up(store, sinks, old, error=old.error or error, now=now)
    owed_since = now if needs_person else now - rule.fallback_after
    waiting = store.waiting(
        Lane(kind=lane.kind, address=lane.address, actions=frozenset(MUST_ARRIVE)),
        created_before=owed_since,
        limit=AT_ONCE,
        only_to_move=True,
    )
    moved = [
        (each, other)
        for each in waiting
        if (other := owed_elsewhere(sinks, each, error=each.error or error, now=now)) is not None
    ]
    if moved:
        store.move(moved, now=now)
    return len(moved)


def refuse(store: Store, sinks: Sinks, delivery: Delivery, *, error: str, now: datetime) -> None:
    """The destination will never take it."""
    text = f"{delivery.action} to {delivery.destination} was refused: {error}"
    other, instead = None, None
    if delivery.action in MUST_ARRIVE:
        known = _other_places(store, delivery)
        other = _next_place(sinks, delivery, known)
        if other is not None and other not in known:
            instead = _moved_to(other, delivery)
            text += f"; sent to {other} instead"
    _bury(
        store,
        delivery,
        text,
        error=error,
        instead=instead,
        is_lost=other is None,
        now=now,
        has_answered=True,
    )


def give_up(
    store: Store,
    sinks: Sinks,
    delivery: Delivery,
    *,
    error: str,
    now: datetime,
    circuit: ChangeOfCircuit = no_change,
) -> None:
    """No try got through for longer than it is of use. `circuit` is what the last failure makes of it."""
    waited = format_duration(now - delivery.created_at)
    text = f"{delivery.action} to {delivery.destination} was given up after {waited}: {error}"
    moved = owed_elsewhere(sinks, delivery, error=error, now=now) if delivery.moved_at is None else None
    instead = moved.notice if moved is not None else None
    text += f"; sent to {instead.destination} instead" if instead is not None else ""
    _bury(
        store,
        delivery,
        text,
        error=error,
        instead=instead,
        is_lost=instead is None and delivery.moved_at is None,
        now=now,
        has_answered=False,
        circuit=circuit,
    )


def _bury(
    store: Store,
    delivery: Delivery,
    text: str,
    *,
    error: str,
    instead: Notice | None,
    is_lost: bool,
    now: datetime,
    has_answered: bool,
    circuit: ChangeOfCircuit = no_change,
) -> None:
    """What is lost, and not heard elsewhere, is told as our own trouble. What tells of our own trouble makes no
    new one when it dies: it would tell of itself for ever."""
    is_own = delivery.number is not None and _is_our_own_trouble(store.incident(delivery.number))
    is_told = is_lost and not is_own
    store.bury(
        delivery,
        error=error,
        instead=instead,
        entry=TimelineEntry(at=now, kind=EntryKind.DELIVERY_FAILED, text=text),
        now=now,
        circuit=lambda known: (
            after_death(circuit(known), of=text, at=now, has_answered=has_answered) if is_told else circuit(known)
        ),
    )


def _is_our_own_trouble(incident: Incident) -> bool:
    return (incident.root.subject.name or "").startswith(OWN_TROUBLE)


def _next_place(
    sinks: Sinks, delivery: Delivery, known: Mapping[Destination, DeliveryStatus]
) -> Destination | None:
    """A person's mail, the default, the fallback, else the inbox: the first that has not refused it. What is about
    no incident is not `known` anywhere, so only what comes after the place that refused is asked. None when all
    have refused it."""
    inbox = Destination(kind=INBOX, address=sinks.default.address)
    places = [*_by_mail(sinks, delivery.destination), sinks.default, sinks.fallback, inbox]
    if delivery.number is None and delivery.destination in places:
        places = places[places.index(delivery.destination) + 1 :]
    left = (place for place in places if place != delivery.destination)
    return next((place for place in left if known.get(place) is not DeliveryStatus.DEAD), None)


def _other_places(store: Store, delivery: Delivery) -> Mapping[Destination, DeliveryStatus]:
    """Where else the same notice is, or was."""
    identity = _identity_of(delivery)
    others = store.deliveries(delivery.number) if delivery.number is not None else ()
    return {other.destination: other.status for other in others if _identity_of(other) == identity}


def _by_mail(sinks: Sinks, place: Destination) -> tuple[Destination, ...]:
    """A person whom the sink does not know by this address has a mailbox there."""
    is_person = "@" in place.address and place.kind != EMAIL
    return (Destination(kind=EMAIL, address=place.address),) if sinks.mail and is_person else ()


def _moved_to(destination: Destination, delivery: Delivery) -> Notice:
    """The same notice to another place; what was meant for one person says for whom."""
    if delivery.action is Action.POST:
        key = f"INC-{delivery.number}:post:{destination}"
        return Notice(
            key=key,
            number=delivery.number,
            destination=destination,
            action=Action.POST,
            text=delivery.text,
            pushes=delivery.pushes,
        )
    is_addressed = delivery.text.startswith(_FOR) or destination.address == delivery.destination.address
    return Notice(
        key=f"{_identity_of(delivery)}{_TO}{destination}",
        number=delivery.number,
        destination=destination,
        action=delivery.action,
        text=delivery.text if is_addressed else f"{_FOR}{delivery.destination.address}: {delivery.text}",
        pushes=delivery.pushes,
    )


def _identity_of(delivery: Delivery) -> str:
    """What the notice is, wherever it goes: an incident's post, or one message to one recipient."""
    return "post" if delivery.action is Action.POST else delivery.key.partition(_TO)[0]
