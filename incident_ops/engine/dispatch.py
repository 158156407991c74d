"""The outbox → the sinks. A claimed delivery is accepted, tried again later, or replaced by another destination;
none disappears."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from incident_ops.core.delivery import Delivery, DeliveryStatus, Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.incident import Incident
from incident_ops.core.message import Colour, Link, Message, bulletin, compose, told
from incident_ops.core.notices import Action, Notice
from incident_ops.core.retry import DELAY_FOR_A_PERSON, delay_before_retry
from incident_ops.core.routing import Destination
from incident_ops.core.status import EntryKind, TimelineEntry
from incident_ops.engine.ports import CanLookUp, CanReply, CanUpdate, Notifier, Store

LEASE = timedelta(seconds=90)
"""Longer than a pass may take, its last delivery included: `now` is that of the pass."""

ENOUGH_FAILURES = 3
"""So many in a row end the pass: a sink that lets us wait would use up the tick."""

FALLBACK_AFTER = timedelta(minutes=15)
"""A post that no try got through for this long goes to the fallback as well."""

_MUST_ARRIVE = (Action.POST, Action.TELL)
_FOR, _TO = "For ", " → "

LOOK_BACK = timedelta(minutes=5)
"""Clocks differ: look for a message from this long before its delivery was created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sinks:
    """Where and how to deliver.

    Attributes:
        notifiers: by kind of destination, or by a destination that has one of its own (`pagerduty:war-room`);
            `inbox` is always among them.
        default: where a post goes whose own destination cannot exist (unknown or archived channel).
        fallback: where a post goes as well when its destination does not answer, and when `default` fails too.
        address_of: a person's e-mail address → what the sink knows the person by.
        jitter: draws from [0, 1).
    """

    notifiers: Mapping[str, Notifier]
    default: Destination
    fallback: Destination
    links_of: Callable[[Incident], tuple[Link, ...]]
    address_of: Callable[[str], str]
    jitter: Callable[[], float]

    def notifier_of(self, destination: Destination) -> Notifier | None:
        return self.notifiers.get(str(destination)) or self.notifiers.get(destination.kind)


@dataclass(slots=True)
class Dispatched:
    """What became of the deliveries that were due.

    Attributes:
        delivered: how many were accepted.
        pending: how many are still owed.
        failed_in_a_row: tries since the last acceptance that are to be repeated.
        problems: a sentence for every way in which a try failed.
        for_people: those of them that only a person can mend.
    """

    delivered: int = 0
    pending: int = 0
    failed_in_a_row: int = 0
    problems: list[str] = field(default_factory=list[str])
    for_people: list[str] = field(default_factory=list[str])

    def __add__(self, later: "Dispatched") -> "Dispatched":
        return Dispatched(
            delivered=self.delivered + later.delivered,
            pending=later.pending,
            problems=list(dict.fromkeys([*self.problems, *later.problems])),
            for_people=list(dict.fromkeys([*self.for_people, *later.for_people])),
        )


def dispatch(store: Store, sinks: Sinks, *, now: datetime, may_go_on: Callable[[], bool]) -> Dispatched:
    """Deliver what is due, until nothing is or `may_go_on` says to stop."""
    done = Dispatched()
    while may_go_on() and done.failed_in_a_row < ENOUGH_FAILURES:
        claimed = store.claim(now=now, lease=LEASE, limit=1)  # one by one: none waits while its lease runs
        if not claimed:
            break
        _settle(store, sinks, claimed[0], done, now=now)
    done.pending = store.unfinished()
    return done


def _settle(store: Store, sinks: Sinks, delivery: Delivery, done: Dispatched, *, now: datetime) -> None:
    try:
        receipt = _deliver(store, sinks, delivery)
    except TransportError as error:
        problem = f"{delivery.destination}: {error}"
        if problem not in done.problems:
            done.problems.append(problem)
            if error.needs_person or error.permanent:
                done.for_people.append(problem)
        if error.permanent:
            _replace(store, sinks, delivery, error, now=now)
        else:
            done.failed_in_a_row += 1
            _postpone(store, sinks, delivery, error, now=now)
    except Exception as error:  # noqa: BLE001 - one bad delivery must not stop the others; it is kept and shown
        problem = f"{delivery.destination}: {type(error).__name__} while delivering {delivery.key}"
        done.problems.append(problem)
        done.failed_in_a_row += 1
        _postpone(store, sinks, delivery, TransportError(problem, fate_unknown=True), now=now)
    else:
        store.accepted(delivery, receipt, now=now)
        done.delivered += 1
        done.failed_in_a_row = 0


