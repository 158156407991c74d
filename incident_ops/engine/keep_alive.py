"""Sinks that forget what is not repeated are sent all open incidents again, in time."""

from datetime import datetime
from functools import partial

from incident_ops.core.circuit import WELL, Circuit, after_answer, after_failure
from incident_ops.core.cleansing import without_secrets
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Message, compose
from incident_ops.core.pace import Lane
from incident_ops.core.retry import rule_for
from incident_ops.core.routing import Destination
from incident_ops.engine.ports import Fades, Store
from incident_ops.engine.sinks import Sinks
from incident_ops.engine.watch import beat, is_due

_NOT_A_DELIVERY = 0


def keep_alive(store: Store, sinks: Sinks, *, now: datetime) -> list[str]:
    """Repeat what is open where it is time to. Returns a sentence for each sink that did not take it: that is
    trouble of its destination, and it is tried again in the next pass unless the circuit is open."""
    problems: list[str] = []
    for name in sorted(sinks.fading):
        place = _place(name)
        numbers = store.open_at(Lane(kind=place.kind, address=place.address or None))
        if not numbers or _circuit_of(store, place).is_open(now):
            continue
        notifier = sinks.notifiers[name]
        if not isinstance(notifier, Fades) or not is_due(store, _beat_of(name), every=notifier.every, now=now):
            continue
        try:
            notifier.repeat([_message(store, sinks, place, number) for number in numbers])
        except TransportError as error:
            failed = partial(
                after_failure,
                error=error,
                delivery=_NOT_A_DELIVERY,
                rule=rule_for(place.kind),
                jitter=sinks.jitter(),
                now=now,
            )
            store.change_circuit(place, failed, now=now)
            problems.append(f"{name}: {without_secrets(str(error))}")
        else:
            store.change_circuit(place, partial(after_answer, at=now), now=now)
            beat(store, _beat_of(name), now=now)
    return problems


def _place(name: str) -> Destination:
    """What a notifier of its own serves; one for a whole kind has no address."""
    kind, _, address = name.partition(":")
    return Destination(kind=kind, address=address)


def _circuit_of(store: Store, place: Destination) -> Circuit:
    return dict(store.circuits()).get(place, WELL)


def _message(store: Store, sinks: Sinks, place: Destination, number: int) -> Message:
    message = compose(store.incident(number), links_of=sinks.links_of, found=store.findings(number))
    return without_secrets(sinks.dress(place, message))


def _beat_of(name: str) -> str:
    return f"repeated to {name}"
