"""What was done about incidents is remembered, and whoever is to be looked at again is found when it is time."""

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.status import Resolution
from incident_ops_tests.adapters.store.values import opened_for
from incident_ops_tests.builders import make_alert, make_incident, minutes


@pytest.fixture
def store(store: SqlStore) -> SqlStore:
    """With four incidents, of which the third is over."""
    for n in range(1, 5):
        opened_for(store, f"a/{n}", resolved=n == 3)
    return store


def due(store: SqlStore, at: float, limit: int = 50) -> list[int]:
    return store.to_attend(now=minutes(at), limit=limit)


def test_what_was_saved_last_about_an_incident_is_what_is_read(store: SqlStore):
    state = {
        "pages": [{"to": "ana", "at": "2026-11-20T09:00:00Z"}],
        "step": 2,
        "why": "„ärgerlich“",
        "until": None,
    }
    with store.transaction() as tx:
        assert tx.attention(1) == {}, "nothing was done yet"
        tx.save_attention(1, {"step": 1}, wake_at=None)
        tx.save_attention(2, {"step": 9}, wake_at=None)
        tx.save_attention(1, state, wake_at=minutes(5))
        assert tx.attention(1) == state
    with store.transaction() as tx:
        assert (tx.attention(1), tx.attention(2), tx.attention(4)) == (state, {"step": 9}, {})


def test_an_incident_is_attended_when_its_time_has_come_and_not_before(store: SqlStore):
    with store.transaction() as tx:
        tx.save_attention(1, {}, wake_at=minutes(20))
        tx.save_attention(2, {}, wake_at=minutes(10))
        tx.save_attention(4, {}, wake_at=None)
    assert [due(store, at) for at in (9.9, 10, 19.9, 20)] == [[], [2], [2], [2, 1]]
    assert due(store, 99, limit=1) == [2], "who waits longest comes first"
    assert store.next_wake() == minutes(10)
    with store.transaction() as tx:
        tx.save_attention(2, {}, wake_at=None)
    assert (due(store, 99), store.next_wake()) == ([1], minutes(20))


def test_nothing_wakes_by_itself(store: SqlStore):
    assert (due(store, 1e6), store.next_wake()) == ([], None)


def test_waking_brings_the_time_forward_and_never_puts_it_off(store: SqlStore):
    with store.transaction() as tx:
        tx.save_attention(1, {"step": 1}, wake_at=minutes(10))
        tx.save_attention(2, {"step": 2}, wake_at=None)
        tx.wake([1, 2, 4, 4], at=minutes(30))
        tx.wake([], at=minutes(0))
    assert [due(store, at) for at in (9, 10, 29, 30)] == [[], [1], [1], [1, 2, 4]]
    with store.transaction() as tx:
        tx.wake([1, 2], at=minutes(5))
        assert [tx.attention(n) for n in (1, 2, 4)] == [{"step": 1}, {"step": 2}, {}], "only the time changes"
    assert [due(store, at) for at in (4, 5, 30)] == [[], [1, 2], [1, 2, 4]]


def test_an_incident_can_be_woken_before_it_is_written(store: SqlStore):
    """Within a transaction the order of writing is free."""
    with store.transaction() as tx:
        tx.wake([5], at=minutes(1))
        tx.save(make_incident(5, make_alert("a/5")))
    assert due(store, 1) == [5]


def test_waking_more_incidents_than_a_statement_takes(store: SqlStore):
    with store.transaction() as tx:
        for number in range(10, 1_210):
            tx.save(make_incident(number, make_alert(f"b/{number}")))
        tx.wake(range(10, 1_210), at=minutes(1))
    assert due(store, 1, limit=2_000) == list(range(10, 1_210))


def test_all_open_incidents_are_woken_and_no_other(store: SqlStore):
    """A changed configuration concerns whoever may still be told; what is over stays over."""
    with store.transaction() as tx:
        tx.save(tx.incident(2).acknowledged(by="ana", at=minutes(1)))
        tx.save_attention(1, {"step": 1}, wake_at=minutes(3))
        tx.save_attention(4, {"step": 4}, wake_at=minutes(60))
        tx.wake_open(at=minutes(7))
        assert tx.attention(4) == {"step": 4}
    assert [due(store, at) for at in (2, 3, 7)] == [[], [1], [1, 2, 4]]


def test_a_transaction_that_fails_leaves_attention_as_it_was(store: SqlStore):
    with store.transaction() as tx:
        tx.save_attention(1, {"step": 1}, wake_at=minutes(10))
    with pytest.raises(ZeroDivisionError), store.transaction() as tx:
        tx.save_attention(1, {"step": 2}, wake_at=minutes(1))
        tx.wake_open(at=minutes(1))
        tx.join_group("g", 1)
        raise ZeroDivisionError
    assert due(store, 9) == []
    with store.transaction() as tx:
        assert (tx.attention(1), tx.group("g")) == ({"step": 1}, [])


# ---- groups


def test_a_group_is_its_open_incidents_oldest_first(store: SqlStore):
    with store.transaction() as tx:
        for number in (4, 2, 3, 1, 2):
            tx.join_group("team=web", number)
        tx.join_group("team=ads", 2)
        assert tx.group("team=web") == [1, 2, 4], "the third is over"
        assert (tx.group("team=ads"), tx.group("team=none")) == ([2], [])
        tx.leave_groups(2)
        assert (tx.group("team=web"), tx.group("team=ads")) == ([1, 4], [])
        tx.save(tx.incident(1).resolved(at=minutes(9), by="ana", reason=Resolution.FIXED))
        assert tx.group("team=web") == [4]
