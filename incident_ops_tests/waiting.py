"""Waiting for what another process does: on a condition, with a deadline, never for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T | None], timeout: float, what: str | Callable[[], str], *, pause: float = 0.1
) -> T:
    """The first true value of `condition`, asked every `pause` seconds.

    Raises:
        AssertionError: not within `timeout` seconds; `what` says what was waited for, and when it is a
            function it is called then, to tell how things stood.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout:g} s: {what if isinstance(what, str) else what()}")
        time.sleep(pause)
