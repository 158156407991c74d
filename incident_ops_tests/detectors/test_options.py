"""Options are checked when a factory is called, not by the first run."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Unpack

import pytest

from incident_ops.detectors.factory import DetectorError
from incident_ops.detectors.learnt import LearntOptions
from incident_ops.detectors.options import with_usable_options
from incident_ops.detectors.reading import ReadOptions
from incident_ops.detectors.rules import build_uniqueness_checks
from incident_ops.detectors.volume import VolumeOptions, build_volume_checks


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sensitivity": 0}, "sensitivity=0 is not positive"),
        ({"sensitivity": -1}, "not positive"),
        ({"sensitivity": "x"}, "not positive"),
        ({"sensitivity": float("nan")}, "not positive"),
        ({"sensitivity": True}, "not positive"),
        ({"timeout": 30}, "positive timedelta"),
        ({"timeout": "soon"}, "soon"),
        ({"timeout": timedelta()}, "leaves no time"),
        ({"sample": 0}, "sample=0 is not a whole number of at least 1"),
        ({"sample": 2.5}, "whole number"),
        ({"holidays": "2026-12-25"}, "list of dates"),
        ({"holidays": ["Christmas"]}, "'Christmas' is no date"),
        ({"holidays": [25]}, "no date"),
        ({"min_rows": "10"}, "min_rows='10'"),
        ({"max_rows": 1.5}, "max_rows=1.5"),
        ({"min_rows": -1}, "at least 0"),
        ({"runbook": "no url"}, "https://"),
        ({"runbook": "ftp://wiki/volume"}, "https://"),
        ({"runbook": "https://[wiki"}, "https://"),
    ],
)
def test_what_cannot_be_used_is_refused_where_it_is_written(options: dict[str, Any], says: str) -> None:
    with pytest.raises(DetectorError, match=says):
        build_volume_checks(["orders"], **options)


def test_a_misspelt_option_is_told_all_that_there_are() -> None:
    misspelt: Any = {"severty": "x"}
    with pytest.raises(DetectorError, match=r"no option severty: .*max_rows, min_rows.*sensitivity, severity"):
        build_volume_checks(["orders"], **misspelt)
    with pytest.raises(DetectorError, match=r"no option severty: .*at_most.*columns") as refused:
        build_uniqueness_checks(["orders"], **misspelt)
    assert "sensitivity" not in str(refused.value), "a rule learns nothing"


def test_lengths_and_days_may_be_written() -> None:
    written: Any = {
        "timeout": "1m30s",
        "holidays": ["2026-12-25", date(2026, 1, 1), datetime(2026, 5, 1, 6, tzinfo=UTC)],
    }
    days = {date(2026, 12, 25), date(2026, 1, 1), date(2026, 5, 1)}
    assert _given(**written) == {"timeout": timedelta(seconds=90), "holidays": days}


@with_usable_options
def _given(**options: Unpack[VolumeOptions]) -> VolumeOptions:
    return options


def test_options_of_reading_and_learning_are_named_as_they_are_checked() -> None:
    """A check of an option that was renamed would check nothing."""
    assert {"sensitivity", "holidays"} <= LearntOptions.__annotations__.keys()
    assert {"timeout", "sample"} <= ReadOptions.__annotations__.keys()
    assert VolumeOptions.__annotations__.keys() > LearntOptions.__annotations__.keys()
