"""An incident as a message, before any sink renders it."""

from dataclasses import replace

import pytest

from incident_ops.core.alert import CheckSeverity
from incident_ops.core.findings import Findings
from incident_ops.core.message import Colour, Link, compose, digest_line
from incident_ops.core.severity import Assessment, Severity
from incident_ops.core.status import CauseClass, Resolution, Status
from incident_ops_tests.builders import make_alert, make_incident, make_recovery, minutes

LINK = Link(label="Run", url="http://dagster.test/runs/r1")


def test_a_new_incident_says_what_since_when_and_whose() -> None:
    message = compose(make_incident(7), links_of=lambda incident: (LINK,))
    assert message.headline == "INC-7 SEV2 a/b: check not_null failed"
    assert message.summary == "12 rows without a price"
    assert message.facts == (("Status", "triggered"), ("Owner", "team:fin"), ("Since", "2026-11-20 09:00 UTC"))
    assert (message.incident_id, message.colour, message.links, message.lists) == (
        "INC-7",
        Colour.RED,
        (LINK,),
        (),
    )


def test_everything_that_is_known_is_shown() -> None:
    alert = make_alert(partition="p1")
    incident = replace(
        make_incident(1, alert, owner=None),
        assignee="ann",
        cause_class=CauseClass.OPERATIONAL,
        failure_count=1_234,
        flaky=True,
        facts={"Null rows": "12"},
        not_run=("x/y (not run: upstream a/b)",),
        detail="Traceback …",
    )
    other = make_alert("x/z", partition="p2")
    incident = incident.fired(other, Assessment(severity=Severity.SEV2, reasons=()), now=minutes(1))
    incident = incident.recovered(make_recovery(other), now=minutes(5))
    message = compose(incident, links_of=lambda incident: ())
    assert dict(message.facts) == {
        "Status": "triggered",
        "Owner": "unknown",
        "Assignee": "ann",
        "Since": "2026-11-20 09:00 UTC",
        "Partition": "p1",
        "Cause class": "operational",
        "Failures": "1,235 (1,234 more since the first)",
        "Flaky": "a retry passed",
        "Null rows": "12",
    }
    assert message.lists == (
        ("Also", ("x/z: not_null [p2] (healthy again)",)),
        ("Not run", ("x/y (not run: upstream a/b)",)),
    )
    assert message.detail == "Traceback …"


def test_deadlines_are_told_in_the_time_that_people_read() -> None:
    """And only those that will be missed: the others are nobody's business yet."""
    late = [
        {"asset": "table", "deadline": "2026-11-22T00:06:00Z", "verdict": "will_miss"},
        {"asset": "both", "deadline": "2026-11-22T01:46:30.663129Z", "verdict": "will_miss"},
        {"asset": "weekly", "deadline": "2026-11-28T01:46:00Z", "verdict": "will_make"},
    ]
    found = Findings(at=minutes(1), suspects=(), impact={}, forecast=late)
    message = compose(make_incident(), links_of=lambda incident: (), found=found)
    said = dict(message.facts)["Will miss its deadline"]
    assert said == "table at 2026-11-22 00:06 UTC, both at 2026-11-22 01:46 UTC"


@pytest.mark.parametrize(
    ("status", "colour"),
    [
        (Status.TRIGGERED, Colour.RED),
        (Status.ACKNOWLEDGED, Colour.YELLOW),
        (Status.MITIGATED, Colour.YELLOW),
        (Status.RESOLVED, Colour.GREEN),
        (Status.CLOSED, Colour.GREEN),
    ],
)
def test_the_colour_says_whether_somebody_has_it(status: Status, colour: Colour) -> None:
    assert compose(make_incident(status=status), links_of=lambda incident: ()).colour is colour


def test_the_end_says_why_and_after_how_long() -> None:
    by_ann = make_incident().resolved(at=minutes(75), by="ann", reason=Resolution.EXPECTED)
    by_itself = make_incident().resolved(at=minutes(1))
    facts = [dict(compose(i, links_of=lambda incident: ()).facts)["Status"] for i in (by_ann, by_itself)]
    assert facts == ["resolved as expected after 1 h 15 min", "resolved after 1 min"]


def test_a_digests_line_marks_warnings() -> None:
    warn = make_incident(2, make_alert(check_severity=CheckSeverity.WARN))
    assert digest_line(make_incident(1)) == "INC-1 SEV2 triggered a/b: check not_null failed"
    assert digest_line(warn) == "INC-2 SEV3 triggered a/b: check not_null failed (WARN)"
