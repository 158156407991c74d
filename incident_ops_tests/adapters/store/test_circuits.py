"""Circuits, lanes and moves in the outbox: what is left alone, who probes, what is owed elsewhere."""

from dataclasses import replace
from functools import partial

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.circuit import WELL, Circuit, after_answer
from incident_ops.core.delivery import Delivery, DeliveryStatus, Receipt
from incident_ops.core.notices import Action
from incident_ops.core.pace import Lane
from incident_ops.core.routing import Destination
from incident_ops.core.status import EntryKind, TimelineEntry
from incident_ops.engine.ports import Moved
from incident_ops_tests.adapters.store.values import LEASE, MAIL, SLACK, notice, opened_for, owe
from incident_ops_tests.builders import minutes

OTHER = replace(SLACK, address="#other")
OPEN = Circuit(failures=3, open_until=minutes(5), error="503")
EVERYTHING = Circuit(
    failures=4,
    open_until=minutes(5),
    probe=17,
    needs_person=True,
    error="token_revoked",
    died_at=minutes(1),
    died_of="reply to slack:#a was refused",
    well_at=minutes(2),
)


@pytest.fixture
def store(store: SqlStore) -> SqlStore:
    for n in range(4):
        opened_for(store, f"a/{n}")
    return store


def shut(store: SqlStore, place: Destination, circuit: Circuit = OPEN, *, at: float = 0) -> None:
    assert store.change_circuit(place, lambda known: circuit, now=minutes(at)) == circuit


def claim(store: SqlStore, at: float = 1, *, without: tuple[Lane, ...] = (), limit: int = 50) -> list[Delivery]:
    return store.claim(now=minutes(at), lease=LEASE, limit=limit, without=without)


def keys(deliveries: list[Delivery]) -> list[str]:
    return [delivery.key for delivery in deliveries]


def test_a_circuit_is_loaded_as_it_was_saved_and_one_that_is_well_is_not_kept(store: SqlStore):
    shut(store, SLACK, EVERYTHING)
    shut(store, MAIL)
    assert store.circuits() == [(MAIL, OPEN), (SLACK, EVERYTHING)]
    shut(store, MAIL, WELL)
    assert store.circuits() == [(SLACK, EVERYTHING)]


def test_behind_an_open_circuit_nothing_is_claimed_and_elsewhere_everything(store: SqlStore):
    owe(store, notice(1, Action.POST, "s"), notice(1, Action.POST, "m", to=MAIL), notice(2, Action.POST, "s2"))
    shut(store, SLACK)
    assert keys(claim(store)) == ["m"]
    assert claim(store) == []


def test_when_its_time_has_come_exactly_one_probes_and_the_others_wait_for_it(store: SqlStore):
    owe(store, *(notice(n, Action.POST, f"p{n}") for n in (1, 2, 3)))
    shut(store, SLACK)
    [probe] = claim(store, at=5)
    assert (probe.key, claim(store, at=5)) == ("p1", [])
    [(_, circuit)] = store.circuits()
    assert (circuit.probe, circuit.open_until) == (probe.id, minutes(5) + LEASE)
    store.accepted(probe, None, now=minutes(5), circuit=partial(after_answer, at=minutes(5)))
    assert (store.circuits(), keys(claim(store, at=5))) == ([], ["p2", "p3"])


def test_a_probe_that_nobody_hears_of_is_looked_up_and_then_others_have_their_turn(store: SqlStore):
    """Its worker was killed, perhaps by the very message."""
    owe(store, notice(1, Action.POST, "p1"), notice(2, Action.POST, "p2"))
    shut(store, SLACK)
    assert keys(claim(store, at=5)) == ["p1"]
    [again] = claim(store, at=6)
    assert (again.key, again.attempts, again.fate_unknown) == ("p1", 1, True)
    assert keys(claim(store, at=7)) == ["p2"], "the one that was tried least"


def test_a_probe_that_is_given_back_leaves_the_turn_to_another(store: SqlStore):
    owe(store, notice(1, Action.POST, "p1"))
    shut(store, SLACK)
    store.release(claim(store, at=5), now=minutes(5))
    [again] = claim(store, at=5)
    assert (again.key, again.attempts, again.fate_unknown) == ("p1", 0, False)


def test_a_circuit_of_the_future_is_one_of_before_the_clock_was_put_back(store: SqlStore):
    owe(store, notice(1, Action.POST, "p1"))
    shut(store, SLACK, replace(OPEN, open_until=minutes(600)), at=599)
    assert keys(claim(store, at=1)) == ["p1"]


@pytest.mark.parametrize(
    ("lane", "expected"),
    [
        (Lane(kind="slack"), ["m"]),
        (Lane(kind="slack", address="#orders"), ["o", "m"]),
        (Lane(kind="slack", actions=frozenset({Action.TELL})), ["s", "o", "m"]),
        (Lane(kind="slack", number=1), ["o", "m"]),
        (Lane(kind="slack", in_doubt=True), ["s", "o", "m"]),
        (Lane(kind="email"), ["s", "o"]),
    ],
)
def test_a_lane_that_is_left_alone_is_not_claimed(store: SqlStore, lane: Lane, expected: list[str]):
    owe(
        store,
        notice(1, Action.POST, "s"),
        notice(2, Action.POST, "o", to=OTHER),
        notice(1, Action.POST, "m", to=MAIL),
    )
    claimed = claim(store, without=(lane,))
    assert keys(claimed) == expected
    assert not any(lane.has(delivery) for delivery in claimed), "the same in SQL and in Python"


