"""What triage asks of a transaction."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from incident_ops.adapters.store import SqlStore
from incident_ops.core.errors import NotFound
from incident_ops.core.incident import Incident
from incident_ops.core.notices import Action
from incident_ops.core.severity import Assessment
from incident_ops.core.status import EntryKind, Status
from incident_ops.engine.ports import Agenda, Outbox, Publications, Store
from incident_ops_tests.adapters.store.values import notice, opened_for
from incident_ops_tests.builders import make_alert, make_incident, make_recovery, minutes


def related(store: SqlStore, *fingerprints: str, causes: tuple[str, ...] = (), since: float = 0) -> list[str]:
    with store.transaction() as tx:
        found = tx.related(fingerprints=fingerprints, causes=causes, resolved_since=minutes(since))
    return [incident.id for incident in found]


def test_numbers_start_at_one_and_are_never_given_twice(store: SqlStore, open_another):
    other = open_another()
    numbers: list[int] = []
    for each in (store, other, store):
        with each.transaction() as tx:
            numbers += [tx.allocate_number(), tx.allocate_number()]
    assert numbers == [1, 2, 3, 4, 5, 6]


def test_nothing_is_written_when_the_transaction_fails(store: SqlStore):
    """An alert without its incident, or without what is owed for it, would never be told."""
    alert = make_alert("a/b")
    with pytest.raises(ZeroDivisionError), store.transaction() as tx:
        tx.save(make_incident(tx.allocate_number(), alert))
        tx.add_alert(alert, 1)
        tx.enqueue([notice(1, Action.POST, "p")], now=minutes(0))
        tx.save_cursor("tail", "1", now=minutes(0))
        raise ZeroDivisionError
    assert store.incidents() == []
    assert store.timeline(1) == []
    assert store.unfinished() == 0
    with store.transaction() as tx:
        assert tx.known_events([alert.event_id]) == set()
        assert tx.cursor("tail") is None


def test_within_a_transaction_the_order_of_writing_is_free(store: SqlStore):
    alert = make_alert("a/b")
    with store.transaction() as tx:
        tx.enqueue([notice(1, Action.POST, "p")], now=minutes(0))
        tx.add_alert(alert, 1)
        tx.save(make_incident(1, alert))
    assert store.alerts(1, limit=5) == [alert]


def test_an_alert_of_no_incident_cannot_be_stored(store: SqlStore):
    with pytest.raises(IntegrityError), store.transaction() as tx:
        tx.add_alert(make_alert("a/b"), 99)


def test_saving_over_a_newer_revision_is_refused(store: SqlStore):
    incident = opened_for(store, "a/b")
    with store.transaction() as tx:
        tx.save(incident.noted(EntryKind.NOTE, "first", at=minutes(1)))
    with (
        pytest.raises(RuntimeError, match="INC-1 was read at revision 1, revision 2 is stored"),
        store.transaction() as tx,
    ):
        tx.save(incident.noted(EntryKind.NOTE, "second", at=minutes(2)))
    with pytest.raises(RuntimeError, match="INC-1 was read at revision 0"), store.transaction() as tx:
        tx.save(make_incident(1, make_alert("x/y")))
    assert [entry.text for entry in store.timeline(1)][1:] == ["first"]


def test_an_incident_that_is_not_there_is_not_found(store: SqlStore):
    with pytest.raises(NotFound, match="INC-5"):
        store.incident(5)
    with pytest.raises(NotFound, match="INC-5"), store.transaction() as tx:
        tx.incident(5)


def test_the_timeline_is_in_the_order_of_writing(store: SqlStore):
    """Clocks may go back; what was written later is told later."""
    incident = opened_for(store, "a/b")
    for n, at in enumerate([5, 3, 9]):
        with store.transaction() as tx:
            tx.save(tx.incident(1).noted(EntryKind.NOTE, f"note {n}", at=minutes(at)))
    assert [entry.text for entry in store.timeline(incident.number)][1:] == ["note 0", "note 1", "note 2"]


# ---- which incidents are related


def test_an_open_incident_is_related_by_fingerprint_whatever_the_time(store: SqlStore):
    opened_for(store, "a/b")
    assert related(store, "check|a/b|not_null", since=10_000) == ["INC-1"]
    assert related(store, "check|a/b|other") == []
    assert related(store) == []


def test_a_resolved_incident_is_related_within_the_window_and_at_its_edge(store: SqlStore):
    opened_for(store, "a/b", resolved=True)  # resolved at minute 1
    assert related(store, "check|a/b|not_null", since=0) == ["INC-1"]
    assert related(store, "check|a/b|not_null", since=1) == ["INC-1"]
    assert related(store, "check|a/b|not_null", since=1.1) == []


def test_an_incident_is_related_by_the_cause_of_a_member(store: SqlStore):
    opened_for(store, "a/b", cause="run-1/step")
    opened_for(store, "a/c", cause="run-1/step")
    opened_for(store, "a/d", cause="run-2/step", resolved=True)
    assert related(store, causes=("run-1/step",)) == ["INC-1", "INC-2"]
    assert related(store, causes=("run-2/step",), since=0) == ["INC-3"]
    assert related(store, causes=("run-2/step",), since=2) == []
    assert related(store, "check|a/b|not_null", causes=("run-1/step",)) == ["INC-1", "INC-2"], "each once"


def test_related_follows_members_that_come_later_and_change(store: SqlStore):
    opened_for(store, "a/b")
    later = make_alert("a/c", cause="run-9/step")
    with store.transaction() as tx:
        tx.save(tx.incident(1).fired(later, _assessed(tx.incident(1)), now=minutes(1)))
    assert related(store, "check|a/c|not_null") == ["INC-1"]
    assert related(store, causes=("run-9/step",)) == ["INC-1"]
    with store.transaction() as tx:
        again = make_alert("a/c", occurred_at=minutes(2), cause="run-10/step")
        tx.save(tx.incident(1).fired(again, _assessed(tx.incident(1)), now=minutes(2)))
    assert related(store, causes=("run-9/step",)) == []
    assert related(store, causes=("run-10/step",)) == ["INC-1"]
    assert [m.last_cause for m in store.incident(1).members] == [None, "run-10/step"]


def _assessed(incident: Incident) -> Assessment:
    """Alerts that change nothing of the severity."""
    return Assessment(severity=incident.severity, reasons=incident.severity_reasons)


def test_seventy_thousand_fingerprints_in_one_question_are_answered(store: SqlStore):
    """More than the variables that either database takes in one statement."""
    opened_for(store, "a/b", event_id="e:1")
    many = [f"check|x/{n}|c" for n in range(70_000)]
    assert related(store, *many, "check|a/b|not_null", causes=tuple(many)) == ["INC-1"]
    with store.transaction() as tx:
        assert tx.known_events([*many, "e:1"]) == {"e:1"}
    assert store.runs_with_alerts(many) == set()


def test_events_and_runs_with_alerts_are_known(store: SqlStore):
    opened_for(store, "a/b", event_id="e:1", run_id="run-1")
    opened_for(store, "a/c", event_id="e:2")
    with store.transaction() as tx:
        assert tx.known_events(["e:1", "e:2", "e:3"]) == {"e:1", "e:2"}
        assert tx.known_events([]) == set()
    assert store.runs_with_alerts(["run-1", "run-2"]) == {"run-1"}


def test_an_event_that_is_stored_again_stays_where_it_was(store: SqlStore):
    opened_for(store, "a/b", event_id="e:1")
    opened_for(store, "a/c")
    with store.transaction() as tx:
        tx.add_alert(make_alert("a/c", event_id="e:1"), 2)
    assert [alert.event_id for alert in store.alerts(1, limit=5)] == ["e:1"]
    assert len(store.alerts(2, limit=5)) == 1


def test_incidents_of_a_chain_of_runs_are_found_once_each(store: SqlStore):
    opened_for(store, "a/b", run_group="run-1")
    opened_for(store, "a/c", run_group="run-1", resolved=True)
    opened_for(store, "a/d", run_group="run-2")
    with store.transaction() as tx:
        tx.add_alert(make_alert("a/b", run_group="run-1"), 1)
        assert [incident.id for incident in tx.of_run_group("run-1")] == ["INC-1", "INC-2"]
        assert tx.of_run_group("run-3") == []


# ---- one open incident per fingerprint


def test_a_second_open_incident_of_a_fingerprint_is_impossible(store: SqlStore):
    opened_for(store, "a/b")
    with pytest.raises(IntegrityError):
        opened_for(store, "a/b")
    assert [incident.id for incident in store.incidents()] == ["INC-1"]


@pytest.mark.parametrize("partition", [None, "2026-11-20"])
def test_a_fingerprint_is_free_again_when_its_incident_ended(store: SqlStore, partition: str | None):
    opened_for(store, "a/b", partition=partition)
    with store.transaction() as tx:
        tx.save(tx.incident(1).resolved(at=minutes(5)))
    opened_for(store, "a/b", partition=partition)
    with pytest.raises(IntegrityError), store.transaction() as tx:
        tx.save(tx.incident(1).reopen(why="again", at=minutes(6)))
    assert store.incident(1).status is Status.RESOLVED


def test_partitions_of_one_fingerprint_are_told_apart(store: SqlStore):
    opened_for(store, "a/b", partition="monday")
    opened_for(store, "a/b", partition="tuesday")
    opened_for(store, "a/b", partition=None)
    assert len(store.incidents()) == 3


def test_members_may_move_and_leave(store: SqlStore):
    """Re-parenting puts another member first; a split takes some away."""
    alerts = [make_alert(f"a/{n}") for n in range(4)]
    incident = make_incident(1, alerts[0])
    for alert in alerts[1:]:
        incident = incident.fired(alert, _assessed(incident), now=minutes(0))
    with store.transaction() as tx:
        saved = tx.save(incident)
    a, b, c, d = saved.members
    for members in [(d, c, b, a), (c, d), (c,), (b, c), (b, replace(c, hops=3))]:
        with store.transaction() as tx:
            tx.save(replace(tx.incident(1), members=members))
        assert store.incident(1).members == members
    assert related(store, "check|a/0|not_null") == []


# ---- what a tick asks


def test_incidents_whose_every_member_is_healthy_wait_to_be_resolved(store: SqlStore):
    alert = make_alert("a/b")
    with store.transaction() as tx:
        tx.save(make_incident(1, alert))
    assert store.recovered_and_open() == []
    with store.transaction() as tx:
        tx.save(tx.incident(1).recovered(make_recovery(alert), now=minutes(5)))
    assert [incident.number for incident in store.recovered_and_open()] == [1]
    with store.transaction() as tx:
        tx.save(tx.incident(1).fired(make_alert("a/c"), _assessed(tx.incident(1)), now=minutes(6)))
    assert store.recovered_and_open() == []
    with store.transaction() as tx:
        well = make_incident(2, make_alert("a/d")).recovered(make_recovery(make_alert("a/d")), now=minutes(6))
        tx.save(well.resolved(at=minutes(7)))
    assert store.recovered_and_open() == [], "what is resolved does not wait"


def test_open_incidents_of_assets_without_owner_are_listed(store: SqlStore):
    with store.transaction() as tx:
        tx.save(make_incident(1, make_alert("a/b"), owner=None))
        tx.save(make_incident(2, make_alert("a/c"), owner="team:x"))
        tx.save(make_incident(3, make_alert(None, name="webhook"), owner=None))
        ended = make_incident(4, make_alert("a/d"), owner=None).resolved(at=minutes(1))
        tx.save(ended)
    assert [incident.number for incident in store.open_without_owner()] == [1]
    with store.transaction() as tx:
        tx.save(replace(tx.incident(1), owner="team:x"))
    assert store.open_without_owner() == []


def test_incidents_are_listed_newest_first_by_status(store: SqlStore):
    for asset in ("a/1", "a/2", "a/3"):
        opened_for(store, asset)
    with store.transaction() as tx:
        tx.save(tx.incident(2).acknowledged(by="ana", at=minutes(1)))
    assert [i.number for i in store.incidents()] == [3, 2, 1]
    assert [i.number for i in store.incidents(limit=2)] == [3, 2]
    assert [i.number for i in store.incidents(statuses=[Status.TRIGGERED])] == [3, 1]
    assert [i.number for i in store.incidents(statuses={Status.ACKNOWLEDGED, Status.TRIGGERED}, limit=1)] == [3]
    assert store.incidents(statuses=[]) == []


def test_a_storm_in_one_incident_stays_one_row_per_thing(store: SqlStore):
    alerts = [make_alert("a/b", occurred_at=minutes(n)) for n in range(400)]
    with store.transaction() as tx:
        incident = tx.save(make_incident(tx.allocate_number(), alerts[0]))
        for alert in alerts[1:]:
            incident = tx.save(incident.fired(alert, _assessed(incident), now=alert.occurred_at))
        for alert in alerts:
            tx.add_alert(alert, 1)
    loaded = store.incident(1)
    assert (loaded.alert_count, len(loaded.members)) == (400, 1)
    assert loaded.members[0].last_fired_at == minutes(0) + timedelta(minutes=399)
    assert [alert.event_id for alert in store.alerts(1, limit=3)] == [a.event_id for a in alerts[-3:]]


def test_the_store_is_what_the_engine_asks_for(store: SqlStore):
    """Checked by the type checker; a method missing from the store would be an error here."""
    port: Store = store
    for name in (*vars(Store), *vars(Outbox), *vars(Publications), *vars(Agenda)):
        assert name.startswith("_") or callable(getattr(port, name))
