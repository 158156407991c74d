"""Digests: what waits for one waits once, goes out when it is due, and is not sent again."""

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.digest import DigestItem
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.store.values import MAIL, SLACK, opened_for
from incident_ops_tests.builders import minutes


@pytest.fixture
def store(store: SqlStore) -> SqlStore:
    for n in range(1, 5):
        opened_for(store, f"a/{n}")
    return store


def put(
    store: SqlStore, number: int, to: Destination = SLACK, *, why: str = "SEV3", due: float = 60, at: float = 0
):
    with store.transaction() as tx:
        tx.add_to_digest(to, number, why=why, due_at=minutes(due), now=minutes(at))


def waiting(store: SqlStore, to: Destination = SLACK, *, until: float = 60) -> list[int]:
    with store.transaction() as tx:
        return [item.number for item in tx.digest_of(to, until=minutes(until))]


def test_an_item_is_read_as_it_was_put_there(store: SqlStore):
    put(store, 1, why="over the budget of „five“", at=7)
    with store.transaction() as tx:
        assert tx.digest_of(SLACK, until=minutes(60)) == [
            DigestItem(
                destination=SLACK, number=1, why="over the budget of „five“", at=minutes(7), due_at=minutes(60)
            )
        ]


def test_items_wait_by_destination_oldest_first(store: SqlStore):
    put(store, 3, at=5)
    put(store, 2, at=9)
    put(store, 1, at=7)
    put(store, 4, MAIL, at=1)
    assert (waiting(store), waiting(store, MAIL)) == ([3, 1, 2], [4])
    assert waiting(store, Destination(kind="email", address="#orders")) == []


def test_an_incident_waits_once_for_a_digest_however_often_it_fires(store: SqlStore):
    put(store, 1, why="first", due=60)
    put(store, 1, why="again", due=90)
    put(store, 1, MAIL, why="another reader", due=60)
    with store.transaction() as tx:
        assert [item.why for item in tx.digest_of(SLACK, until=minutes(90))] == ["first"]
        assert [item.why for item in tx.digest_of(MAIL, until=minutes(90))] == ["another reader"]


def test_digests_are_due_when_their_first_item_is(store: SqlStore):
    assert store.digests_due(now=minutes(1e6)) == []
    put(store, 1, SLACK, due=60)
    put(store, 2, SLACK, due=90)
    put(store, 3, MAIL, due=90)
    assert [store.digests_due(now=minutes(at)) for at in (59.9, 60, 90)] == [[], [SLACK], [MAIL, SLACK]]
    assert (waiting(store, until=60), waiting(store, until=90)) == ([1], [1, 2])


def test_what_was_sent_is_neither_due_nor_sent_again(store: SqlStore):
    put(store, 1, due=60)
    put(store, 2, due=90)
    put(store, 3, MAIL, due=60)
    with store.transaction() as tx:
        tx.mark_digested(SLACK, until=minutes(60), now=minutes(61))
    assert (waiting(store, until=99), waiting(store, MAIL)) == ([2], [3]), "neither what came later nor others"
    assert store.digests_due(now=minutes(61)) == [MAIL]


def test_an_incident_that_was_in_a_digest_may_wait_for_the_next_one(store: SqlStore):
    for due in (60, 120, 180):
        put(store, 1, why=f"due at {due}", due=due, at=due - 1)
        assert waiting(store, until=due) == [1]
        with store.transaction() as tx:
            tx.mark_digested(SLACK, until=minutes(due), now=minutes(due))
        assert waiting(store, until=999) == []
