"""What an evaluation says in documents for machines: what it measured, and what it says of its check.

A document of another form is as if it were not there: the verdict counts.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import dagster as dg

from incident_ops.adapters.dagster_numbers import moment
from incident_ops.core.declared import Declared, declared_in
from incident_ops.core.metrics import METRICS_METADATA, Measured, Measurement, MetricsError, measurement_in
from incident_ops.core.pii import ANY_COLUMN

LONGEST_NAME = 300
"""Of a metric, and of a column: both become part of an index, and PostgreSQL takes no more than 2,700 bytes."""

_OF_MANY_ROWS = {"count", "rate", "share", "ratio", "distinct", "drift", "divergence", "psi", "js"}
"""Words in the names of metrics that are never a value of the column: any other may be one (a mean of one row)."""
_OF_ONE_ROW = {"min", "max", "mean", "median", "first", "last", "top", "mode"}


def declared_of(evaluation: dg.AssetCheckEvaluation) -> Declared:
    """What the check's author says of the check: owner, tier, runbook, bad columns."""
    return declared_in({name: _plain(value) for name, value in evaluation.metadata.items()})


def _plain(value: dg.MetadataValue) -> object:
    """Some of Dagster's own values are tuples that cannot be gone through."""
    plain = getattr(value, "value", None)
    return plain if isinstance(plain, str | list) else None


def measurement_of(
    evaluation: dg.AssetCheckEvaluation, pii: Callable[[dg.AssetKey], Collection[str]]
) -> Measurement | None:
    """What was measured, without metrics that may be a value of a column of personal data.

    Args:
        pii: asset → such columns; asked only where there is anything to hide.
    """
    measurement = _measurement(evaluation.metadata)
    if measurement is None or all(_is_safe(point) for point in measurement.points):
        return measurement
    columns = {column.lower() for column in pii(evaluation.asset_key)}
    told = (p for p in measurement.points if _is_safe(p) or not {p.column.lower(), ANY_COLUMN} & columns)
    return replace(measurement, points=tuple(told))


def _measurement(metadata: Mapping[str, dg.MetadataValue]) -> Measurement | None:
    document = metadata.get(METRICS_METADATA)
    if not isinstance(document, dg.JsonMetadataValue):
        return None
    try:
        found = measurement_in(document.value)
    except MetricsError:
        return None
    is_of_our_time = moment(found.at.timestamp()) and moment(found.evaluated_at.timestamp())
    return replace(found, points=tuple(filter(_is_named, found.points))) if is_of_our_time else None


def _is_named(point: Measured) -> bool:
    return len(point.metric) <= LONGEST_NAME and len(point.column) <= LONGEST_NAME


def _is_safe(point: Measured) -> bool:
    words = set(re.findall(r"[a-z]+", point.metric.lower()))
    return not point.column or (bool(words & _OF_MANY_ROWS) and not words & _OF_ONE_ROW)
