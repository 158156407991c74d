"""Silences: kept as they were written, listed while they last, ended early; open incidents are looked at anew."""

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.errors import NotFound
from incident_ops.core.matching import MatcherSyntaxError, parse_matcher
from incident_ops.core.muting import Silence
from incident_ops_tests.adapters.store.values import opened_for
from incident_ops_tests.builders import minutes


@pytest.fixture
def store(store: SqlStore) -> SqlStore:
    """With an open incident and one that is over."""
    opened_for(store, "a/1")
    opened_for(store, "a/2", resolved=True)
    return store


def add(store: SqlStore, *matchers: str, begins: float = 0, ends: float = 60, now: float = 0) -> int:
    return store.add_silence(
        matchers, begins=minutes(begins), ends=minutes(ends), author="ana", comment="„Umzug“", now=minutes(now)
    )


def ids(store: SqlStore, since: float) -> list[int]:
    return [silence.id for silence in store.silences(since=minutes(since))]


def at_rest(store: SqlStore) -> SqlStore:
    with store.transaction() as tx:
        tx.save_attention(1, {}, wake_at=None)
    assert store.next_wake() is None
    return store


def test_a_silence_is_read_as_it_was_written(store: SqlStore):
    texts = ('tag:incident_ops/tier = "gold"', r'asset =~ "shop/\d+"', "severity != SEV0")
    id = add(store, *texts, begins=5, ends=90)
    [found] = store.silences(since=minutes(0))
    assert found == Silence(
        id=id,
        matchers=tuple(map(parse_matcher, texts)),
        begins=minutes(5),
        ends=minutes(90),
        author="ana",
        comment="„Umzug“",
    )
    assert found.matchers[1].matches({"asset": "shop/17"})


def test_those_that_last_are_listed_in_the_order_in_which_they_begin(store: SqlStore):
    late, early, short = add(store, begins=30), add(store, begins=10), add(store, begins=10, ends=20)
    assert [ids(store, since) for since in (0, 19.9, 20, 60)] == [
        [early, short, late],
        [early, short, late],
        [early, late],
        [],
    ]


@pytest.mark.parametrize("text", ["severity", 'team = "web', "asset =~ ("])
def test_a_text_that_is_no_matcher_is_refused_at_once(store: SqlStore, text: str):
    """Stored, it would stop every look at every incident."""
    with pytest.raises(MatcherSyntaxError):
        add(store, "team = web", text)
    assert ids(store, 0) == []


@pytest.mark.parametrize("ends", [9, 10])
def test_a_silence_without_length_is_refused(store: SqlStore, ends: float):
    with pytest.raises(ValueError, match="must end after it begins"):
        add(store, begins=10, ends=ends)


def test_an_expired_silence_ends_at_once_and_only_earlier(store: SqlStore):
    id = add(store, ends=60)
    store.expire_silence(id, at=minutes(20))
    [found] = store.silences(since=minutes(10))
    assert (found.ends, found.is_active(minutes(20))) == (minutes(20), False)
    store.expire_silence(id, at=minutes(40))
    assert [silence.ends for silence in store.silences(since=minutes(10))] == [minutes(20)]


def test_a_silence_that_has_not_begun_never_does_when_it_is_expired(store: SqlStore):
    id = add(store, begins=30)
    store.expire_silence(id, at=minutes(20))
    [found] = store.silences(since=minutes(10))
    assert not any(found.is_active(minutes(at)) for at in (10, 20, 25, 30, 59))


def test_a_silence_that_is_not_there_cannot_be_expired(store: SqlStore):
    with pytest.raises(NotFound, match="there is no silence 7"):
        store.expire_silence(7, at=minutes(1))


def test_open_incidents_are_looked_at_anew_when_silences_change(store: SqlStore):
    id = add(at_rest(store), now=3)
    assert (store.to_attend(now=minutes(3), limit=9), store.next_wake()) == ([1], minutes(3))
    at_rest(store).expire_silence(id, at=minutes(8))
    assert (store.to_attend(now=minutes(8), limit=9), store.next_wake()) == ([1], minutes(8))
    at_rest(store).expire_silence(id, at=minutes(9))
    assert store.next_wake() is None, "nothing changed"


def test_ids_are_never_given_twice(store: SqlStore, open_another):
    assert [add(each) for each in (store, open_another(), store)] == [1, 2, 3]
