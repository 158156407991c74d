"""When a delivery is tried again, goes elsewhere as well, and is given up."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.retry import rule_for

KINDS = (
    *("alertmanager", "apprise", "email", "inbox", "jira", "jsm"),
    *("opsgenie", "pagerduty", "sentry", "slack", "webhook"),
)
SLACK = rule_for("slack")


def seconds(n: float) -> timedelta:
    return timedelta(seconds=n)


@pytest.mark.parametrize(
    ("attempts", "expected"), [(1, 5), (2, 10), (3, 20), (4, 40), (6, 160), (7, 300), (8, 300), (10_000, 300)]
)
def test_the_delay_doubles_up_to_five_minutes(attempts: int, expected: float) -> None:
    assert SLACK.delay(attempts, retry_after=None, jitter=0) == seconds(expected)


def test_jitter_takes_off_up_to_half() -> None:
    """Without it everything that failed together comes back together."""
    assert SLACK.delay(2, retry_after=None, jitter=0.5) == seconds(7.5)


@given(
    st.sampled_from(KINDS),
    st.integers(1, 10**6),
    st.floats(0, 0.999),
    st.none() | st.integers(0, 7200).map(seconds),
)
def test_a_retry_is_never_early_and_never_lost(
    kind: str, attempts: int, jitter: float, retry_after: timedelta | None
) -> None:
    rule = rule_for(kind)
    delay = rule.delay(attempts, retry_after=retry_after, jitter=jitter)
    assert delay >= rule.first / 2
    assert delay >= (retry_after or seconds(0)), "the sink asked for it"
    assert delay <= max(rule.longest, retry_after or rule.longest)


@pytest.mark.parametrize(
    ("kind", "longest", "given_up_after"),
    [
        ("slack", 5, 3),
        ("webhook", 5, 3),
        ("pagerduty", 2, 1),
        ("jsm", 2, 1),
        ("alertmanager", 1, 1),
        ("email", 15, 2),
        ("jira", 15, 3),
    ],
)
def test_who_wakes_somebody_is_asked_again_soon_and_given_up_early(
    kind: str, longest: float, given_up_after: float
) -> None:
    rule = rule_for(kind)
    assert (rule.longest, rule.give_up_after) == (timedelta(minutes=longest), timedelta(days=given_up_after))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_tried_often_before_anybody_else_is_told_and_long_before_it_is_given_up(kind: str) -> None:
    rule = rule_for(kind)
    tried, waited = 0, timedelta(0)
    while waited < rule.fallback_after:
        tried += 1
        waited += rule.delay(tried, retry_after=None, jitter=0)
    assert tried >= 5
    assert rule.give_up_after > 10 * rule.fallback_after
