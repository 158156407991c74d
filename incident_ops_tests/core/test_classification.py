"""What incidents were: when people are asked, and how precise that makes a detector."""

from dataclasses import replace
from datetime import timedelta

import pytest

from incident_ops.core.classification import Classification, next_question, precisions
from incident_ops.core.incident import Incident
from incident_ops.core.status import Resolution
from incident_ops_tests.builders import make_incident, minutes

RULE = Classification(remind_after=timedelta(minutes=60))
OVER = make_incident().resolved(at=minutes(10))
FIXED, EXPECTED, FALSE, DUPLICATE, IDLE = Resolution


@pytest.mark.parametrize(
    ("incident", "asked", "asked_at", "expected"),
    [
        pytest.param(OVER, 0, None, 70, id="the owner, an hour after it ended"),
        pytest.param(OVER, 1, 70, 130, id="the lead, an hour later"),
        pytest.param(OVER, 1, 500, 560, id="the owner was asked late"),
        pytest.param(OVER, 2, 130, None, id="nobody after that"),
        pytest.param(OVER, 0, 5, 70, id="asked when it had ended before"),
        pytest.param(make_incident(), 0, None, None, id="it is open"),
        pytest.param(OVER.classified(FIXED, by="ann", at=minutes(11)), 0, None, None, id="it was said"),
        pytest.param(OVER.closed(at=minutes(20)), 0, None, 70, id="closed without a reason"),
        pytest.param(replace(OVER, merged_into=3), 0, None, None, id="merged"),
        pytest.param(make_incident().excused("announced", at=minutes(1)), 0, None, None, id="announced"),
    ],
)
def test_who_has_not_said_what_it_was_is_asked(
    incident: Incident, asked: int, asked_at: float | None, expected: float | None
):
    at = minutes(asked_at) if asked_at is not None else None
    found = next_question(incident, RULE, asked=asked, asked_at=at)
    assert found == (minutes(expected) if expected is not None else None)


def test_nobody_is_asked_where_it_is_not_required():
    assert next_question(OVER, replace(RULE, required=False), asked=0) is None


def test_the_least_precise_detector_comes_first():
    found = precisions(
        {
            ("a", "good"): [FIXED, EXPECTED, DUPLICATE],
            ("b", "bad"): [FALSE, FIXED],
            ("c", "worst"): [IDLE],
            ("d", "nothing is known of"): [],
        }
    )
    assert [(each.check, each.useful, each.classified, each.share) for each in found] == [
        ("worst", 0, 1, 0.0),
        ("bad", 1, 2, 0.5),
        ("good", 3, 3, 1.0),
    ]


@pytest.mark.parametrize(
    ("newest_first", "expected"),
    [
        ([FALSE, FALSE], ""),
        (
            [FALSE, FALSE, FIXED, FIXED, FALSE],
            "3 of its last 5 incidents were false positives; lower its sensitivity",
        ),
        ([FALSE] * 3, "3 of its last 3 incidents were false positives"),
        ([FIXED, FIXED, FIXED, FALSE, FALSE, FALSE, FALSE], ""),
        ([IDLE, FALSE, FALSE], "3 of its last 3 incidents needed nobody; make it WARN, or route it to a digest."),
        ([IDLE, IDLE, FIXED, IDLE], "3 of its last 4 incidents needed nobody"),
        ([EXPECTED, DUPLICATE, FIXED, FIXED, FIXED], ""),
    ],
)
def test_a_change_is_suggested_after_three_of_five(newest_first: list[Resolution], expected: str):
    [found] = precisions({("orders", "not_null"): newest_first})
    assert expected in found.suggestion and bool(found.suggestion) is bool(expected)
    assert not expected or found.suggestion.startswith("not_null on orders: ")
