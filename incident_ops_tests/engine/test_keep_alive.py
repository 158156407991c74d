"""Sinks that forget are sent all that is open again, in time; that they are away is no reason to stop."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from incident_ops.adapters.store import SqlStore
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Message
from incident_ops.core.notices import Action
from incident_ops.core.routing import Destination
from incident_ops.engine.keep_alive import keep_alive
from incident_ops.engine.ports import Notifier
from incident_ops.engine.sinks import Sinks
from incident_ops_tests.builders import minutes
from incident_ops_tests.engine.fakes import FakeSink, sinks
from incident_ops_tests.engine.outbox import UNREACHABLE, deliver, open_incident, owe

WAR_ROOM = Destination(kind="alertmanager", address="war-room")


class FadingSink(FakeSink):
    def __init__(self, *troubles: TransportError | None) -> None:
        super().__init__(kind="alertmanager")
        self._repeat_troubles = list(troubles)
        self.repeated: list[list[str]] = []

    @property
    def every(self) -> timedelta:
        return timedelta(minutes=2)

    def repeat(self, messages: Sequence[Message]) -> None:
        trouble = self._repeat_troubles.pop(0) if self._repeat_troubles else None
        if trouble is not None:
            raise trouble
        self.repeated.append([message.incident_id for message in messages])


def where(sink: FadingSink) -> Sinks:
    name = "alertmanager:war-room"
    return replace(sinks(), notifiers={name: sink}, fading=frozenset({name}))


def told(store: SqlStore, sink: FadingSink, *assets: str) -> None:
    for asset in assets:
        owe(store, open_incident(store, asset), Action.POST, to=WAR_ROOM)
    deliver(store, where(sink))


def test_what_is_open_and_was_accepted_there_is_sent_again_every_so_often(store: SqlStore) -> None:
    sink = FadingSink()
    told(store, sink, "a/1", "a/2", "a/3")
    owe(store, open_incident(store, "a/4"), Action.POST, to=replace(WAR_ROOM, address="another"))
    owe(store, open_incident(store, "a/5"), Action.POST, to=WAR_ROOM)
    with store.transaction() as tx:
        tx.save(tx.incident(2).resolved(at=minutes(1)))
    for at in (1, 2, 3, 4):
        assert keep_alive(store, where(sink), now=minutes(at)) == []
    assert sink.repeated == [["INC-1", "INC-3"]] * 2


def test_a_failure_is_trouble_of_that_place_and_is_tried_again_until_the_circuit_opens(store: SqlStore) -> None:
    sink = FadingSink(UNREACHABLE, UNREACHABLE, UNREACHABLE)
    told(store, sink, "a/1")
    for at in (1, 1.1, 1.2):
        assert keep_alive(store, where(sink), now=minutes(at)) == ["alertmanager:war-room: 503"]
    [(place, circuit)] = store.circuits()
    assert (place, circuit.is_open(minutes(1.3))) == (WAR_ROOM, True)
    assert (keep_alive(store, where(sink), now=minutes(1.3)), sink.repeated) == ([], [])
    keep_alive(store, where(sink), now=minutes(2))
    assert (sink.repeated, store.circuits()) == ([["INC-1"]], [])


def test_a_sink_that_remembers_is_not_asked(store: SqlStore) -> None:
    slack = FakeSink()
    owe(store, open_incident(store), Action.POST)
    deliver(store, sinks(slack))
    assert keep_alive(store, sinks(slack), now=minutes(9)) == []
    assert len(slack.sent) == 1


class Unmade(Mapping[str, Notifier]):
    """Notifiers whose names are known; to ask for one makes it, and is an error."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __getitem__(self, name: str) -> Notifier:
        raise AssertionError(f"{name} was made")

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def test_a_pass_makes_no_notifier_that_has_nothing_to_repeat(store: SqlStore) -> None:
    """To import their libraries takes longer than all else in a quiet pass."""
    owe(store, open_incident(store), Action.POST)
    deliver(store, sinks(FakeSink()))
    unmade = replace(sinks(), notifiers=Unmade("slack", "email", str(WAR_ROOM)), fading=frozenset({str(WAR_ROOM)}))
    assert keep_alive(store, unmade, now=minutes(9)) == []
