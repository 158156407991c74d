"""How often a recipient is pushed in a day. T0 is 09:00."""

import pytest

from incident_ops.core.budget import Allowance, Budget, allowance
from incident_ops.core.muting import QuietKind
from incident_ops.core.severity import Severity
from incident_ops_tests.builders import minutes

DAY = 24 * 60
SEV0, SEV1, SEV2, SEV3 = Severity


def judged(severity: Severity, *spent: float, budget: Budget | None = None) -> Allowance:
    return allowance(budget or Budget(), severity, "#fin", [minutes(at) for at in spent], now=minutes(0))


@pytest.mark.parametrize(
    ("severity", "spent", "until"),
    [
        (SEV2, (), None),
        (SEV2, (-40, -30, -20, -10), None),
        (SEV2, (-50, -40, -30, -20, -10), DAY - 50),
        (SEV3, (-50, -40, -30, -20, -10), DAY - 50),
        (SEV1, (-50, -40, -30, -20, -10), None),
        (SEV0, (-50, -40, -30, -20, -10), None),
        (SEV2, (-DAY, -40, -30, -20, -10), None),
        (SEV2, (-DAY + 1, -40, -30, -20, -10), 1),
        (SEV2, (-70, -60, -50, -40, -30, -20, -10), DAY - 50),
    ],
)
def test_above_the_budget_all_but_the_grave_waits_until_the_fifth_last_push_is_a_day_old(
    severity: Severity, spent: tuple[float, ...], until: float | None
):
    quiet = judged(severity, *spent).quiet
    assert (quiet.until if quiet else None) == (minutes(until) if until is not None else None)
    assert quiet is None or quiet.kind is QuietKind.OVER_BUDGET


def test_the_reason_does_not_change_with_what_is_pushed_all_the_same():
    texts = {quiet.text for n in (5, 6, 9) if (quiet := judged(SEV2, *range(-n, 0)).quiet)}
    assert texts == {"over budget: #fin had its 5 pushes within 1 d"}


def test_only_the_push_that_uses_up_the_budget_says_so():
    notes = [judged(SEV2, *range(-n, 0)).note for n in range(7)]
    assert [bool(note) for note in notes] == [False] * 4 + [True] + [False] * 2
    assert all(judged(SEV1, *range(-n, 0)) == Allowance() for n in range(7)), "the grave uses up nothing"
    assert notes[4] == (
        "This was the last of 5 pushes within 1 d: until 2026-11-21 08:56 UTC everything but SEV0 and SEV1 waits "
        "for the digest."
    )


def test_a_budget_of_none_lets_only_the_grave_through():
    none = Budget(pushes=0)
    quiet = judged(SEV2, budget=none).quiet
    assert quiet is not None and quiet.until is None
    assert judged(SEV1, budget=none) == Allowance()
    assert "nothing" in judged(SEV1, budget=Budget(pushes=1, always=frozenset())).note
