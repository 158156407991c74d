"""When a delivery is tried again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.retry import LONGEST_DELAY, delay_before_retry


def seconds(n: float) -> timedelta:
    return timedelta(seconds=n)


@pytest.mark.parametrize(
    ("attempts", "expected"), [(1, 5), (2, 10), (3, 20), (4, 40), (6, 160), (7, 300), (8, 300), (10_000, 300)]
)
def test_the_delay_doubles_up_to_five_minutes(attempts: int, expected: float) -> None:
    assert delay_before_retry(attempts, retry_after=None, jitter=0) == seconds(expected)


def test_jitter_takes_off_up_to_half() -> None:
    """Without it everything that failed together comes back together."""
    assert delay_before_retry(2, retry_after=None, jitter=0.5) == seconds(7.5)


@given(st.integers(1, 10**6), st.floats(0, 0.999), st.none() | st.integers(0, 7200).map(seconds))
def test_a_retry_is_never_early_and_never_lost(
    attempts: int, jitter: float, retry_after: timedelta | None
) -> None:
    delay = delay_before_retry(attempts, retry_after=retry_after, jitter=jitter)
    assert delay >= seconds(2.5)
    assert delay >= (retry_after or seconds(0)), "the sink asked for it"
    assert delay <= max(LONGEST_DELAY, retry_after or LONGEST_DELAY)
