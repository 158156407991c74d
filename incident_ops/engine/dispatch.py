"""The outbox → the sinks. A claimed delivery is accepted, tried again later, or replaced by another destination;
none disappears. How one is sent is in `sending`, where else it may go in `fallback`, what sinks there are in
`sinks`."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from incident_ops.core.circuit import OPENS_AFTER, Circuit, after_answer, after_failure, after_nothing
from incident_ops.core.cleansing import without_secrets
from incident_ops.core.delivery import Delivery
from incident_ops.core.errors import TransportError
from incident_ops.core.pace import Lane
from incident_ops.core.retry import DELAY_FOR_A_PERSON, rule_for
from incident_ops.engine.fallback import give_up, owed_elsewhere, refuse, turn_elsewhere
from incident_ops.engine.ports import ChangeOfCircuit, Store, Subject
from incident_ops.engine.sending import Answer, send
from incident_ops.engine.sinks import Sinks, undressed

__all__ = ["LEASE", "Dispatched", "Sinks", "dispatch", "undressed"]

LEASE = timedelta(seconds=90)
"""Longer than a pass may take, its last delivery included: `now` is that of the pass."""

BATCH = 10
"""So many are claimed at a time: to claim costs about as much as to settle, and what a killed worker had claimed
waits for the lease to end."""

MANY = 5
"""Tries of one delivery after which none heard what became of it: that is no chance any more."""

LONGEST_WAIT = 1.0
"""Seconds; then it is asked again whether the pass may go on."""


@dataclass(slots=True)
class Dispatched:
    """What became of the deliveries that were due.

    Attributes:
        delivered: how many were accepted.
        pending: how many are still owed.
        problems: a sentence for every way in which a try failed.
        for_people: those of them that only a person can mend.
    """

    delivered: int = 0
    pending: int = 0
    problems: list[str] = field(default_factory=list[str])
    for_people: list[str] = field(default_factory=list[str])

    def __add__(self, later: "Dispatched") -> "Dispatched":
        return Dispatched(
            delivered=self.delivered + later.delivered,
            pending=later.pending,
            problems=list(dict.fromkeys([*self.problems, *later.problems])),
            for_people=list(dict.fromkeys([*self.for_people, *later.for_people])),
        )

    def note(self, problem: str, *, is_for_people: bool) -> None:
        if problem not in self.problems:
            self.problems.append(problem)
            if is_for_people:
                self.for_people.append(problem)


def dispatch(store: Store, sinks: Sinks, *, now: datetime, may_go_on: Callable[[], bool]) -> Dispatched:
    """Deliver what is due, until nothing is or `may_go_on` says to stop."""
    turn = _Pass(store, sinks, now=now, may_go_on=may_go_on)
    with store.connected():
        turn.deliver_what_is_due()
        if turn_elsewhere(store, sinks, turn.silent, now=now):
            turn.deliver_what_is_due()
        turn.done.pending = store.unfinished()
    return turn.done


class _Pass:
    """One pass over the outbox, and what it has learnt of the sinks."""

    def __init__(self, store: Store, sinks: Sinks, *, now: datetime, may_go_on: Callable[[], bool]) -> None:
        self.done = Dispatched()
        self._store, self._sinks, self._now, self._may_go_on = store, sinks, now, may_go_on
        self._began = sinks.pace.clock()
        self._failures: dict[Lane, int] = {}
        self._shut: set[Lane] = set()
        self._held: dict[Lane, float] = {}

    @property
    def silent(self) -> Collection[Lane]:
        """Sinks that as a whole do not answer: one that lets us wait would use up the pass."""
        return [lane for lane, failures in self._failures.items() if failures >= OPENS_AFTER]

    def deliver_what_is_due(self) -> None:
        is_likely = False
        while self._may_go_on():
            clock = self._sinks.pace.clock()
            self._held = {lane: until for lane, until in self._held.items() if until > clock}
            left_alone = (*self.silent, *self._shut, *self._held)
            claimed = self._store.claim(
                now=self._now, lease=LEASE, limit=BATCH, without=left_alone, is_likely=is_likely
            )
            is_likely = len(claimed) == BATCH
            if claimed:
                self._go_through(claimed)
            elif not self._waited():
                break

    def _go_through(self, claimed: list[Delivery]) -> None:
        untried: list[Delivery] = []
        subjects = self._store.subjects(claimed)
        claimed.sort(key=lambda each: each.fate_unknown and each.attempts > 1)  # last what may be the end of us
        for delivery in claimed:
            is_first = delivery is claimed[0]
            if (is_first or self._may_go_on()) and not self._is_held_back(delivery):
                self._settle(delivery, subjects.get(delivery.number) if delivery.number is not None else None)
            else:
                untried.append(delivery)
        self._store.release(untried, now=self._now)

    def _is_held_back(self, delivery: Delivery) -> bool:
        if any(lane.has(delivery) for lane in (*self.silent, *self._shut, *self._held)):
            return True
        held = self._sinks.pace.held(delivery)
        if held is not None:
            self._held[held.lane] = self._sinks.pace.clock() + held.seconds
        return held is not None

    def _waited(self) -> bool:
        """Nothing else can go: wait for the first lane that is held. False if none is."""
        if not self._held:
            return False
        seconds = min(self._held.values()) - self._sinks.pace.clock()
        if seconds > 0:
            self._sinks.pace.wait(min(seconds, LONGEST_WAIT))
        return True

    # ---- what follows

    def _settle(self, delivery: Delivery, subject: Subject | None) -> None:
        sink = self._sinks.lane_of(delivery.destination)
        self._see_that_it_is_heard(delivery)
        try:
            answer = send(self._sinks, delivery, subject)
        except TransportError as error:
            self._failed(delivery, sink, error)
        except Exception as error:  # noqa: BLE001 - one bad delivery must not stop the others; it is kept and shown
            self._stumbled(delivery, error)
        else:
            self._accepted(delivery, sink, answer)

    def _see_that_it_is_heard(self, delivery: Delivery) -> None:
        """What has been tried for long, and may be what ends every worker that tries it, goes elsewhere first."""
        is_late = self._now - delivery.created_at >= rule_for(delivery.destination.kind).fallback_after
        if delivery.fate_unknown and delivery.attempts >= MANY and is_late and delivery.moved_at is None:
            why = delivery.error or "whoever sent it did not live to hear the answer"
            moved = owed_elsewhere(self._sinks, delivery, error=why, now=self._now)
            if moved is not None:
                self._store.move([(delivery, moved)], now=self._now)

    def _accepted(self, delivery: Delivery, sink: Lane, answer: Answer) -> None:
        circuit: ChangeOfCircuit = partial(after_nothing, delivery=delivery.id, now=self._now)
        if answer.was_asked:
            circuit = partial(after_answer, at=self._now)
            self._failures.pop(sink, None)
        self._store.accepted(delivery, answer.receipt, now=self._now, circuit=circuit)
        self.done.delivered += 1

    def _failed(self, delivery: Delivery, sink: Lane, error: TransportError) -> None:
        text = without_secrets(str(error))
        is_person = "@" in delivery.destination.address  # somebody whom the sink does not know is no mistake
        is_for_people = error.needs_person or (error.permanent and not is_person)
        self.done.note(f"{delivery.destination}: {text}", is_for_people=is_for_people)
        if error.permanent:
            self._failures.pop(sink, None)
            refuse(self._store, self._sinks, delivery, error=text, now=self._now)
            return
        if not error.needs_person:  # that is an answer, and a quick one
            self._failures[sink] = self._failures.get(sink, 0) + 1
        self._try_again(delivery, error, text)

    def _stumbled(self, delivery: Delivery, error: Exception) -> None:
        """A fault of ours says nothing about the destination; how far the try came nobody knows."""
        problem = f"{type(error).__name__} while delivering {delivery.key}"
        self.done.note(f"{delivery.destination}: {problem}", is_for_people=False)
        unknown = TransportError(problem, fate_unknown=True)
        circuit = partial(after_nothing, delivery=delivery.id, now=self._now)
        self._try_again(delivery, unknown, problem, circuit=circuit)

    def _try_again(
        self, delivery: Delivery, error: TransportError, text: str, circuit: ChangeOfCircuit | None = None
    ) -> None:
        rule, now = rule_for(delivery.destination.kind), self._now
        retry_after = error.retry_after
        if retry_after is not None:  # from when it was said, not from the beginning of the pass
            retry_after += timedelta(seconds=self._sinks.pace.clock() - self._began)
        error = _as_told(error, text, retry_after)
        jitter = self._sinks.jitter()
        if circuit is None:
            circuit = partial(after_failure, error=error, delivery=delivery.id, rule=rule, jitter=jitter, now=now)
        waited = now - delivery.created_at
        if waited >= rule.give_up_after:
            give_up(self._store, self._sinks, delivery, error=text, now=now, circuit=circuit)
            return
        delay = rule.delay(delivery.attempts + 1, retry_after=retry_after, jitter=jitter)
        is_owed = error.needs_person or waited >= rule.fallback_after
        state = self._store.postpone(
            delivery,
            error=text,
            not_before=now + (DELAY_FOR_A_PERSON if error.needs_person else delay),
            fate_unknown=delivery.fate_unknown or error.fate_unknown,
            now=now,
            circuit=circuit,
            elsewhere=owed_elsewhere(self._sinks, delivery, error=text, now=now) if is_owed else None,
        )
        self._heed(delivery, state)

    def _heed(self, delivery: Delivery, circuit: Circuit) -> None:
        """What was claimed together with this one goes no more to a destination that is shut."""
        if circuit.is_open(self._now):
            place = delivery.destination
            self._shut.add(Lane(kind=place.kind, address=place.address))


def _as_told(error: TransportError, text: str, retry_after: timedelta | None) -> TransportError:
    return TransportError(
        text,
        permanent=error.permanent,
        needs_person=error.needs_person,
        fate_unknown=error.fate_unknown,
        retry_after=retry_after,
    )
