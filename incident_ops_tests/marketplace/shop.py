"""A marketplace that really runs: an instance, a home, and a way to say what came of a run in one value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import dagster as dg

import incident_ops.marketplace
from incident_ops.marketplace.home import Home
from incident_ops.marketplace.reporting_day import UNTIL_TAG

PACKAGE = Path(incident_ops.marketplace.__file__).parent
SATURDAY = date(2026, 11, 14)
"""The last day of the data in these tests, so that they see the same rows whenever they run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Assets as `a/b`, checks as `a/b: name`."""

    success: bool
    failed_steps: frozenset[str]
    materialized: frozenset[str]
    passed_checks: frozenset[str]
    failed_checks: Mapping[str, str] = field(default_factory=dict)
    """With their severities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    home: Home
    instance: dg.DagsterInstance
    definitions: dg.Definitions

    def run(self, job: str = "refresh", assets: Iterable[str] = ()) -> Outcome:
        """Run a job, or only the named assets of it with their checks."""
        keys = [dg.AssetKey(name.split("/")) for name in assets]
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            tags={UNTIL_TAG: SATURDAY.isoformat()},
            asset_selection=keys or None,
            raise_on_error=False,
        )
        evaluations = result.get_asset_check_evaluations()
        return Outcome(
            success=result.success,
            failed_steps=frozenset(event.step_key or "" for event in result.get_step_failure_events()),
            materialized=frozenset(
                event.asset_key.to_user_string()
                for event in result.get_asset_materialization_events()
                if event.asset_key
            ),
            passed_checks=frozenset(_name(evaluation) for evaluation in evaluations if evaluation.passed),
            failed_checks={
                _name(evaluation): evaluation.severity.value for evaluation in evaluations if not evaluation.passed
            },
        )

    def latest(self, asset: str) -> dg.EventLogEntry:
        event = self.instance.get_latest_materialization_event(dg.AssetKey(asset.split("/")))
        assert event is not None, f"{asset} was never materialized"
        return event

    def pointers(self, asset: str) -> dict[str, int]:
        """From which events the latest materialization of `asset` was built: storage ids by asset."""
        materialization = self.latest(asset).asset_materialization
        assert materialization is not None
        prefix = "dagster/input_event_pointer/"
        return {
            key.removeprefix(prefix): int(value)
            for key, value in (materialization.tags or {}).items()
            if key.startswith(prefix)
        }

    def storage_id(self, asset: str) -> int:
        key = dg.AssetKey(asset.split("/"))
        return self.instance.fetch_materializations(key, limit=1).records[0].storage_id


def files_in_package() -> frozenset[str]:
    """What is in the package besides Python's own caches; running must add nothing."""
    return frozenset(
        str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*") if "__pycache__" not in path.parts
    )


def _name(evaluation: dg.AssetCheckEvaluation) -> str:
    return f"{evaluation.asset_key.to_user_string()}: {evaluation.check_name}"
