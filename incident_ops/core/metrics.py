"""Metrics of an asset over time: what a detector measured, as it travels on its evaluation and is kept.

The document is written by another process, perhaps of another version: its form is checked when it is read.
Whether a value is out of the ordinary is `anomaly`'s, what people's answers teach is `feedback`'s.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf, isfinite
from typing import Any, cast

from incident_ops.core.anomaly.judgement import Series
from incident_ops.core.errors import IncidentOpsError

METRICS_METADATA = "incident_ops/metrics"
"""Where an evaluation carries the document."""
ROW_COUNT = "row_count"
VERSION = 1


class MetricsError(IncidentOpsError, ValueError):
    """The document is not one of metrics; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One value of one metric, with the bounds it was held against.

    Attributes:
        metric: such as `row_count` or `null_rate`.
        column: the column it belongs to, empty for the table.
        value: in the metric's own unit (rates: 0 to 1).
        low, high: the usual range when it was judged; infinite where nothing was known.
        score: of the judgement (0 to below 1, out of the ordinary from one half on).
    """

    metric: str
    value: float
    column: str = ""
    low: float = -inf
    high: float = inf
    score: float = 0.0

    @property
    def name(self) -> tuple[str, str]:
        return self.metric, self.column

    @property
    def is_out(self) -> bool:
        return self.score >= 0.5

    @property
    def factor(self) -> float | None:
        """How many times the middle of its usual range it is, or its reciprocal where it is less: at least 1.
        None where there is no range, infinite where one of the two is not positive."""
        if not (isfinite(self.low) and isfinite(self.high)):
            return None
        usual = (self.low + self.high) / 2
        if usual == self.value:
            return 1.0
        return max(self.value / usual, usual / self.value) if usual > 0 and self.value > 0 else inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one evaluation measured.

    Attributes:
        at: the time that the values stand for: the start of a time partition, else when the data was built.
        evaluated_at: when the detector looked.
        partition: the partition it looked at, if any.
    """

    at: datetime
    evaluated_at: datetime
    points: tuple[Measured, ...]
    partition: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckMeasurement:
    """A measurement, the check on `asset` (key `a/b`) that made it, and the event that told of it."""

    event_id: str
    asset: str
    check: str
    measurement: Measurement


def series_of(measurements: Iterable[Measurement], metric: str, column: str = "") -> Series:
    """The history of one metric, oldest first; of two evaluations for the same time the later one counts."""
    found = {
        measurement.at: point.value
        for measurement in sorted(measurements, key=lambda m: m.evaluated_at)
        for point in measurement.points
        if point.name == (metric, column)
    }
    return sorted(found.items())


def document_of(measurement: Measurement) -> dict[str, Any]:
    """As JSON knows it: no infinities, times as ISO 8601."""
    return {
        "version": VERSION,
        "at": measurement.at.isoformat(),
        "evaluated_at": measurement.evaluated_at.isoformat(),
        "partition": measurement.partition,
        "points": [
            {
                "metric": point.metric,
                "column": point.column,
                "value": _or_none(point.value),
                "low": _or_none(point.low),
                "high": _or_none(point.high),
                "score": round(point.score, 4),
            }
            for point in measurement.points
        ],
    }


def measurement_in(document: object) -> Measurement:
    """The opposite of `document_of`; points without a finite value are left out.

    Raises:
        MetricsError: it has another form, or comes from a later version.
    """
    if not isinstance(document, Mapping):
        raise MetricsError(f"metrics are a JSON object, not {type(document).__name__}")
    record = cast("Mapping[str, Any]", document)
    if record.get("version") != VERSION:
        raise MetricsError(f"metrics of version {record.get('version')!r} are not known here, only {VERSION}")
    try:
        points = (_measured(point) for point in record["points"] if point["value"] is not None)
        return Measurement(
            at=time_in(record["at"]),
            evaluated_at=time_in(record["evaluated_at"]),
            partition=_text_or_none(record.get("partition")),
            points=tuple(point for point in points if isfinite(point.value)),
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise MetricsError(f"metrics lack or misstate a field: {error!r}") from error


def _measured(point: Mapping[str, Any]) -> Measured:
    return Measured(
        metric=str(point["metric"]),
        column=str(point.get("column") or ""),
        value=float(point["value"]),
        low=_number(point.get("low"), -inf),
        high=_number(point.get("high"), inf),
        score=_number(point.get("score"), 0.0),
    )


def _number(value: Any, otherwise: float) -> float:
    found = otherwise if value is None else float(value)
    return found if isfinite(found) else otherwise


def _text_or_none(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


def time_in(text: str) -> datetime:
    """An ISO time with a time zone, in UTC.

    Raises:
        ValueError, OverflowError, TypeError: it is none.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return at.astimezone(UTC)


def _or_none(value: float) -> float | None:
    return value if isfinite(value) else None
