"""Sinks that may be spoken to only so fast: others go meanwhile, order is kept, and no pass waits too long."""

from dataclasses import replace
from datetime import timedelta

from incident_ops.adapters.notify.slack.pace import SlackPace
from incident_ops.adapters.store import SqlStore
from incident_ops.core.errors import TransportError
from incident_ops.core.notices import Action
from incident_ops.core.routing import Destination
from incident_ops.engine.dispatch import Sinks, dispatch
from incident_ops_tests.builders import minutes
from incident_ops_tests.engine.fakes import FakeSink, sinks
from incident_ops_tests.engine.outbox import FIN, deliver, only, open_incident, owe


class Clock:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        assert 0 < seconds <= 1, "longer, and nobody asks whether the pass may go on"
        self.now += seconds


def paced(slack: FakeSink, clock: Clock) -> Sinks:
    return replace(sinks(slack, FakeSink(kind="inbox")), pace=SlackPace(monotonic=clock, wait=clock.wait))


class TimedSink(FakeSink):
    """Remembers at what time it was spoken to."""

    def __init__(self, clock: Clock, *troubles: Exception | None) -> None:
        super().__init__(*troubles)
        self._clock = clock
        self.times: list[float] = []

    def _stumble(self, address: str) -> None:
        self.times.append(self._clock() - 1_000)
        super()._stumble(address)


def test_a_channel_gets_a_message_a_second_in_order_and_others_do_not_wait(store: SqlStore) -> None:
    clock = Clock()
    for n in range(4):
        owe(store, open_incident(store, f"a/{n}"), Action.POST)
    owe(store, open_incident(store, "b/1"), Action.POST, to=replace(FIN, address="#b"))
    owe(store, 1, Action.REPLY, "acknowledged")
    slack = TimedSink(clock)
    assert deliver(store, paced(slack, clock)).delivered == 6
    assert [sent.key for sent in slack.sent] == [
        "INC-1:post:slack:#fin",
        "INC-5:post:slack:#b",
        *(f"INC-{n}:post:slack:#fin" for n in (2, 3, 4)),
        "INC-1:reply:slack:#fin:acknowledged",
    ]
    assert [round(at) for at in slack.times] == [0, 0, 1, 2, 3, 4]
    assert only(store, 4).attempts == 0


def test_edits_of_a_workspace_stay_within_fifty_a_minute(store: SqlStore) -> None:
    clock = Clock()
    slack = TimedSink(clock)
    for n in range(70):
        place = replace(FIN, address=f"#{n}")
        owe(store, open_incident(store, f"a/{n}"), Action.POST, to=place)
    deliver(store, sinks(slack))
    for n in range(70):
        owe(store, n + 1, Action.EDIT, to=replace(FIN, address=f"#{n}"))
    slack.times.clear()
    assert deliver(store, paced(slack, clock)).delivered == 70
    assert max(sum(begin <= at < begin + 60 for at in slack.times) for begin in slack.times) <= 50
    assert slack.times[9] == 0, "a few need not wait"


def test_the_pass_ends_when_it_may_not_wait_any_more_and_nothing_is_lost(store: SqlStore) -> None:
    clock = Clock()
    for n in range(30):
        owe(store, open_incident(store, f"a/{n}"), Action.POST)
    slack = TimedSink(clock)
    where = paced(slack, clock)
    done = dispatch(store, where, now=minutes(0), may_go_on=lambda: clock() < 1_010)
    assert (done.delivered, done.pending) == (10, 20)
    assert deliver(store, where, at=1).delivered == 20, "nothing is left claimed"


def test_what_is_not_slacks_is_never_held(store: SqlStore) -> None:
    clock = Clock()
    inbox = Destination(kind="inbox", address="#data")
    for n in range(9):
        owe(store, open_incident(store, f"a/{n}"), Action.POST, to=inbox)
    assert deliver(store, paced(FakeSink(), clock)).delivered == 9
    assert clock() == 1_000


def test_patience_is_counted_from_the_answer_and_not_from_the_beginning_of_the_pass(store: SqlStore) -> None:
    clock = Clock()
    for n in range(8):
        owe(store, open_incident(store, f"a/{n}"), Action.POST)
    slack = TimedSink(clock, *[None] * 7, TransportError("429", retry_after=timedelta(seconds=30)))
    deliver(store, paced(slack, clock))
    assert (only(store, 8).not_before - minutes(0)).total_seconds() >= 37
