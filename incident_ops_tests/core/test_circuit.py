"""A destination that does not answer is left alone for a while, then asked once."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from incident_ops.core.circuit import (
    WELL,
    Circuit,
    after_answer,
    after_death,
    after_failure,
    after_mourning,
    after_nothing,
    probing,
)
from incident_ops.core.errors import TransportError
from incident_ops.core.retry import rule_for
from incident_ops_tests.builders import minutes

DOWN = TransportError("503")
ASKED_TO_WAIT = TransportError("429", retry_after=timedelta(seconds=30))
REVOKED = TransportError("token_revoked", needs_person=True)
LEASE = timedelta(seconds=90)


def failed(known: Circuit, error: TransportError = DOWN, *, delivery: int = 1, at: float = 0) -> Circuit:
    return after_failure(known, error, delivery=delivery, rule=rule_for("slack"), jitter=0, now=minutes(at))


def seconds(n: float) -> datetime:
    return minutes(n / 60)


@pytest.mark.parametrize(
    ("errors", "open_until"),
    [
        ([DOWN], None),
        ([DOWN, DOWN], None),
        ([DOWN, DOWN, DOWN], seconds(20)),
        ([DOWN, DOWN, DOWN, DOWN], seconds(40)),
        ([ASKED_TO_WAIT], seconds(30)),
        ([DOWN, DOWN, ASKED_TO_WAIT], seconds(30)),
        ([ASKED_TO_WAIT, DOWN], seconds(30)),
        ([REVOKED], minutes(5)),
        ([DOWN] * 20, minutes(5)),
    ],
)
def test_it_opens_after_three_failures_or_when_it_is_asked_to(
    errors: list[TransportError], open_until: datetime | None
) -> None:
    circuit = WELL
    for error in errors:
        circuit = failed(circuit, error)
    assert (circuit.open_until, circuit.failures) == (open_until, len(errors))
    assert circuit.is_open(minutes(0)) is (open_until is not None)
    assert circuit.error == str(errors[-1])


def test_it_is_open_until_its_time_and_not_a_moment_longer() -> None:
    circuit = failed(WELL, ASKED_TO_WAIT)
    assert [circuit.is_open(seconds(n)) for n in (0, 29.9, 30)] == [True, True, False]


def test_a_probe_that_fails_opens_it_for_longer_and_one_that_goes_through_closes_it() -> None:
    circuit = failed(failed(failed(WELL)))
    probe = probing(circuit, delivery=7, lease=LEASE, now=seconds(20))
    assert (probe.probe, probe.open_until) == (7, seconds(110)), "the others wait for what it finds"
    again = failed(probe, delivery=7, at=0.4)
    assert (again.probe, again.open_until) == (None, seconds(24 + 40))
    assert after_answer(probe, at=seconds(21)) == WELL


def test_others_in_flight_do_not_shorten_a_pause_nor_end_a_probe() -> None:
    waiting = failed(WELL, TransportError("429", retry_after=timedelta(hours=1)))
    assert failed(waiting, delivery=2).open_until == minutes(60)
    probe = probing(waiting, delivery=7, lease=LEASE, now=minutes(60))
    late = failed(probe, delivery=2, at=60)
    assert (late.probe, late.open_until) == (7, probe.open_until)


def test_a_probe_that_says_nothing_leaves_the_turn_to_another_one() -> None:
    probe = probing(failed(WELL, ASKED_TO_WAIT), delivery=7, lease=LEASE, now=minutes(1))
    undecided = after_nothing(probe, delivery=7, now=minutes(2))
    assert (undecided.probe, undecided.is_open(minutes(2)), undecided.failures) == (None, False, 1)
    assert after_nothing(probe, delivery=8, now=minutes(2)) == probe, "it was not the probe"


def test_what_died_is_remembered_through_answers_until_it_was_mourned() -> None:
    refused = after_death(failed(WELL), of="no such channel", at=minutes(1), has_answered=True)
    assert refused == replace(WELL, died_at=minutes(1), died_of="no such channel")
    given_up = after_death(failed(WELL), of="no answer", at=minutes(1), has_answered=False)
    assert (given_up.failures, given_up.died_of) == (1, "no answer")
    well = after_answer(given_up, at=minutes(2))
    assert (well.failures, well.died_at, well.well_at) == (0, minutes(1), minutes(2))
    assert after_death(well, of="again", at=minutes(3), has_answered=True).well_at is None
    assert after_mourning(well) == WELL
