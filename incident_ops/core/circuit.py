"""A breaker for each destination: one that does not answer is left alone for a while, and one delivery asks it
whether it is well again (Nygard, "Release It!", 2007). What died there is remembered with it.

No row is kept of a destination that is well: it has the `Circuit` with nothing in it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from incident_ops.core.errors import TransportError
from incident_ops.core.retry import DELAY_FOR_A_PERSON, RetryRule

OPENS_AFTER = 3
"""So many failures in a row open the circuit: one is chance, two are bad luck."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """What is known of a destination that gives, or gave, trouble.

    Attributes:
        failures: tries in a row that it did not take.
        open_until: nothing goes there before, then a single probe; None while the circuit is closed.
        probe: id of the delivery that probes now; if nothing is heard of it by `open_until`, another one does.
        needs_person: only a change of set-up can help: what waits need not wait to go elsewhere as well.
        error: the last failure, a sentence.
        died_at: when a delivery to it was last given up or refused, and `died_of` why.
        well_at: when it last accepted something after that.
    """

    failures: int = 0
    open_until: datetime | None = None
    probe: int | None = None
    needs_person: bool = False
    error: str = ""
    died_at: datetime | None = None
    died_of: str = ""
    well_at: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        return self.open_until is not None and self.open_until > now


WELL = Circuit()


def after_failure(
    known: Circuit, error: TransportError, *, delivery: int, rule: RetryRule, jitter: float, now: datetime
) -> Circuit:
    """After a try that is to be repeated. It opens after `OPENS_AFTER` failures in a row, and at once when the
    sink asks for patience or only a person can help. Others in flight never shorten the pause."""
    failures = known.failures + 1
    opens = failures >= OPENS_AFTER or error.needs_person or error.retry_after is not None
    until: datetime | None = None
    if opens:
        delay = rule.delay(failures, retry_after=error.retry_after, jitter=jitter)
        until = now + (DELAY_FOR_A_PERSON if error.needs_person else delay)
    is_the_probe = known.probe == delivery
    if not is_the_probe and known.open_until is not None:
        until = max(until, known.open_until) if until is not None else known.open_until
    return replace(
        known,
        failures=failures,
        open_until=until,
        probe=None if is_the_probe else known.probe,
        needs_person=error.needs_person,
        error=str(error),
    )


def after_answer(known: Circuit, *, at: datetime) -> Circuit:
    """It accepted something: closed. What died there is told before it is forgotten (`core.watchdog`)."""
    if known.died_at is None:
        return WELL
    return replace(WELL, died_at=known.died_at, died_of=known.died_of, well_at=at)


def after_nothing(known: Circuit, *, delivery: int, now: datetime) -> Circuit:
    """The try said nothing about the destination (it was not asked, or the fault was ours): another one probes."""
    return replace(known, open_until=now, probe=None) if known.probe == delivery else known


def after_death(known: Circuit, *, of: str, at: datetime, has_answered: bool) -> Circuit:
    """A delivery to it is dead; `has_answered` says that the destination itself refused it, and so is there."""
    state = WELL if has_answered else known
    return replace(state, died_at=at, died_of=of, well_at=None)


def after_mourning(known: Circuit) -> Circuit:
    """What died there was told, and is over."""
    return replace(known, died_at=None, died_of="", well_at=None)


def probing(known: Circuit, *, delivery: int, lease: timedelta, now: datetime) -> Circuit:
    """The delivery asks for all others; they wait until it has been heard of, at most for its lease."""
    return replace(known, probe=delivery, open_until=now + lease)
