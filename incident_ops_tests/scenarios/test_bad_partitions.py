"""A check without partitions on an asset that has them: it looks at whatever was built last."""

import dagster as dg
import pytest

from incident_ops.core.catalog import AssetNode
from incident_ops.engine.report import story_of
from incident_ops_tests.scenarios.story import Story

DAYS = dg.StaticPartitionsDefinition(["03", "04"])


@dg.asset(partitions_def=DAYS)
def orders():
    return dg.MaterializeResult()


@dg.asset(partitions_def=DAYS, deps=[orders])
def enriched():
    return dg.MaterializeResult()


def shop(*, is_good: bool) -> dg.Definitions:
    @dg.asset_check(asset=orders)
    def complete():
        return dg.AssetCheckResult(passed=is_good)

    return dg.Definitions(assets=[orders, enriched], asset_checks=[complete])


@pytest.fixture
def days(story: Story) -> Story:
    reader = AssetNode(key="enriched", upstream=("orders",), partitions="static", consumers=("cfo@acme.test",))
    story.knows_the_catalog([AssetNode(key="orders", owners=("team:fin",), partitions="static"), reader])
    return story


def builds(story: Story, day: str, *, is_good: bool) -> None:
    job = shop(is_good=is_good).resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=story.instance, partition_key=day).success
    story.clock.catch_up()


def tainted(story: Story) -> dict[str, list[str]]:
    impact = story_of(story.store, story.incident, now=story.now)["impact"]
    return {hit["asset"]: hit["partitions"] for hit in impact["tainted"]}


def ends(story: Story) -> list[str]:
    audience = story_of(story.store, story.incident, now=story.now)["audience"]
    return [entry["text"] for entry in audience if entry["kind"] == "end"]


def test_every_partition_that_was_found_bad_is_bad_until_it_is_built_again(days: Story):
    builds(days, "03", is_good=False)
    days.tick()
    builds(days, "04", is_good=False)
    days.tick()
    assert tainted(days) == {"orders": ["03", "04"], "enriched": ["03", "04"]}
    builds(days, "03", is_good=True)
    days.tick()
    assert tainted(days) == {"orders": ["04"], "enriched": ["04"]}
    assert ends(days) == [], "04 is still what it was"
    builds(days, "04", is_good=True)
    days.tick()
    assert tainted(days) == {}
    assert len(ends(days)) == 1
