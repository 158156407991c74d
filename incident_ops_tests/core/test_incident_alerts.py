"""An incident takes in alerts and recoveries: what it counts, what it tells, and that order does not matter."""

import itertools
from functools import reduce
from typing import Any

import pytest

from incident_ops.core.alert import Alert, AlertKind, AssetRef, CheckSeverity, ErrorClass, Evidence, NotRun
from incident_ops.core.incident import Incident, opened
from incident_ops.core.member import title_of
from incident_ops.core.severity import assess
from incident_ops.core.status import CauseClass, EntryKind
from incident_ops_tests.builders import make_alert, make_incident, make_recovery, minutes


def fired(incident: Incident, alert: Alert) -> Incident:
    assessment = assess(check_severity=alert.check_severity, kind=alert.kind, tier="gold")
    return incident.fired(alert, assessment, now=minutes(60))


def incident_of(*alerts: Alert) -> Incident:
    first, *rest = alerts
    assessment = assess(check_severity=first.check_severity, kind=first.kind, tier="gold")
    incident = opened(1, first, assessment, owner=None, labels={}, backlog=False, now=minutes(60))
    return reduce(fired, rest, incident)


@pytest.mark.parametrize(
    ("alert", "expected"),
    [
        (make_alert("a/b"), "a/b: check not_null failed"),
        (make_alert("a/b", kind="check_errored"), "a/b: check not_null could not run"),
        (make_alert("a/b", kind="freshness"), "a/b: stale"),
        (make_alert("a/b", kind="freshness", check_severity=CheckSeverity.WARN), "a/b: late"),
        (make_alert("a/b", kind="run_failed"), "a/b: failed to build"),
        (make_alert("a/b", kind="run_failed", check="rows"), "a/b: check rows stopped the run"),
        (make_alert("a/b", kind="not_materialized"), "a/b: not built"),
        (make_alert(None, kind="run_failed", name="shop/nightly"), "shop/nightly: job failed"),
        (make_alert(None, kind="external", name="airflow.dag"), "airflow.dag"),
    ],
)
def test_the_title_names_the_thing_and_its_trouble(alert: Alert, expected: str) -> None:
    assert make_incident(1, alert).title == expected == title_of(make_incident(1, alert).members[0])


def test_a_repeat_is_counted_and_not_told() -> None:
    """One broken asset once sent 27,900 messages: the story must not be buried."""
    incident = incident_of(*(make_alert(occurred_at=minutes(n)) for n in range(50)))
    assert (incident.alert_count, len(incident.members), len(incident.news)) == (50, 1, 1)
    assert incident.members[0].last_fired_at == minutes(49)


def test_another_member_is_told() -> None:
    incident = incident_of(make_alert("a/b"), make_alert("a/b", minutes(1), partition="p2", summary="3 rows"))
    assert [m.key for m in incident.members] == [("check|a/b|not_null", ""), ("check|a/b|not_null", "p2")]
    assert incident.news[-1].text == "a/b: not_null [partition p2]: 3 rows"
    assert incident.title == "a/b: check not_null failed", "the first one names it"


def test_a_failure_after_health_fires_again_and_older_evidence_does_not() -> None:
    healthy = incident_of(make_alert()).recovered(make_recovery(make_alert(), minutes(5)), now=minutes(5))
    late = fired(healthy, make_alert(occurred_at=minutes(4)))
    assert late.firing == ()
    assert late.news == healthy.news
    again = fired(healthy, make_alert(occurred_at=minutes(6), summary="again 12"))
    assert len(again.firing) == 1
    assert again.news[-1].text == "fails again: a/b: not_null: again 12"


@pytest.mark.parametrize(
    ("recovery", "heals"),
    [
        ({}, True),
        ({"occurred_at": minutes(10)}, False),  # the very moment of the failure is not after it
        ({"occurred_at": minutes(9)}, False),
        ({"partition": "p1"}, False),
        ({"partition": "p1", "all_partitions": True}, True),
        ({"fingerprint": "check|a/b|unique"}, False),
    ],
)
def test_only_later_news_of_the_same_thing_heals(recovery: dict[str, Any], heals: bool) -> None:
    incident = make_incident(1, make_alert(occurred_at=minutes(10)))
    after = incident.recovered(make_recovery(make_alert(occurred_at=minutes(10)), **recovery), now=minutes(20))
    assert (after.firing == ()) is heals
    if not heals:
        assert after is incident, "nothing changed, nothing is saved or told"
    else:
        assert after.news[-1].kind is EntryKind.RECOVERY


