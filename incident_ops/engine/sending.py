"""One try of one delivery: what is said, and the notifier that is to say it. What follows `dispatch` decides."""

from dataclasses import dataclass, replace
from datetime import timedelta

from incident_ops.core.cleansing import without_secrets
from incident_ops.core.delivery import Delivery, Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Colour, Message, bulletin, compose, told
from incident_ops.core.notices import Action
from incident_ops.engine.ports import CanLookUp, CanReply, CanUpdate, Notifier, Subject
from incident_ops.engine.sinks import Sinks

LOOK_BACK = timedelta(hours=2)
"""Clocks are an hour wrong, by a time zone or by summer time, and are set right: look for a message from this long
before its delivery was created. Keys are unique, so looking further back costs only reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`was_asked`: the sink has said so; False where it lacks the ability, and there is nothing to do."""

    receipt: Receipt | None = None
    was_asked: bool = True


NOTHING_TO_DO = Answer(was_asked=False)


def send(sinks: Sinks, delivery: Delivery, subject: Subject | None) -> Answer:
    """Raises `TransportError` when it was not accepted. `subject` is None for what is about no incident."""
    notifier = sinks.notifier_of(delivery.destination)
    if notifier is None:
        raise TransportError(f"no {delivery.destination.kind} sink is configured", needs_person=True)
    match delivery.action:
        case Action.EDIT:
            return _edit(sinks, notifier, delivery, subject)
        case Action.REPLY:
            return _reply(notifier, delivery)
        case Action.POST | Action.TELL:
            return _post(sinks, notifier, delivery, subject)


def _edit(sinks: Sinks, notifier: Notifier, delivery: Delivery, subject: Subject | None) -> Answer:
    if not isinstance(notifier, CanUpdate) or delivery.thread is None:
        return NOTHING_TO_DO
    notifier.update(delivery.thread, _message(sinks, delivery, subject), key=delivery.key)
    return Answer()


def _reply(notifier: Notifier, delivery: Delivery) -> Answer:
    if not isinstance(notifier, CanReply) or delivery.thread is None:
        return NOTHING_TO_DO
    found = _found(notifier, delivery)
    if found is not None:
        return Answer(receipt=found)
    text = without_secrets(delivery.text)
    return Answer(receipt=notifier.reply(delivery.thread, text, key=delivery.key, broadcast=delivery.pushes))


def _post(sinks: Sinks, notifier: Notifier, delivery: Delivery, subject: Subject | None) -> Answer:
    message = _message(sinks, delivery, subject)
    found = _found(notifier, delivery)
    if found is None:
        receipt = notifier.send(delivery.destination, message, key=delivery.key)
        if delivery.fate_unknown and isinstance(notifier, CanUpdate) and not isinstance(notifier, CanLookUp):
            # An earlier try may have arrived, and this one been dropped as its repetition: what has changed since.
            notifier.update(receipt, message, key=f"{delivery.key}:again")
        return Answer(receipt=receipt)
    if isinstance(notifier, CanUpdate):
        notifier.update(found, message, key=delivery.key)
    return Answer(receipt=found)


def _found(notifier: Notifier, delivery: Delivery) -> Receipt | None:
    """What an earlier try may have left there. A sink that cannot be asked is sent the same key again."""
    if not delivery.fate_unknown or not isinstance(notifier, CanLookUp):
        return None
    since = delivery.created_at - LOOK_BACK
    return notifier.look_up(delivery.destination, delivery.key, thread=delivery.thread, since=since)


def _message(sinks: Sinks, delivery: Delivery, subject: Subject | None) -> Message:
    """Cleansed last of all, whatever templates and links have put in; a text is cleansed before it is parted, or
    the first line of a key would hide the others."""
    text = without_secrets(delivery.text)
    if subject is None:
        return without_secrets(bulletin(text))
    incident = subject.incident
    if delivery.action is Action.TELL:
        colour = Colour.RED if delivery.pushes else Colour.GREEN
        return without_secrets(told(incident, text, colour=colour, links=sinks.links_of(incident)))
    message = compose(incident, links_of=sinks.links_of, found=subject.found, note=delivery.note)
    message = without_secrets(sinks.dress(delivery.destination, message))
    return replace(message, calls=tuple(sinks.address_of(who) for who in message.calls))
