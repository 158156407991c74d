"""What was measured before, and what people said of it: the memory of detectors.

`EventLog` finds both in Dagster's own event log, which every code location can read: the metrics on the check's
past evaluations, the answers on observations of the asset. Any other memory has the same two methods.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeAlias, runtime_checkable

import dagster as dg

from incident_ops.core.feedback import FEEDBACK_METADATA, Feedback, FeedbackError, feedback_in
from incident_ops.core.metrics import METRICS_METADATA, Measurement, MetricsError, measurement_in

MOST_EVALUATIONS = 800
"""Of a series: two years of a daily check."""
MOST_PAGES = 10
"""So many times as many evaluations are looked through for a series of a check that has several: of fifty regions
each finds 160 days, more than its bounds are learnt from. Those 8,000 take .9 s."""
MOST_ANSWERS = 200


class History(Protocol):
    """The memory of detectors."""

    def measurements(self, check: dg.AssetCheckKey) -> Sequence[Measurement]:
        """What the check measured before, oldest first."""
        ...

    def feedback(self, check: dg.AssetCheckKey) -> Sequence[Feedback]:
        """What people said of it, oldest first."""
        ...


@runtime_checkable
class ManySeries(Protocol):
    """A memory that can be asked for one series of a check: one region of an asset of days and regions."""

    def measurements_of(
        self, check: dg.AssetCheckKey, is_of_series: Callable[[str | None], bool]
    ) -> Sequence[Measurement]:
        """What the check measured before of the partitions of that series, oldest first."""
        ...


Remembers: TypeAlias = Callable[[dg.DagsterInstance], History]


class EventLog:
    """The memory that Dagster keeps anyway. Documents that cannot be read (written by hand, or by a later version)
    are left out: one of them must not blind the detector."""

    def __init__(self, instance: dg.DagsterInstance, *, limit: int = MOST_EVALUATIONS) -> None:
        self._instance = instance
        self._limit = limit

    def measurements(self, check: dg.AssetCheckKey) -> Sequence[Measurement]:
        return self.measurements_of(check, lambda _: True)

    def measurements_of(
        self, check: dg.AssetCheckKey, is_of_series: Callable[[str | None], bool]
    ) -> Sequence[Measurement]:
        """At most `limit` of the series, and none behind `limit` × `MOST_PAGES` evaluations of the check."""
        storage = self._instance.event_log_storage
        found: list[Measurement] = []
        cursor, wanted = None, self._limit
        for _ in range(MOST_PAGES):
            records = storage.get_asset_check_execution_history(check, limit=self._limit, cursor=cursor)
            measured = [
                measurement
                for record in records
                if isinstance(record.evaluation, dg.AssetCheckEvaluation)  # not what is planned, or this very one
                and (measurement := _measurement(record.evaluation.metadata)) is not None
            ]
            own = [measurement for measurement in measured if is_of_series(measurement.partition)]
            found += own[:wanted]
            wanted -= len(records) - (
                len(measured) - len(own)
            )  # all but others', or one series would cost two pages
            if wanted <= 0 or len(records) < self._limit:
                break
            cursor = records[-1].id
        return found[::-1]

    def feedback(self, check: dg.AssetCheckKey) -> Sequence[Feedback]:
        records = self._instance.fetch_observations(check.asset_key, limit=MOST_ANSWERS).records
        found = (
            _feedback(record.asset_observation.metadata)
            for record in reversed(records)
            if record.asset_observation is not None
        )
        return [answer for answer in found if answer is not None and answer.check == check.name]


def materializations(
    instance: dg.DagsterInstance, asset: dg.AssetKey, *, partitions: Sequence[str] | None = None, limit: int
) -> list[tuple[datetime, dg.AssetMaterialization]]:
    """The asset's newest builds (of these partitions) with their times, oldest first.

    Args:
        limit: at most 1,000, of more Dagster gives none.
    """
    wanted = dg.AssetRecordsFilter(asset_key=asset, asset_partitions=partitions)
    records = instance.fetch_materializations(wanted, limit=limit).records
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