def _deliver(store: Store, sinks: Sinks, delivery: Delivery) -> Receipt | None:
    notifier = sinks.notifier_of(delivery.destination)
    if notifier is None:
        raise TransportError(f"no {delivery.destination.kind} sink is configured", needs_person=True)
    message = _message(store, delivery, sinks)
    if delivery.action is Action.EDIT:
        if isinstance(notifier, CanUpdate) and delivery.thread is not None:
            notifier.update(delivery.thread, message, key=delivery.key)
        return None
    found = _found(notifier, delivery) if delivery.fate_unknown else None
    if delivery.action is Action.REPLY:
        if found is not None or not isinstance(notifier, CanReply) or delivery.thread is None:
            return found
        return notifier.reply(delivery.thread, delivery.text, key=delivery.key, broadcast=delivery.pushes)
    if found is not None:
        if isinstance(notifier, CanUpdate):
            notifier.update(found, message, key=delivery.key)
        return found
    return notifier.send(delivery.destination, message, key=delivery.key)


def _message(store: Store, delivery: Delivery, sinks: Sinks) -> Message:
    if delivery.number is None:
        return bulletin(delivery.text)
    incident = store.incident(delivery.number)
    if delivery.action is Action.TELL:
        colour = Colour.RED if delivery.pushes else Colour.GREEN
        return told(incident, delivery.text, colour=colour, links=sinks.links_of(incident))
    found = store.findings(delivery.number)
    message = compose(incident, links_of=sinks.links_of, found=found, note=delivery.note)
    return replace(message, calls=tuple(sinks.address_of(who) for who in message.calls))


def _found(notifier: Notifier, delivery: Delivery) -> Receipt | None:
    if not isinstance(notifier, CanLookUp):
        return None
    since = delivery.created_at - LOOK_BACK
    return notifier.look_up(delivery.destination, delivery.key, thread=delivery.thread, since=since)


def _postpone(store: Store, sinks: Sinks, delivery: Delivery, error: TransportError, *, now: datetime) -> None:
    delay = DELAY_FOR_A_PERSON
    if not error.needs_person:
        attempts = delivery.attempts + 1
        delay = delay_before_retry(attempts, retry_after=error.retry_after, jitter=sinks.jitter())
    fate_unknown = delivery.fate_unknown or error.fate_unknown
    store.postpone(delivery, error=str(error), not_before=now + delay, fate_unknown=fate_unknown, now=now)
    waited = now - delivery.created_at
    is_owed_elsewhere = error.needs_person or waited >= FALLBACK_AFTER
    if delivery.action in _MUST_ARRIVE and is_owed_elsewhere and delivery.destination != sinks.fallback:
        with store.transaction() as tx:
            tx.enqueue([_moved_to(sinks.fallback, delivery)], now=now)


def _replace(store: Store, sinks: Sinks, delivery: Delivery, error: TransportError, *, now: datetime) -> None:
    instead: Notice | None = None
    text = f"{delivery.action} to {delivery.destination} was refused: {error}"
    if delivery.action in _MUST_ARRIVE:
        other = _next_place(store, sinks, delivery)
        instead = _moved_to(other, delivery) if other else None
        text += f"; sent to {other} instead" if other else ""
    entry = TimelineEntry(at=now, kind=EntryKind.DELIVERY_FAILED, text=text)
    store.bury(delivery, error=str(error), instead=instead, entry=entry, now=now)


def _next_place(store: Store, sinks: Sinks, delivery: Delivery) -> Destination | None:
    """The default, else the fallback; None when a post lives there already or when both have refused it."""
    identity = _identity_of(delivery)
    others = store.deliveries(delivery.number) if delivery.number is not None else ()
    posts = {other.destination: other.status for other in others if _identity_of(other) == identity}
    posts[delivery.destination] = DeliveryStatus.DEAD
    for place in (sinks.default, sinks.fallback):
        if place not in posts:
            return place
        if posts[place] is not DeliveryStatus.DEAD:
            return None
    return None


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
    is_addressed = delivery.text.startswith(_FOR)
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
