"""A memory for detectors that outlives Dagster's event log: the log and our own database together.

For a code location that can reach the database (`INCIDENT_OPS_DATABASE_URL`, or the place that the control plane
takes on the same machine):

    build_volume_checks(assets=[…], history=stored_history)
"""

from collections.abc import Callable, Sequence

import dagster as dg

from incident_ops.adapters.wiring import database_url, shared_store, surroundings_of
from incident_ops.core.feedback import Feedback
from incident_ops.core.metrics import Measurement
from incident_ops.detectors.history import MOST_EVALUATIONS, EventLog, History
from incident_ops.engine.ports import Store


def stored_history(instance: dg.DagsterInstance) -> History:
    """The memory of detectors on `instance`; asked anew by each evaluation.

    Raises:
        StoreUnavailable, ConfigError: the database cannot be used. Then nothing can be checked: bounds that were
            learnt from a part of the history would be others.
    """
    return StoredHistory(EventLog(instance), shared_store(database_url(surroundings_of(instance))))


class StoredHistory:
    """What either of the two remembers, each evaluation and each answer once. The log knows the newest first."""

    def __init__(self, log: EventLog, store: Store) -> None:
        self._log, self._store = log, store

    def measurements(self, check: dg.AssetCheckKey) -> Sequence[Measurement]:
        return self.measurements_of(check, lambda _: True)

    def measurements_of(
        self, check: dg.AssetCheckKey, is_of_series: Callable[[str | None], bool]
    ) -> Sequence[Measurement]:
        """Of one series (see `detectors.history.ManySeries`): as many as the log finds, and those among the newest
        800 evaluations of the check that the store keeps."""
        asset = "/".join(check.asset_key.path)
        with self._store.looking_back() as history:
            stored = history.metrics(asset, check.name, limit=MOST_EVALUATIONS)
        own = [measurement for measurement in stored if is_of_series(measurement.partition)]
        found = {(m.evaluated_at, m.partition): m for m in (*own, *self._log.measurements_of(check, is_of_series))}
        return sorted(found.values(), key=lambda m: m.evaluated_at)

    def feedback(self, check: dg.AssetCheckKey) -> Sequence[Feedback]:
        asset = "/".join(check.asset_key.path)
        with self._store.looking_back() as history:
            stored = history.feedback(asset, check.name)
        return sorted({*stored, *self._log.feedback(check)}, key=lambda answer: answer.order)
