"""The status of an incident: one transition table, every verb obeys it, and people are not overruled."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from incident_ops.core.alert import CheckSeverity
from incident_ops.core.errors import IllegalTransition
from incident_ops.core.incident import Incident
from incident_ops.core.severity import Assessment, Priority, Severity
from incident_ops.core.status import SYSTEM, TRANSITIONS, EntryKind, Resolution, Status
from incident_ops_tests.builders import make_alert, make_incident, make_recovery, minutes

ALLOWED = {
    ("triggered", "acknowledged"),
    ("triggered", "mitigated"),
    ("triggered", "resolved"),
    ("acknowledged", "triggered"),
    ("acknowledged", "mitigated"),
    ("acknowledged", "resolved"),
    ("mitigated", "triggered"),
    ("mitigated", "resolved"),
    ("resolved", "triggered"),
    ("resolved", "closed"),
}

VERBS: dict[Status, Callable[[Incident], Incident]] = {
    Status.TRIGGERED: lambda i: i.reopen(why="failed again", at=minutes(5)),
    Status.ACKNOWLEDGED: lambda i: i.acknowledged(by="ann", at=minutes(5)),
    Status.MITIGATED: lambda i: i.mitigated(by="ann", at=minutes(5)),
    Status.RESOLVED: lambda i: i.resolved(at=minutes(5)),
    Status.CLOSED: lambda i: i.closed(at=minutes(5)),
}


@pytest.mark.parametrize(("current", "wanted"), list(itertools.product(Status, Status)))
def test_every_move_is_in_the_table_or_illegal(current: Status, wanted: Status) -> None:
    """A closed incident that comes back to life would have no end."""
    incident = make_incident(status=current)
    if (current, wanted) in ALLOWED:
        assert VERBS[wanted](incident).status is wanted
        return
    with pytest.raises(IllegalTransition) as caught:
        VERBS[wanted](incident)
    assert (caught.value.current, caught.value.wanted) == (current, wanted)
    assert str(caught.value) == f"an incident that is {current} cannot become {wanted}"


def test_the_table_is_the_one_written_here() -> None:
    assert {(str(a), str(b)) for a, to in TRANSITIONS.items() for b in to} == ALLOWED
    assert set(TRANSITIONS) == set(Status)
    assert [status for status in Status if not status.is_open] == [Status.RESOLVED, Status.CLOSED]


def test_every_verb_tells_what_it_did_and_leaves_the_old_value_alone() -> None:
    incident = make_incident()
    verbs: dict[EntryKind, Incident] = {
        EntryKind.ACKNOWLEDGED: incident.acknowledged(by="ann", at=minutes(1)),
        EntryKind.MITIGATED: incident.mitigated(by="ann", at=minutes(1)),
        EntryKind.RESOLVED: incident.resolved(at=minutes(1), by="ann", reason=Resolution.FIXED),
        EntryKind.ASSIGNED: incident.assigned("bob", by="ann", at=minutes(1)),
        EntryKind.SEVERITY: incident.graded(Severity.SEV0, by="ann", at=minutes(1)),
        EntryKind.NOTE: incident.noted(EntryKind.NOTE, "looking", at=minutes(1), by="ann"),
    }
    for kind, after in verbs.items():
        [entry] = after.news[len(incident.news) :]
        assert (entry.kind, entry.by, entry.at) == (kind, "ann", minutes(1)), kind
        assert after.updated_at == minutes(1)
    assert incident == replace(incident)
    assert incident.status is Status.TRIGGERED


def test_who_acknowledges_is_assigned_unless_somebody_is() -> None:
    incident = make_incident()
    assert incident.acknowledged(by="ann", at=minutes(1)).assignee == "ann"
    assert (
        incident.assigned("bob", by="ann", at=minutes(1)).acknowledged(by="ann", at=minutes(2)).assignee == "bob"
    )


def test_resolving_says_who_why_and_how_long_it_took() -> None:
    by_ann = make_incident().resolved(at=minutes(90), by="ann", reason=Resolution.FALSE_POSITIVE)
    assert by_ann.news[-1].text == "resolved by ann as false_positive, after 1 h 30 min"
    assert (by_ann.resolved_at, by_ann.resolution) == (minutes(90), Resolution.FALSE_POSITIVE)
    by_itself = make_incident().resolved(at=minutes(1))
    assert by_itself.news[-1].text == "resolved: everything that failed is healthy again, after 1 min"
    assert by_itself.news[-1].by == SYSTEM


def test_reopening_forgets_the_end_and_counts() -> None:
    ended = make_incident().acknowledged(by="ann", at=minutes(1)).resolved(at=minutes(2), reason=Resolution.FIXED)
    again = ended.reopen(why="failed again within the reopen window", at=minutes(3))
    assert (again.status, again.resolved_at, again.resolution, again.acknowledged_at, again.reopened) == (
        Status.TRIGGERED, None, None, None, 1,
    )  # fmt: skip
    assert again.news[-1].kind is EntryKind.REOPENED


# ---- severity


def fired(incident: Incident, severity: Severity, *, at: float) -> Incident:
    alert = make_alert(occurred_at=minutes(at))
    return incident.fired(alert, Assessment(severity=severity, reasons=("tier gold",)), now=minutes(at))


def test_severity_rises_with_worse_alerts_and_never_sinks() -> None:
    incident = make_incident(severity=Severity.SEV2)
    worse = fired(incident, Severity.SEV1, at=1)
    assert (worse.severity, worse.priority, worse.severity_reasons) == (Severity.SEV1, Priority.P1, ("tier gold",))
    assert worse.news[-1].text == "SEV2 → SEV1: tier gold"
    milder = fired(worse, Severity.SEV3, at=2)
    assert (milder.severity, milder.news) == (Severity.SEV1, worse.news)


def test_a_persons_severity_is_kept() -> None:
    """Who set SEV3 by hand at night must not be woken by the same failure again."""
    graded = make_incident(severity=Severity.SEV2).graded(Severity.SEV3, by="ann", at=minutes(1))
    assert (graded.severity, graded.priority, graded.severity_reasons) == (
        Severity.SEV3, Priority.P3, ("set by ann",),
    )  # fmt: skip
    assert fired(graded, Severity.SEV0, at=2).severity is Severity.SEV3


# ---- ending by itself


@pytest.mark.parametrize(
    ("healthy_since", "after", "now", "expected"),
    [(5, 0, 5, True), (5, 10, 14, False), (5, 10, 15, True), (None, 0, 99, False)],
)
def test_an_incident_ends_when_all_has_been_well_for_long_enough(
    healthy_since: float | None, after: float, now: float, expected: bool
) -> None:
    incident = make_incident()
    if healthy_since is not None:
        incident = incident.recovered(
            make_recovery(make_alert(), minutes(healthy_since)), now=minutes(healthy_since)
        )
    assert incident.resolves_itself(after=timedelta(minutes=after), now=minutes(now)) is expected


def test_what_is_resolved_does_not_resolve_itself_again() -> None:
    ended = make_incident().recovered(make_recovery(make_alert()), now=minutes(5)).resolved(at=minutes(5))
    assert not ended.resolves_itself(after=timedelta(0), now=minutes(9))


def test_a_retry_that_passed_is_told_once() -> None:
    flaky = make_incident().found_flaky("0123456789", at=minutes(1))
    assert flaky.news[-1].text == "a retry passed (run 01234567): marked flaky"
    assert flaky.found_flaky("other", at=minutes(2)) is flaky


def test_an_owner_that_becomes_known_brings_labels() -> None:
    known = make_incident(owner=None).owned_by("team:fin", {"tier": "gold"}, at=minutes(1))
    assert (known.owner, dict(known.labels)) == ("team:fin", {"tier": "gold"})
    assert known.news[-1].text == "owner: unknown → team:fin"
    assert make_incident(1, make_alert(check_severity=CheckSeverity.WARN)).id == "INC-1"
