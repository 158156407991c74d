"""Which incidents are to be shown, shown again, and shown no more."""

from incident_ops.adapters.store import SqlStore
from incident_ops.core.status import EntryKind
from incident_ops_tests.adapters.store.values import opened_for
from incident_ops_tests.builders import minutes


def unpublished(store: SqlStore, limit: int = 10) -> list[str]:
    return [incident.id for incident in store.unpublished(limit=limit)]


def change(store: SqlStore, number: int) -> None:
    with store.transaction() as tx:
        tx.save(tx.incident(number).noted(EntryKind.NOTE, "a change", at=minutes(1)))


def to_retire(store: SqlStore, before: float, limit: int = 10) -> list[str]:
    return [incident.id for incident in store.to_retire(resolved_before=minutes(before), limit=limit)]


def test_every_change_is_published_once_and_the_oldest_change_first(store: SqlStore):
    for asset in ("a/1", "a/2", "a/3"):
        opened_for(store, asset)
    change(store, 1)
    assert unpublished(store) == ["INC-2", "INC-3", "INC-1"]
    assert unpublished(store, limit=2) == ["INC-2", "INC-3"]
    store.mark_published(store.unpublished(limit=2))
    assert unpublished(store) == ["INC-1"]
    store.mark_published(store.unpublished(limit=2))
    assert unpublished(store) == []
    change(store, 3)
    assert unpublished(store) == ["INC-3"]


def test_a_change_made_while_it_was_shown_stays_unpublished(store: SqlStore):
    opened_for(store, "a/1")
    shown = store.unpublished(limit=1)
    change(store, 1)
    store.mark_published(shown)
    assert unpublished(store) == ["INC-1"]
    newest = store.unpublished(limit=1)
    store.mark_published(newest)
    store.mark_published(shown)
    assert unpublished(store) == [], "an older report takes nothing back"


def test_what_ended_long_ago_and_was_shown_is_retired_once(store: SqlStore):
    opened_for(store, "a/1", resolved=True)  # at minute 1
    opened_for(store, "a/2", resolved=True, occurred_at=minutes(100))
    opened_for(store, "a/3")
    assert to_retire(store, before=1_000) == [], "what was never shown has nothing to take away"
    store.mark_published(store.unpublished(limit=10))
    assert to_retire(store, before=1) == []
    assert to_retire(store, before=50) == ["INC-1"]
    assert to_retire(store, before=1_000) == ["INC-1", "INC-2"]
    assert to_retire(store, before=1_000, limit=1) == ["INC-1"]
    store.mark_retired(store.to_retire(resolved_before=minutes(50), limit=10))
    assert to_retire(store, before=1_000) == ["INC-2"]


def test_a_retired_incident_that_changes_is_shown_and_retired_again(store: SqlStore):
    opened_for(store, "a/1", resolved=True)
    store.mark_published(store.unpublished(limit=10))
    store.mark_retired(store.to_retire(resolved_before=minutes(50), limit=10))
    assert unpublished(store) == []
    with store.transaction() as tx:
        tx.save(tx.incident(1).closed(at=minutes(60)))
    assert to_retire(store, before=1_000) == []
    store.mark_published(store.unpublished(limit=10))
    assert to_retire(store, before=1_000) == ["INC-1"]


def test_the_last_state_is_shown_before_it_is_retired(store: SqlStore):
    opened_for(store, "a/1")
    store.mark_published(store.unpublished(limit=10))
    with store.transaction() as tx:
        tx.save(tx.incident(1).resolved(at=minutes(5)))
    assert to_retire(store, before=1_000) == []
    assert unpublished(store) == ["INC-1"]