def test_a_partition_heals_alone() -> None:
    p1, p2 = make_alert(partition="p1"), make_alert(partition="p2")
    incident = incident_of(p1, p2).recovered(make_recovery(p1), now=minutes(5))
    assert [m.partition for m in incident.firing] == ["p2"]


def test_bad_data_began_when_it_was_written_not_when_it_was_noticed() -> None:
    incident = incident_of(make_alert(occurred_at=minutes(10), began_at=minutes(-30)))
    assert (incident.started_at, incident.detected_at) == (minutes(-30), minutes(10))
    assert fired(incident, make_alert(occurred_at=minutes(-60))).started_at == minutes(-60)


def test_a_different_error_of_the_same_thing_is_told() -> None:
    one = make_alert(kind="run_failed", error_signature="a", summary="no table")
    other = make_alert(kind="run_failed", occurred_at=minutes(1), error_signature="b", summary="no disk")
    assert incident_of(one, other).news[-1].text == "the error changed: no disk"
    assert len(incident_of(one, one).news) == 1


@pytest.mark.parametrize(
    ("error_class", "expected"),
    [
        (ErrorClass.INTERRUPTED, CauseClass.OPERATIONAL),
        (ErrorClass.DIED, CauseClass.OPERATIONAL),
        (ErrorClass.USER_CODE, None),
        (ErrorClass.CHECK, None),
        (None, None),
    ],
)
def test_only_what_the_alert_proves_is_said_of_the_cause(
    error_class: ErrorClass | None, expected: CauseClass | None
) -> None:
    evidence = Evidence(summary="x", error_class=error_class)
    assert incident_of(make_alert(kind="run_failed", evidence=evidence)).cause_class is expected


# ---- law 3: whatever the order of arrival

EVALUATION = make_alert(
    "a/b",
    check="rows",
    occurred_at=minutes(1),
    summary="12 rows without a price",
    materialization=42,
    cause="r1/s",
)
RUN_FAILURE = make_alert(
    "a/b",
    minutes(1.5),
    kind="run_failed",
    check="rows",
    cause="r1/s",
    run_id="r1",
    evidence=Evidence(
        summary="check rows stopped the run",
        detail="Traceback …",
        error_class=ErrorClass.CHECK,
        error_signature="abc",
        not_run=(NotRun(asset=AssetRef(key="x/y"), because="a/b"),),
    ),
)
ERRORED = make_alert("a/b", check="rows", occurred_at=minutes(0.5), kind="check_errored", summary="could not run")
LATER = make_alert(
    "a/b",
    check="rows",
    occurred_at=minutes(2),
    summary="15 rows without a price",
    run_id="r1",
    materialization=42,
    cause="r1/s",
)


def essence(incident: Incident) -> tuple[Any, ...]:
    """What a reader sees; members as a set."""
    members = frozenset((m.key, m.kind, m.last_fired_at, m.healthy_at) for m in incident.members)
    return (
        incident.title, incident.summary, incident.nature, incident.status, incident.severity, members,
        incident.started_at, incident.root.materialization, incident.alert_count, incident.not_run,
        incident.cause_class, incident.error_signature, incident.detail,
    )  # fmt: skip


@pytest.mark.parametrize(
    "alerts",
    [(EVALUATION, RUN_FAILURE), (EVALUATION, RUN_FAILURE, ERRORED), (EVALUATION, RUN_FAILURE, ERRORED, LATER)],
    ids=len,
)
def test_the_events_of_one_failure_tell_the_same_story_in_any_order(alerts: tuple[Alert, ...]) -> None:
    """The run-failure sensor, the tail and the sweep race each other."""
    seen = {essence(incident_of(*order)) for order in itertools.permutations(alerts)}
    assert len(seen) == 1


def test_the_most_specific_evidence_speaks_and_the_rest_fills_the_gaps() -> None:
    incident = incident_of(RUN_FAILURE, EVALUATION)
    assert incident.title == "a/b: check rows failed"
    assert incident.summary == "12 rows without a price"
    assert incident.detail == "Traceback …"
    assert incident.not_run == ("x/y (not run: upstream a/b)",)
    assert (incident.root.materialization, incident.root.run_id) == (42, "r1")
    assert incident.members[0].kind is AlertKind.CHECK_FAILED