def test_what_is_given_back_is_as_it_was(store: SqlStore):
    owe(store, notice(1, Action.POST, "p1"), notice(2, Action.POST, "p2"))
    before = store.deliveries(1)
    claimed = claim(store)
    store.release(claimed[:1], now=minutes(1))
    assert store.deliveries(1) == before
    assert keys(claim(store)) == ["p1"]
    store.accepted(claimed[1], None, now=minutes(1))
    store.release(claimed[1:], now=minutes(1))
    assert store.deliveries(2)[0].status is DeliveryStatus.ACCEPTED


def test_a_post_waits_while_another_worker_sends_an_earlier_one_to_the_same_place(store: SqlStore):
    owe(store, *(notice(n, Action.POST, f"p{n}") for n in (1, 2)), notice(3, Action.POST, "o", to=OTHER))
    [first] = claim(store, limit=1)
    assert keys(claim(store)) == ["o"]
    owe(store, notice(4, Action.TELL, "t", text="x"))
    assert keys(claim(store)) == ["t"], "the order is that of posts"
    store.accepted(first, None, now=minutes(1))
    assert keys(claim(store)) == ["p2"]


def test_a_post_that_is_tried_again_later_does_not_hold_up_the_others(store: SqlStore):
    owe(store, *(notice(n, Action.POST, f"p{n}") for n in (1, 2)))
    [first] = claim(store, limit=1)
    store.postpone(first, error="503", not_before=minutes(9), fate_unknown=False, now=minutes(1))
    assert keys(claim(store)) == ["p2"]


# ---- owed elsewhere


def test_what_waits_is_found_by_age_and_moved_once(store: SqlStore):
    owe(store, notice(1, Action.POST, "p1"), at=1)
    owe(store, notice(2, Action.POST, "p2"), at=2)
    owe(store, notice(3, Action.POST, "p3"), at=3)
    lane = Lane(kind="slack", address=SLACK.address)
    waiting = store.waiting(lane, created_before=minutes(2), limit=9)
    assert keys(waiting) == ["p1", "p2"]
    said = TimelineEntry(at=minutes(20), kind=EntryKind.DELIVERY_FAILED, text="it waits; sent elsewhere as well")
    instead = [
        (
            each,
            Moved(
                notice=replace(notice(each.number, Action.POST, f"{each.key}-mail"), destination=MAIL), entry=said
            ),
        )
        for each in waiting
    ]
    for _ in range(2):
        store.move(instead, now=minutes(20))
    assert [d.key for n in (1, 2) for d in store.deliveries(n)] == ["p1", "p1-mail", "p2", "p2-mail"]
    assert store.deliveries(1)[0].moved_at == minutes(20)
    assert [entry for entry in store.timeline(1) if entry.kind is EntryKind.DELIVERY_FAILED] == [said]
    assert keys(store.waiting(lane, created_before=minutes(9), limit=9, only_to_move=True)) == ["p3"]
    assert len(store.waiting(lane, created_before=minutes(9), limit=2)) == 2


def test_what_waits_untried_can_be_buried_but_not_what_somebody_has_taken_meanwhile(store: SqlStore):
    owe(store, notice(1, Action.POST, "p1"), notice(2, Action.POST, "p2"))
    waiting = store.waiting(Lane(kind="slack"), created_before=minutes(9), limit=9)
    claim(store, limit=1)
    for delivery in waiting:
        entry = TimelineEntry(at=minutes(2), kind=EntryKind.DELIVERY_FAILED, text="given up")
        store.bury(delivery, error="503", instead=None, entry=entry, now=minutes(2))
    states = [store.deliveries(n)[0].status for n in (1, 2)]
    assert states == [DeliveryStatus.SENDING, DeliveryStatus.DEAD]


def test_open_incidents_are_found_by_where_they_were_accepted(store: SqlStore):
    owe(store, notice(1, Action.POST, "p1"), notice(2, Action.POST, "p2"), notice(3, Action.POST, "p3", to=OTHER))
    for delivery in claim(store):
        store.accepted(delivery, Receipt(channel="C", message="1"), now=minutes(1))
    owe(store, notice(4, Action.POST, "waits"))
    with store.transaction() as tx:
        tx.save(tx.incident(2).resolved(at=minutes(2)))
    assert store.open_at(Lane(kind="slack", address=SLACK.address)) == [1]
    assert store.open_at(Lane(kind="slack")) == [1, 3]


def test_many_transactions_on_one_connection_are_as_many_on_their_own(store: SqlStore):
    with store.connected(), store.connected():
        owe(store, notice(1, Action.POST, "p1"))
        with store.transaction() as tx:
            tx.save_cursor("tail", "1", now=minutes(0))
            assert store.cursor("tail") is None, "a reader inside sees what was committed"
        with pytest.raises(ZeroDivisionError), store.transaction() as tx:
            tx.save_cursor("tail", "2", now=minutes(0))
            raise ZeroDivisionError
        [post] = claim(store)
        store.accepted(post, None, now=minutes(1))
        assert (store.cursor("tail"), store.unfinished()) == ("1", 0)
    assert store.cursor("tail") == "1"
