"""What people answered about a detector's incidents, and what an inhibit rule may look at."""

from dataclasses import replace
from types import MappingProxyType

from incident_ops.adapters.store import SqlStore
from incident_ops.core.alert import AssetRef, Subject
from incident_ops.core.incident import Root
from incident_ops.core.severity import Assessment
from incident_ops.core.status import Resolution
from incident_ops_tests.adapters.store.values import opened_for
from incident_ops_tests.builders import make_alert, make_incident, minutes

R = Resolution


def answered(store: SqlStore, asset: str | None, reason: Resolution | None, *, at: float, **anything) -> int:
    """An incident that was resolved; without a reason it resolved by itself."""
    number = opened_for(store, asset, **anything).number
    with store.transaction() as tx:
        tx.save(
            tx.incident(number).resolved(at=minutes(at), by="ana" if reason else "incident_ops", reason=reason)
        )
    return number


def classified(store: SqlStore, *, limit: int = 50, since: float = 0):
    return store.classified(limit_per_detector=limit, since=minutes(since))


def test_answers_are_told_by_check_newest_first(store: SqlStore):
    for at, reason in ((10, R.FIXED), (30, R.FALSE_POSITIVE), (20, R.NO_ACTION)):
        answered(store, "a/b", reason, at=at)
    answered(store, "a/b", R.EXPECTED, at=25, check="volume")
    answered(store, "a/c", R.FIXED, at=5)
    assert classified(store) == {
        ("a/b", "not_null"): [R.FALSE_POSITIVE, R.NO_ACTION, R.FIXED],
        ("a/b", "volume"): [R.EXPECTED],
        ("a/c", "not_null"): [R.FIXED],
    }
    assert classified(store, limit=2)["a/b", "not_null"] == [R.FALSE_POSITIVE, R.NO_ACTION]
    assert classified(store, since=20) == {
        ("a/b", "not_null"): [R.FALSE_POSITIVE, R.NO_ACTION],
        ("a/b", "volume"): [R.EXPECTED],
    }


def test_only_what_a_person_said_of_a_real_incident_counts(store: SqlStore):
    """A detector is judged by its own incidents: not by what was announced, merged, open or healed by itself."""
    opened_for(store, "a/open")
    answered(store, "a/healed", None, at=5)
    answered(store, None, R.FIXED, at=5, name="nightly", kind="run_failed")
    answered(store, "a/built", R.FIXED, at=5, check=None, kind="run_failed")
    merged = answered(store, "a/merged", R.DUPLICATE, at=5)
    announced = answered(store, "a/announced", R.EXPECTED, at=5)
    reopened = answered(store, "a/reopened", R.FALSE_POSITIVE, at=5)
    with store.transaction() as tx:
        tx.save(replace(tx.incident(merged), merged_into=1))
        tx.save(replace(tx.incident(announced), excuse="black friday"))
        tx.save(tx.incident(reopened).reopen(why="again", at=minutes(6)))
    assert classified(store) == {}


def test_a_root_without_a_check_leaves_the_answer_to_the_first_check(store: SqlStore):
    incident = make_incident(1, make_alert("a/built", check=None, kind="run_failed"))
    for alert in (make_alert("a/second", check="volume"), make_alert("a/third")):
        assessment = Assessment(severity=incident.severity, reasons=())
        incident = incident.fired(alert, assessment, now=minutes(1))
    silent = Root(subject=Subject(asset=AssetRef(key="a/upstream")))
    with store.transaction() as tx:
        tx.save(replace(incident, root=silent).resolved(at=minutes(5), by="ana", reason=R.NO_ACTION))
    assert classified(store) == {("a/second", "volume"): [R.NO_ACTION]}


# ---- labels


def test_labels_of_open_incidents_are_told_oldest_first(store: SqlStore):
    for n in range(1, 6):
        opened_for(store, f"a/{n}", resolved=n == 3)
    with store.transaction() as tx:
        tx.save(replace(tx.incident(4), labels=MappingProxyType({"asset": "a/4", "team": "„web“"})))
        tx.save(tx.incident(2).acknowledged(by="ana", at=minutes(1)))
        tx.save(replace(tx.incident(5), merged_into=1))
    found = store.firing_labels()
    assert [number for number, _ in found] == [1, 2, 4]
    _, labels = found[2]
    assert labels.items() >= {"asset": "a/4", "team": "„web“", "severity": "SEV2", "status": "triggered"}.items()
    assert labels.items() <= store.incident(4).current_labels.items()
