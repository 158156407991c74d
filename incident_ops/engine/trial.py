"""Whether the places behind a receiver can be written to: asked, or tried with a message that says it is a test.

Nothing of it goes through the outbox, and nothing is kept: the sink's own answer is the result.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from incident_ops.core.catalog import AssetNode
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import NotFound, TransportError
from incident_ops.core.incident import Incident
from incident_ops.core.lineage.spelling import close_to
from incident_ops.core.message import Message, compose
from incident_ops.core.routing import (
    DEFAULT,
    DIGEST,
    INBOX,
    OWNER,
    Destination,
    RoutingRules,
    receiver_destinations,
    ways,
)
from incident_ops.core.status import Resolution, Status
from incident_ops.engine.ports import CanCheck, CanUpdate, Notifier
from incident_ops.engine.sinks import Sinks

OF_AN_ASSET = (OWNER, DIGEST)
"""Receivers that stand for somebody only once it is known what fails."""


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    NOT_ENDED = "not ended"  # accepted, but the end of the test was not
    WOULD_BE_ACCEPTED = "would be accepted"
    CANNOT_BE_ASKED = "cannot be asked"  # only a real message would tell
    REFUSED = "refused"  # until somebody changes something
    NOT_NOW = "not now"  # it may work the next time


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What one place said.

    Attributes:
        receipt: of the message, where one was accepted.
        problem: a sentence, or empty.
    """

    destination: Destination
    outcome: Outcome
    receipt: Receipt | None = None
    problem: str = ""

    def as_record(self) -> dict[str, Any]:
        receipt = self.receipt
        return {
            "to": str(self.destination),
            "outcome": str(self.outcome),
            "receipt": {"channel": receipt.channel, "message": receipt.message} if receipt else None,
            "problem": self.problem or None,
        }


def places_behind(name: str, rules: RoutingRules, asset: AssetNode | None) -> tuple[Destination, ...]:
    """Where a receiver of that name is written to.

    Args:
        asset: whose owner is meant by `owner` and `digest`.

    Raises:
        NotFound: there is no such receiver.
    """
    if name in OF_AN_ASSET and asset is not None:
        at_the_owners = replace(rules, tree=replace(rules.tree, receiver=name, routes=()), subscriptions=())
        found = ways({}, [asset], at_the_owners, number=0, unowned=f"{asset.key} has no known owner")
        return tuple(way.destination for way in found)
    if name not in (DEFAULT, INBOX) and name not in rules.receivers:
        known = [*rules.receivers, OWNER, DEFAULT, DIGEST, INBOX]
        close = close_to(name, known)
        hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(known)}"
        raise NotFound(f'there is no receiver "{name}"; {hint}')
    return receiver_destinations(name, rules)


def send_test(sinks: Sinks, place: Destination, sample: Incident, *, now: datetime) -> Tried:
    """Send the sample there and, where the sink has states, end it again: nobody has to do it by hand."""
    notifier = sinks.notifier_of(place)
    if notifier is None:
        return _without_a_sink(place)
    stamp = now.isoformat()
    try:
        receipt = notifier.send(place, _message(sinks, place, sample), key=f"{sample.id}:post:{place}:{stamp}")
    except TransportError as error:
        return _failed(place, error)
    over = replace(sample, status=Status.RESOLVED, resolution=Resolution.NO_ACTION, resolved_at=now)
    problem = _ended(notifier, receipt, _message(sinks, place, over), key=f"{sample.id}:edit:{place}:{stamp}")
    outcome = Outcome.NOT_ENDED if problem else Outcome.ACCEPTED
    return Tried(destination=place, outcome=outcome, receipt=receipt, problem=problem)


def ask(sinks: Sinks, place: Destination) -> Tried:
    """Ask the sink whether it would accept a message there; nobody hears of it."""
    notifier = sinks.notifier_of(place)
    if notifier is None:
        return _without_a_sink(place)
    if not isinstance(notifier, CanCheck):
        return Tried(destination=place, outcome=Outcome.CANNOT_BE_ASKED)
    try:
        notifier.check(place)
    except TransportError as error:
        return _failed(place, error)
    return Tried(destination=place, outcome=Outcome.WOULD_BE_ACCEPTED)


def is_broken(tried: Iterable[Tried]) -> bool:
    """Somebody has to change something before one of them works."""
    return any(each.outcome is Outcome.REFUSED for each in tried)


def has_failed(tried: Iterable[Tried]) -> bool:
    """One of them did not work now."""
    return any(each.problem for each in tried)


def _message(sinks: Sinks, place: Destination, sample: Incident) -> Message:
    return sinks.dress(place, compose(sample, links_of=lambda _: ()))


def _ended(notifier: Notifier, receipt: Receipt, message: Message, *, key: str) -> str:
    """What was wrong with ending it, or nothing. A sink that cannot change a message has nothing to end."""
    if not isinstance(notifier, CanUpdate):
        return ""
    try:
        notifier.update(receipt, message, key=key)
    except TransportError as error:
        return str(error)
    return ""


def _without_a_sink(place: Destination) -> Tried:
    return Tried(
        destination=place, outcome=Outcome.REFUSED, problem=f"no {place.kind} sink is configured; add its settings"
    )


def _failed(place: Destination, error: TransportError) -> Tried:
    is_ours = error.needs_person or error.permanent
    return Tried(destination=place, outcome=Outcome.REFUSED if is_ours else Outcome.NOT_NOW, problem=str(error))
