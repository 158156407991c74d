"""Which incident does an alert belong to? The rules that need no lineage, each with its reason."""

from incident_ops.core.belonging import Attach, Ignore, Open, decide
from incident_ops.core.incident import Incident
from incident_ops.core.severity import assess
from incident_ops.core.status import Resolution
from incident_ops_tests.builders import make_alert, make_incident, make_recovery, minutes

FIRST = make_alert("a/b", minutes(0), cause="r1/step")
AGAIN = make_alert("a/b", minutes(30), cause="r2/step")


def recovered(incident: Incident, *, at: float) -> Incident:
    """Healthy and therefore resolved, by itself."""
    healthy = incident.recovered(make_recovery(FIRST, minutes(at)), now=minutes(at))
    return healthy.resolved(at=minutes(at))


def test_an_alert_of_its_own_opens() -> None:
    assert decide(FIRST, []) == Open(reason="no open incident has the fingerprint check|a/b|not_null")
    assert isinstance(decide(make_alert("x/y"), [make_incident(1, FIRST)]), Open)


def test_the_same_fingerprint_attaches_to_the_open_incident() -> None:
    incident = make_incident(1, FIRST)
    acknowledged = incident.acknowledged(by="ann", at=minutes(1))
    for taken in (incident, acknowledged, acknowledged.mitigated(by="ann", at=minutes(2))):
        assert decide(AGAIN, [taken]) == Attach(
            incident=taken, reason="same fingerprint as an open incident (check|a/b|not_null)"
        )


def test_other_partitions_of_the_same_thing_attach_too() -> None:
    decision = decide(make_alert("a/b", minutes(1), partition="p2"), [make_incident(1, FIRST)])
    assert isinstance(decision, Attach)
    assert not decision.reopens


def test_a_failure_after_the_recovery_reopens() -> None:
    decision = decide(AGAIN, [recovered(make_incident(1, FIRST), at=10)])
    assert isinstance(decision, Attach)
    assert (decision.reopens, decision.reason) == (True, "failed again within the reopen window")


def test_late_evidence_of_a_failure_that_is_over_attaches_without_reopening() -> None:
    """The run failure that belongs to an evaluation may be read after the recovery."""
    late = make_alert("a/b", minutes(5))
    decision = decide(late, [recovered(make_incident(1, FIRST), at=10)])
    assert isinstance(decision, Attach)
    assert (decision.reopens, decision.reason) == (False, "late evidence of a failure that is over")
    at_the_very_moment = make_alert("a/b", minutes(10))
    assert decide(at_the_very_moment, [recovered(make_incident(1, FIRST), at=10)]) == decision


def test_another_partition_is_not_over_because_this_one_recovered() -> None:
    """A run tells of its failures when it ends: taken for late evidence, this one would be told to nobody."""
    other = make_alert("a/b", minutes(5), partition="p2")
    decision = decide(other, [recovered(make_incident(1, FIRST), at=10)])
    assert isinstance(decision, Attach)
    assert decision.reopens


def test_what_happened_before_a_person_resolved_is_over() -> None:
    resolved = make_incident(1, FIRST).resolved(at=minutes(20), by="ann", reason=Resolution.EXPECTED)
    for at, reopens in ((19, False), (20, False), (21, True)):
        decision = decide(make_alert("a/b", minutes(at)), [resolved])
        assert isinstance(decision, Attach)
        assert decision.reopens is reopens, at


def test_a_closed_incident_is_never_touched_again() -> None:
    closed = recovered(make_incident(1, FIRST), at=10).closed(at=minutes(11))
    assert isinstance(decide(AGAIN, [closed]), Open)


def test_an_open_incident_is_preferred_to_a_newer_resolved_one() -> None:
    mine, newer = make_incident(1, FIRST), recovered(make_incident(2, FIRST), at=10)
    for candidates in ([mine, newer], [newer, mine]):
        decision = decide(AGAIN, candidates)
        assert isinstance(decision, Attach)
        assert decision.incident is mine


def test_of_resolved_incidents_the_newest_is_reopened() -> None:
    older, newer = (recovered(make_incident(n, FIRST), at=10) for n in (1, 2))
    for candidates in ([older, newer], [newer, older]):
        decision = decide(AGAIN, candidates)
        assert isinstance(decision, Attach)
        assert decision.incident is newer


def test_what_one_step_did_not_build_is_one_failure() -> None:
    """A multi-asset that dies would be an incident per asset."""
    sibling = make_alert("x/y", minutes(0), kind="run_failed", cause="r1/step")
    incident = make_incident(1, FIRST)
    assert decide(sibling, [incident]) == Attach(incident=incident, reason="the same failure (r1/step)")


def test_the_same_cause_does_not_attach_to_what_is_resolved_or_has_moved_on() -> None:
    sibling = make_alert("x/y", minutes(0), kind="run_failed", cause="r1/step")
    moved_on = make_incident(1, FIRST).fired(
        AGAIN, assess(check_severity=AGAIN.check_severity, kind=AGAIN.kind, tier=None), now=minutes(30)
    )
    assert isinstance(decide(sibling, [recovered(make_incident(1, FIRST), at=10)]), Open)
    assert isinstance(decide(sibling, [moved_on]), Open)
    assert isinstance(decide(make_alert("x/y"), [make_incident(1, make_alert("a/b"))]), Open), "no cause, no kin"


def test_to_ignore_needs_a_reason_too() -> None:
    assert Ignore(reason="our own asset").reason == "our own asset"
