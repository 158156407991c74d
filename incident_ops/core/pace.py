"""How fast a sink may be spoken to: lanes of deliveries that share an allowance, each a token bucket.

Time is seconds of a clock that never goes back, given by the caller.
"""

from dataclasses import dataclass

from incident_ops.core.delivery import Delivery
from incident_ops.core.notices import Action

EVERY_ACTION = frozenset(Action)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Deliveries that have something in common. None stands for all of them.

    Attributes:
        number: of the incident: the lane of one message.
        in_doubt: only those whose fate is unknown, which are looked up first.
    """

    kind: str
    address: str | None = None
    actions: frozenset[Action] = EVERY_ACTION
    number: int | None = None
    in_doubt: bool = False

    def has(self, delivery: Delivery) -> bool:
        return (
            delivery.destination.kind == self.kind
            and self.address in (None, delivery.destination.address)
            and delivery.action in self.actions
            and self.number in (None, delivery.number)
            and (delivery.fate_unknown or not self.in_doubt)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The lane in which nothing may go, and for how many seconds."""

    lane: Lane
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """One token each `every` seconds, at most `burst` of them saved up: within a minute at most
    `60 / every + burst`."""

    every: float
    burst: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """`tokens` were there at the moment `at`."""

    tokens: float
    at: float


def full(allowance: Allowance, *, at: float) -> Bucket:
    return Bucket(tokens=allowance.burst, at=at)


def refilled(bucket: Bucket, allowance: Allowance, *, at: float) -> Bucket:
    gained = max(0.0, at - bucket.at) / allowance.every
    return Bucket(tokens=min(allowance.burst, bucket.tokens + gained), at=at)


def seconds_to_wait(bucket: Bucket, allowance: Allowance, *, at: float) -> float:
    """Until there is a whole token; 0 when there is one now."""
    missing = 1 - refilled(bucket, allowance, at=at).tokens
    return missing * allowance.every if missing > _ROUNDING else 0.0


def taken(bucket: Bucket, allowance: Allowance, *, at: float) -> Bucket:
    """With one token less."""
    there = refilled(bucket, allowance, at=at)
    return Bucket(tokens=there.tokens - 1, at=at)


_ROUNDING = 1e-9
"""Who waits exactly as long as was said finds a token, whatever the fractions add up to."""
