"""Severity: check severity × tier × consumers, with the reasons."""

import itertools

import pytest

from incident_ops.core.alert import AlertKind, CheckSeverity
from incident_ops.core.severity import Priority, Severity, assess, priority_for, worst_of

ERROR, WARN = CheckSeverity.ERROR, CheckSeverity.WARN
FAILED, ERRORED = AlertKind.CHECK_FAILED, AlertKind.CHECK_ERRORED


@pytest.mark.parametrize(
    ("check_severity", "kind", "tier", "consumers", "expected"),
    [
        (ERROR, FAILED, "gold", (), "SEV1"),
        (ERROR, FAILED, "silver", (), "SEV2"),
        (ERROR, FAILED, "bronze", (), "SEV3"),
        (ERROR, FAILED, None, (), "SEV2"),
        (ERROR, FAILED, "platinum", (), "SEV2"),
        (ERROR, FAILED, "bronze", ("team:bi",), "SEV2"),
        (ERROR, FAILED, "gold", ("team:bi",), "SEV1"),
        (ERROR, ERRORED, "gold", (), "SEV2"),
        (ERROR, ERRORED, "bronze", (), "SEV3"),
        (ERROR, ERRORED, "bronze", ("team:bi",), "SEV3"),
        (WARN, FAILED, "gold", ("team:bi",), "SEV3"),
        (WARN, ERRORED, None, (), "SEV3"),
    ],
)
def test_severity_follows_from_detector_tier_and_consumers(
    check_severity: CheckSeverity, kind: AlertKind, tier: str | None, consumers: tuple[str, ...], expected: str
) -> None:
    assessment = assess(check_severity=check_severity, kind=kind, tier=tier, consumers=consumers)
    assert assessment.severity == expected
    assert assessment.reasons, "a severity without a reason cannot be argued with"


def test_every_step_of_the_reasoning_is_said() -> None:
    assessment = assess(check_severity=ERROR, kind=ERRORED, tier="bronze", consumers=("a@x.test", "team:bi"))
    assert assessment.reasons == (
        "the detector's severity is ERROR",
        "tier bronze",
        "2 known consumers",
        "one step milder: could not check is not check failed",
    )


def test_a_lower_number_is_worse() -> None:
    """Compared with `<` as text or as rank, half of the readers get it wrong."""
    for a, b in itertools.product(Severity, Severity):
        assert a.is_at_least(b) is (a.rank <= b.rank)
        assert worst_of((a, b)) is worst_of((b, a)) is (a if a.rank <= b.rank else b)
    assert [severity.milder() for severity in Severity] == ["SEV1", "SEV2", "SEV3", "SEV3"]
    assert [priority_for(severity) for severity in Severity] == list(Priority)
