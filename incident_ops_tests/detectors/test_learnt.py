"""What a detector remembers of a value that was out, and says of the next."""

from dataclasses import replace
from datetime import timedelta

from incident_ops.core.metrics import Measured, Measurement
from incident_ops.detectors.learnt import Memory
from incident_ops_tests.detectors.runs import START, scope_without_run

TEN_MINUTES = timedelta(minutes=10)


def test_a_fault_of_an_hour_is_no_passing_check_after_ten_minutes() -> None:
    """Else its incident would be resolved while the data are still off."""
    remembered: list[Measurement] = []
    found: list[bool] = []
    for number, rows in enumerate([20.0 + 7 * number % 41 for number in range(432)] + [200.0] * 6 + [40.0]):
        at = START + number * TEN_MINUTES
        point = Measured(metric="row_count", value=rows)
        if number >= 432:
            memory = Memory(measurements=remembered, feedback=(), options={})
            point, judgement = memory.judged(replace(scope_without_run(), now=at), "row_count", rows)
            found.append(judgement.anomalous)
        remembered.append(Measurement(at=at, evaluated_at=at, points=(point,)))
    assert found == [True] * 6 + [False]
