"""Which build is to blame, where an asset has several that count: partitions, assets that read themselves, and
runs that built nothing. Real runs, with Dagster's own pointers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from incident_ops.engine.report import story_of
from incident_ops_tests.scenarios.story import Story, nodes_of

COUNTRIES = dg.StaticPartitionsDefinition(["eu", "us"])
DAYS = dg.DailyPartitionsDefinition(start_date="2026-01-01")
YESTERDAY = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)


def of(*columns: str, rows: int = 1_000) -> dg.MaterializeResult[Any]:
    schema = dg.TableSchema([dg.TableColumn(name, "int") for name in columns])
    return dg.MaterializeResult(metadata={"dagster/column_schema": schema, "dagster/row_count": rows})


class Pipeline:
    """raw → stg → the last asset, with a check on that; what `raw` yields is told build by build."""

    def __init__(
        self,
        story: Story,
        last: str = "orders",
        *,
        partitions: dg.PartitionsDefinition[str] | None = None,
        own: Sequence[dg.AssetDep] = (),
    ) -> None:
        self.story, self.last = story, last
        self.raw_yields: Callable[[], dg.MaterializeResult[Any]] = lambda: of("id")
        self.passes = True

        @dg.asset(name="raw", partitions_def=partitions)
        def raw():
            return self.raw_yields()

        @dg.asset(name="stg", deps=[raw], partitions_def=partitions)
        def stg():
            return dg.MaterializeResult()

        @dg.asset(name=last, deps=[stg, *own], partitions_def=partitions)
        def end():
            return dg.MaterializeResult()

        @dg.asset_check(asset=end, name="ok")
        def ok():
            return dg.AssetCheckResult(passed=self.passes)

        self._definitions = dg.Definitions(assets=[raw, stg, end], asset_checks=[ok])
        story.knows_the_catalog(nodes_of(self._definitions))

    def builds(
        self,
        partition: str | None = None,
        *assets: str,
        passes: bool | None = True,
        raw: Callable[[], dg.MaterializeResult[Any]] | None = None,
    ) -> None:
        """All of it or some assets; `passes` None leaves the check out."""
        self.raw_yields, self.passes = raw or self.raw_yields, bool(passes)
        keys = dg.AssetSelection.assets(*(assets or ("raw", "stg", self.last)))
        selection = keys if passes is not None else keys.without_checks()
        job = dg.Definitions(
            assets=self._definitions.assets,
            asset_checks=self._definitions.asset_checks,
            jobs=[dg.define_asset_job("some", selection=selection)],
        ).resolve_job_def("some")
        job.execute_in_process(instance=self.story.instance, partition_key=partition, raise_on_error=False)
        self.story.clock.catch_up()

    def shown(self) -> dict[str, Any]:
        self.story.tick()
        return story_of(self.story.store, self.story.incident, now=self.story.now)


def way(suspect: Mapping[str, Any]) -> list[str]:
    return [hop["asset"] for hop in suspect["path"]]


def test_a_bad_partition_is_compared_with_its_own_past_though_only_another_one_passed(story: Story):
    shop = Pipeline(story, partitions=COUNTRIES)
    shop.builds("eu", passes=None)
    shop.builds("us", passes=True)
    shop.builds("eu", passes=False, raw=lambda: of("id", rows=20))
    shown = shop.shown()
    [suspect] = shown["suspects"]
    assert (way(suspect), suspect["confidence"]) == (["orders", "stg", "raw"], "proved by pointer")
    assert [item["summary"] for item in suspect["evidence"]] == ["rows 1,000 → 20 (−98 %)"]
    assert shown["root"]["asset"] == "raw"


def test_what_has_always_been_different_in_a_partition_is_no_cause(story: Story):
    shop = Pipeline(story, partitions=COUNTRIES)
    shop.builds("eu", passes=None, raw=lambda: of("id", "vat"))
    shop.builds("us", passes=True, raw=lambda: of("id", "state"))
    shop.builds("eu", passes=False, raw=lambda: of("id", "vat"))
    shown = shop.shown()
    assert (shown["suspects"], shown["root"]["asset"]) == ([], "orders")
    assert shown["looked_at"] == ["looked at 2 assets upstream: raw, stg: nothing changed"]


def test_an_asset_that_reads_its_own_yesterday_is_walked_back(story: Story):
    shop = Pipeline(
        story,
        "inc",
        partitions=DAYS,
        own=[dg.AssetDep("inc", partition_mapping=YESTERDAY)],
    )
    shop.builds("2026-01-01", passes=None, raw=lambda: of("id", "price"))
    shop.builds("2026-01-02", passes=None, raw=lambda: of("id"))
    shop.builds("2026-01-03", passes=False, raw=lambda: of("id", "price"))
    first = shop.shown()["suspects"][0]
    assert way(first) == ["inc", "inc", "stg", "raw"]
    assert (first["confidence"], first["evidence"][0]["summary"]) == ("proved by pointer", "columns removed price")


def test_a_failed_run_and_what_goes_stale_by_it_have_one_suspect(story: Story):
    def refuses() -> dg.MaterializeResult[Any]:
        raise ValueError("refused")

    shop = Pipeline(story)
    shop.builds()
    shop.builds(None, "raw", raw=refuses)
    story.reports_freshness("stg", "PASS", "FAIL")
    [suspect] = shop.shown()["suspects"]
    assert (suspect["asset"], suspect["materialization"]) == ("raw", None)
    assert [item["kind"] for item in suspect["evidence"]].count("run_error") == 1
    assert len(story.incident.members) == 2
