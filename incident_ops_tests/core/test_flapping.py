"""When an incident that ends and begins again and again is one that flaps."""

from datetime import timedelta

import pytest

from incident_ops.core.flapping import FlappingRule, flapping, recent
from incident_ops.core.muting import Quiet, QuietKind
from incident_ops_tests.builders import minutes

RULE = FlappingRule(changes=3, within=timedelta(minutes=60))


@pytest.mark.parametrize(
    ("changes", "now", "until"),
    [
        ([], 0, None),
        ([0, 10], 10, None),
        ([0, 10, 20], 20, 60),
        ([0, 10, 20], 59.9, 60),
        ([0, 10, 20], 60, None),
        ([0, 10, 20, 50], 50, 70),
        ([0, 10, 20, 50], 69, 70),
        ([0, 50, 70], 70, None),
    ],
)
def test_so_many_changes_within_so_long_are_flapping_until_the_first_of_them_is_old(
    changes: list[float], now: float, until: float | None
):
    text = "flapping: 3 changes within 1 h"
    expected = Quiet(kind=QuietKind.FLAPPING, text=text, until=minutes(until)) if until is not None else None
    assert flapping([minutes(at) for at in changes], RULE, now=minutes(now)) == expected


def test_no_more_changes_are_kept_than_are_counted():
    changes = [minutes(n) for n in range(50)]
    assert recent(changes, RULE, now=minutes(49)) == tuple(minutes(n) for n in (47, 48, 49))
    assert recent(changes, RULE, now=minutes(108)) == (minutes(49),)
