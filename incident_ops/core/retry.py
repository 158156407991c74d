"""When to try a delivery again."""

from datetime import timedelta

FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(minutes=5)
DELAY_FOR_A_PERSON = timedelta(minutes=5)


def delay_before_retry(attempts: int, *, retry_after: timedelta | None, jitter: float) -> timedelta:
    """Exponential backoff, doubling from 5 s to at most 5 min, with up to half of it taken off by jitter
    ("equal jitter", Brooker, AWS Architecture Blog 2015); never earlier than the sink asked for.

    Args:
        attempts: how often it was tried, 1 after the first failure.
        retry_after: the sink's own wish.
        jitter: 0 ≤ jitter < 1, drawn by the caller.
    """
    delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(attempts - 1, 10))
    delay -= delay * jitter / 2
    return max(delay, retry_after) if retry_after is not None else delay
