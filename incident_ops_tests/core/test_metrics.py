"""What a detector measured, as it travels and is kept."""

import json
from datetime import UTC, datetime, timedelta
from math import inf, nan
from typing import Any

import pytest

from incident_ops.core.metrics import (
    Measured,
    Measurement,
    MetricsError,
    document_of,
    measurement_in,
    series_of,
)

DAY = datetime(2026, 3, 2, 6, tzinfo=UTC)


def measured(
    value: float, *, day: int = 0, late: int = 0, metric: str = "row_count", column: str = ""
) -> Measurement:
    at = DAY + timedelta(days=day)
    return Measurement(
        at=at,
        evaluated_at=at + timedelta(minutes=5 + late),
        points=(Measured(metric=metric, column=column, value=value, low=900, high=1100, score=0.2),),
    )


def test_a_document_survives_json_infinities_and_partition_included() -> None:
    before = Measurement(
        at=DAY,
        evaluated_at=DAY,
        partition="2026-03-02",
        points=(
            Measured(metric="null_rate", column='a "b" c', value=0.25, low=0.0, high=0.02, score=0.9),
            Measured(metric="row_count", value=3.0),
        ),
    )
    assert measurement_in(json.loads(json.dumps(document_of(before)))) == before


def test_values_that_are_no_number_are_left_out_and_break_no_document() -> None:
    document = document_of(measured(nan))
    assert json.loads(json.dumps(document, allow_nan=False))["points"][0]["value"] is None
    assert measurement_in(document).points == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 2}, "version 2"),
        ({"at": "2026-03-02T06:00:00"}, "no time zone"),
        ({"at": None}, "misstate"),
        ({"points": [{"metric": "row_count"}]}, "'value'"),
        ({"points": [{"metric": "row_count", "value": "many"}]}, "many"),
        ({"points": 3}, "misstate"),
    ],
)
def test_a_document_of_another_form_is_refused_with_what_is_wrong(change: dict[str, Any], says: str) -> None:
    with pytest.raises(MetricsError, match=says):
        measurement_in({**document_of(measured(3)), **change})


@pytest.mark.parametrize("document", [None, [], "x", 3])
def test_what_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(MetricsError, match="JSON object"):
        measurement_in(document)


def test_of_two_evaluations_for_one_day_the_later_counts_whatever_their_order() -> None:
    first, again, next_day = measured(10), measured(12, late=60), measured(11, day=1)
    expected = [(DAY, 12.0), (DAY + timedelta(days=1), 11.0)]
    assert series_of([first, again, next_day], "row_count") == expected
    assert series_of([next_day, again, first], "row_count") == expected


def test_a_series_is_of_one_metric_and_one_column() -> None:
    both = [measured(10), measured(0.5, metric="null_rate", column="a"), measured(0.6, day=1, metric="null_rate")]
    assert series_of(both, "null_rate", "a") == [(DAY, 0.5)]


@pytest.mark.parametrize(
    ("value", "low", "high", "factor"),
    [
        (4000, 900, 1100, 4.0),
        (250, 900, 1100, 4.0),
        (1000, 900, 1100, 1.0),
        (0, 900, 1100, inf),
        (5, -1, 1, inf),
        (5, -inf, 10, None),
    ],
)
def test_how_many_times_the_usual_a_value_is(value: float, low: float, high: float, factor: float | None) -> None:
    assert Measured(metric="m", value=value, low=low, high=high).factor == factor
