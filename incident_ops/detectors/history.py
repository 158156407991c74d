"""What was measured before, and what people said of it: the memory of detectors.

`EventLog` finds both in Dagster's own event log, which every code location can read: the metrics on the check's
past evaluations, the answers on observations of the asset. Any other memory has the same two methods.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeAlias

import dagster as dg

from incident_ops.core.feedback import FEEDBACK_METADATA, Feedback, FeedbackError, feedback_in
from incident_ops.core.metrics import METRICS_METADATA, Measurement, MetricsError, measurement_in

MOST_EVALUATIONS = 800
"""Two years of a daily check."""
MOST_ANSWERS = 200


class History(Protocol):
    """The memory of detectors."""

    def measurements(self, check: dg.AssetCheckKey) -> Sequence[Measurement]:
        """What the check measured before, oldest first."""
        ...

    def feedback(self, check: dg.AssetCheckKey) -> Sequence[Feedback]:
        """What people said of it, oldest first."""
        ...


Remembers: TypeAlias = Callable[[dg.DagsterInstance], History]


class EventLog:
    """The memory that Dagster keeps anyway. Documents that cannot be read (written by hand, or by a later version)
    are left out: one of them must not blind the detector."""

    def __init__(self, instance: dg.DagsterInstance, *, limit: int = MOST_EVALUATIONS) -> None:
        self._instance = instance
        self._limit = limit

    def measurements(self, check: dg.AssetCheckKey) -> Sequence[Measurement]:
        records = self._instance.event_log_storage.get_asset_check_execution_history(check, limit=self._limit)
        found = (
            _measurement(record.evaluation.metadata)
            for record in reversed(records)
            if isinstance(record.evaluation, dg.AssetCheckEvaluation)  # not what is planned, or this very one
        )
        return [measurement for measurement in found if measurement is not None]

    def feedback(self, check: dg.AssetCheckKey) -> Sequence[Feedback]:
        records = self._instance.fetch_observations(check.asset_key, limit=MOST_ANSWERS).records
        found = (
            _feedback(record.asset_observation.metadata)
            for record in reversed(records)
            if record.asset_observation is not None
        )
        return [answer for answer in found if answer is not None and answer.check == check.name]


def materializations(
    instance: dg.DagsterInstance, asset: dg.AssetKey, *, limit: int = MOST_EVALUATIONS
) -> list[tuple[datetime, dg.AssetMaterialization]]:
    """The asset's builds with their times, oldest first."""
    records = instance.fetch_materializations(asset, limit=limit).records
    return [
        (datetime.fromtimestamp(record.timestamp, tz=UTC), record.asset_materialization)
        for record in reversed(records)
        if record.asset_materialization is not None
    ]


def _measurement(metadata: Any) -> Measurement | None:
    try:
        return measurement_in(_json(metadata, METRICS_METADATA))
    except MetricsError:
        return None


def _feedback(metadata: Any) -> Feedback | None:
    try:
        return feedback_in(_json(metadata, FEEDBACK_METADATA))
    except FeedbackError:
        return None


def _json(metadata: Any, name: str) -> Any:
    value = metadata.get(name)
    return value.data if isinstance(value, dg.JsonMetadataValue) else None
