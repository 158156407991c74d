"""The runs of a Dagster instance that are not over, and the assets that each has still to build.

What that means for a deadline is `core.forecast`'s business.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import dagster as dg
from dagster import DagsterEventType, DagsterInstance

from incident_ops.adapters.dagster_log import DagsterLog
from incident_ops.adapters.dagster_translate import asset_ref, utc
from incident_ops.core.forecast.under_way import Run

MOST_RUNS = 500
"""Of those that have begun, the newest; of those in the queue, the next in turn."""

_BEGUN = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]
_OF_ASSETS = (DagsterEventType.ASSET_MATERIALIZATION_PLANNED, DagsterEventType.ASSET_MATERIALIZATION)


@dataclass(slots=True, kw_only=True)
class _Progress:
    """Keys are assets; `steps` has the step that is to build each of those that were planned."""

    started_at: datetime | None
    steps: dict[str, str | None] = field(default_factory=dict[str, str | None])
    built: dict[str, datetime] = field(default_factory=dict[str, datetime])


class RunsUnderWay:
    """See `core.forecast.under_way.RunsUnderWay`. Three questions at the first call, and one for each run that has
    begun and matters; one object serves one pass.

    A partitioned asset counts as built with its first partition, as its freshness policy has it.
    """

    def __init__(self, instance: DagsterInstance) -> None:
        self._instance = instance
        self._log = DagsterLog(instance)
        self._known: dict[str, _Progress] | None = None
        self._failed: dict[str, frozenset[str]] = {}

    def __call__(self, assets: Collection[str]) -> Sequence[Run]:
        """Raises `SourceUnavailable` when the event log cannot be read."""
        if self._known is None:
            self._known = self._look()
        wanted = set(assets)
        return [
            self._run(run_id, progress)
            for run_id, progress in self._known.items()
            if wanted.intersection(progress.steps.keys() - progress.built.keys())
        ]

    def _look(self) -> dict[str, _Progress]:
        runs = {record.dagster_run.run_id: _Progress(started_at=_started_at(record)) for record in self._records()}
        for row in self._log.assets_of_runs(runs, types=_OF_ASSETS):
            asset = asset_ref(row.key).key
            if row.type == DagsterEventType.ASSET_MATERIALIZATION.value:
                runs[row.run_id].built[asset] = utc(row.at)
            else:
                runs[row.run_id].steps[asset] = row.step
        return runs

    def _records(self) -> Iterator[dg.RunRecord]:
        ask = self._instance.get_run_records
        yield from ask(dg.RunsFilter(statuses=_BEGUN), limit=MOST_RUNS)
        yield from ask(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]), limit=MOST_RUNS, ascending=True)

    def _run(self, run_id: str, progress: _Progress) -> Run:
        to_come = progress.steps.keys() - progress.built.keys()
        steps = self._failed_steps(run_id) if progress.started_at is not None else frozenset[str]()
        failed = frozenset(asset for asset in to_come if progress.steps[asset] in steps)
        return Run(
            started_at=progress.started_at,
            to_come=frozenset(to_come - failed),
            built=progress.built,
            failed=failed,
        )

    def _failed_steps(self, run_id: str) -> frozenset[str]:
        """On SQLite these events lie with the run."""
        if run_id not in self._failed:
            entries = self._instance.all_logs(run_id, of_type=DagsterEventType.STEP_FAILURE)
            self._failed[run_id] = frozenset(entry.step_key for entry in entries if entry.step_key)
        return self._failed[run_id]


def _started_at(record: dg.RunRecord) -> datetime | None:
    return utc(record.start_time) if record.start_time is not None else None
