"""A digest as text: worst and open ones first, cut where nobody would read on."""

from typing import Any

from incident_ops.core.digest import Line, digest_text
from incident_ops.core.incident import Incident
from incident_ops.core.severity import Severity
from incident_ops.core.status import Status
from incident_ops_tests.builders import make_incident, minutes


def line(number: int, severity: Severity, *, why: str = "over budget", **anything: Any) -> Line:
    incident: Incident = make_incident(number, severity=severity, **anything)
    return Line(incident=incident, why=why)


def test_the_worst_and_open_ones_come_first_each_with_the_reason_why_it_waited():
    lines = [
        line(1, Severity.SEV0, status=Status.RESOLVED),
        line(2, Severity.SEV3, why="WARN is recorded and listed, not pushed"),
        line(3, Severity.SEV2, started_at=minutes(1)),
        line(4, Severity.SEV2, started_at=minutes(0)),
    ]
    assert digest_text(lines).splitlines() == [
        "Digest: 4 incidents",
        "• INC-4 SEV2 triggered a/b: check not_null failed (over budget)",
        "• INC-3 SEV2 triggered a/b: check not_null failed (over budget)",
        "• INC-2 SEV3 triggered a/b: check not_null failed (WARN is recorded and listed, not pushed)",
        "• INC-1 SEV0 resolved a/b: check not_null failed (over budget)",
    ]


def test_what_is_left_out_is_counted():
    lines = [line(n, Severity.SEV3) for n in range(1, 13)]
    shown = digest_text(lines).splitlines()
    assert (shown[0], len(shown), shown[-1]) == ("Digest: 12 incidents", 12, "and 2 more: incident-ops list")
    assert digest_text(lines, most=12).splitlines()[-1].startswith("• INC-12")


def test_suggestions_come_last_and_are_cut_as_well():
    text = digest_text([line(1, Severity.SEV3)], suggestions=["widen x", "drop y", "z"], most=2)
    assert text.splitlines()[0] == "Digest: 1 incident"
    assert text.splitlines()[2:] == ["What might be changed:", "• widen x", "• drop y", "and 1 more"]
