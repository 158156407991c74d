"""A daily table whose builds report their rows, and a learnt volume check on it, built by real runs."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import dagster as dg

from incident_ops.core.feedback import FEEDBACK_METADATA, Feedback, feedback_in
from incident_ops.core.incident import Incident
from incident_ops.core.status import Resolution
from incident_ops.detectors.volume import build_volume_checks
from incident_ops.engine.triage import change
from incident_ops_tests.scenarios.story import Story, nodes_of

FIRST = date(2024, 1, 1)
DAYS = dg.DailyPartitionsDefinition(start_date="2024-01-01", end_date="2024-12-31")
LEARNT = 42
"""Days before the story begins."""


def table(rows: int, **options: Any) -> dg.Definitions:
    """The table as it is when its build finds so many rows."""

    @dg.asset(owners=["team:fin"], tags={"incident_ops/tier": "gold"}, partitions_def=DAYS)
    def orders():
        return dg.MaterializeResult(metadata={"dagster/partition_row_count": rows})

    return dg.Definitions(assets=[orders], asset_checks=build_volume_checks(assets=[orders], **options))


def usual(day: int) -> int:
    """Rows on the day of that number: about a thousand, never quite the same."""
    return 1_000 + day * 37 % 23


@dataclass
class Table:
    """The story with the table in it."""

    story: Story
    options: dict[str, Any]
    today: int = LEARNT

    @property
    def partition(self) -> str:
        return str(FIRST + timedelta(days=self.today))

    def builds(self, times: float = 1.0) -> bool:
        """The next day is built, with so many times its usual rows; returns whether the check passed."""
        job = table(round(usual(self.today) * times), **self.options).resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(instance=self.story.instance, partition_key=self.partition)
        assert result.success
        self.today += 1
        self.story.clock.catch_up()
        [evaluation] = result.get_asset_check_evaluations()
        return evaluation.passed

    def is_answered(self, reason: Resolution, incident: Incident | None = None) -> None:
        """A person resolves the incident, and Dagster hears of it."""
        number = (incident or self.story.incidents[-1]).number
        self.story.clock.catch_up()
        now, knowledge = self.story.now, self.story.knowledge()
        change(
            self.story.store, number, lambda i: i.resolved(at=now, by="erin", reason=reason), knowledge, now=now
        )
        self.story.tick()

    def observations(self) -> list[dg.AssetObservation]:
        records = self.story.instance.fetch_observations(dg.AssetKey("orders"), limit=50).records
        return [r.asset_observation for r in reversed(records) if r.asset_observation is not None]

    def answers(self) -> list[Feedback]:
        """What a detector finds on the asset."""
        found = [observation.metadata.get(FEEDBACK_METADATA) for observation in self.observations()]
        return [feedback_in(value.value) for value in found if isinstance(value, dg.JsonMetadataValue)]


def measured_in(story: Story, **options: Any) -> Table:
    """It has been built every day until today, and nothing was wrong."""
    story.knows_the_catalog(nodes_of(table(0)))
    for day in range(LEARNT):
        story.instance.report_runless_asset_event(
            dg.AssetMaterialization(
                "orders",
                partition=str(FIRST + timedelta(days=day)),
                metadata={"dagster/partition_row_count": usual(day)},
            )
        )
    story.clock.catch_up()
    story.tick()
    return Table(story, options)
