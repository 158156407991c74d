"""The courier goes when something is owed: at once, not once for each asking, and again after trouble."""

import logging
import threading
from collections.abc import Callable

import pytest

from incident_ops.core.errors import StoreUnavailable
from incident_ops.engine.dispatch import Dispatched
from incident_ops.web.courier import Courier
from incident_ops_tests.waiting import wait_until

SECONDS = 10.0


class Round:
    """One delivery pass after the other; each begins by itself and ends when it may."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Semaphore(0), threading.Semaphore(0)
        self.passes = 0
        self.trouble: Exception | None = None

    def __call__(self, may_go_on: Callable[[], bool]) -> Dispatched:
        self.passes += 1
        self.begun.release()
        while may_go_on() and not self.may_end.acquire(timeout=0.02):
            pass
        if self.trouble is not None:
            raise self.trouble
        return Dispatched()


@pytest.fixture
def round() -> Round:
    return Round()


def test_what_is_owed_while_it_is_on_its_way_takes_one_more_round_however_much_it_is(round: Round) -> None:
    with Courier(round) as courier:
        courier.go()
        assert round.begun.acquire(timeout=SECONDS)
        for _ in range(50):
            courier.go()
        round.may_end.release()
        assert round.begun.acquire(timeout=SECONDS)
        round.may_end.release()
        courier.go()
        assert round.begun.acquire(timeout=SECONDS)
    assert round.passes == 3


def test_nobody_asks_and_nothing_happens(round: Round) -> None:
    with Courier(round):
        pass
    assert round.passes == 0


def test_trouble_with_the_database_is_told_and_the_next_round_goes(
    round: Round, caplog: pytest.LogCaptureFixture
) -> None:
    round.trouble = StoreUnavailable("the database is away")
    with caplog.at_level(logging.WARNING), Courier(round) as courier:
        courier.go()
        round.may_end.release()
        wait_until(lambda: "the database is away" in caplog.text, SECONDS, "it is told", pause=0.02)
        round.trouble = None
        courier.go()
        assert round.begun.acquire(timeout=SECONDS) and round.begun.acquire(timeout=SECONDS)
    assert round.passes == 2


def test_at_the_end_a_long_round_is_asked_to_stop(round: Round) -> None:
    with Courier(round) as courier:
        courier.go()
        assert round.begun.acquire(timeout=SECONDS)
    assert not courier._thread.is_alive()
