"""The cause proved by Dagster's own pointers, and notices only to those who really got bad data: real runs of the
graph G, raw → orders → rev_daily → cfo_dash and raw → web → web_dash."""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
import pytest

from incident_ops.core.incident import Incident
from incident_ops.core.status import CauseClass
from incident_ops.engine.report import story_of
from incident_ops_tests.scenarios.story import Story, nodes_of


def pipeline(version: str = "v1", rows: int = 1_000, *, orders_fine: bool = True) -> dg.Definitions:
    """G as it is at one time: the code of `raw`, how much it loads, and what the check on `orders` says."""

    @dg.asset(owners=["team:ingest"], code_version=version)
    def raw():
        return dg.MaterializeResult(metadata={"dagster/row_count": rows})

    @dg.asset(owners=["team:fin"], deps=[raw], tags={"incident_ops/tier": "gold"}, code_version="o1")
    def orders():
        return dg.MaterializeResult()

    @dg.asset_check(asset=orders, name="enough")
    def enough():
        return dg.AssetCheckResult(passed=orders_fine)

    @dg.asset(owners=["team:fin"], deps=[orders], code_version="r1")
    def rev_daily():
        return dg.MaterializeResult()

    @dg.asset(owners=["team:web"], deps=[raw], code_version="w1")
    def web():
        return dg.MaterializeResult()

    dashboards = [
        dg.AssetSpec("cfo_dash", deps=[rev_daily], metadata={"incident_ops/consumers": ["cfo@acme.test"]}),
        dg.AssetSpec("web_dash", deps=[web], metadata={"incident_ops/consumers": ["cmo@acme.test"]}),
    ]
    return dg.Definitions(assets=[raw, orders, rev_daily, web, *dashboards], asset_checks=[enough])


GOOD, BAD = pipeline(), pipeline("v2", 30)


@dataclass
class Shop:
    """The story with its pipeline."""

    story: Story

    def builds(self, definitions: dg.Definitions, *assets: str) -> None:
        graph = definitions.resolve_implicit_global_asset_job_def()
        keys = [dg.AssetKey(asset) for asset in assets]
        result = graph.execute_in_process(instance=self.story.instance, asset_selection=keys, raise_on_error=False)
        assert result.success
        self.story.clock.catch_up()

    def checks(self, *, passed: bool) -> None:
        """The check on `orders` alone, as a schedule would run it."""
        definitions = pipeline(orders_fine=passed)
        job = definitions.resolve_implicit_global_asset_job_def()
        selection = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey("orders"), "enough"))
        narrowed = dg.Definitions(
            assets=definitions.assets,
            asset_checks=definitions.asset_checks,
            jobs=[dg.define_asset_job("look", selection=selection)],
        ).resolve_job_def("look")
        assert job and narrowed.execute_in_process(instance=self.story.instance).success
        self.story.clock.catch_up()

    def newest(self, asset: str) -> int:
        record = self.story.instance.get_latest_materialization_event(dg.AssetKey(asset))
        assert record is not None
        found = self.story.instance.fetch_materializations(dg.AssetKey(asset), limit=1).records[0]
        return found.storage_id

    def shown(self, incident: Incident | None = None) -> dict:
        return story_of(self.story.store, incident or self.story.incident, now=self.story.now)

    def told(self, kind: str) -> list[str]:
        return [entry["recipient"] for entry in self.shown()["audience"] if entry["kind"] == kind]


@pytest.fixture
def shop(story: Story) -> Shop:
    nodes = nodes_of(GOOD)
    consumers = {"cfo_dash": ("cfo@acme.test",), "web_dash": ("cmo@acme.test",)}
    from dataclasses import replace

    story.knows_the_catalog([replace(n, consumers=consumers.get(n.key, ())) for n in nodes])
    return Shop(story)


@pytest.fixture
def broken(shop: Shop) -> int:
    """Story 5: raw is e1, then e2 from which orders is built, then e3, and only then the check on orders fails.
    Returns e2."""
    shop.builds(GOOD, "raw", "orders", "rev_daily", "web")
    shop.builds(BAD, "raw")
    e2 = shop.newest("raw")
    shop.builds(BAD, "orders")
    shop.builds(GOOD, "raw")
    shop.checks(passed=False)
    return e2


def way(path: Sequence[dict]) -> list[tuple[str, str]]:
    return [(hop["asset"], hop["edge"]) for hop in path]


def test_the_suspect_is_the_build_that_was_read_not_the_newest_one(shop: Shop, broken: int):
    shop.story.tick()
    shown = shop.shown()
    first = shown["suspects"][0]
    assert (first["asset"], first["materialization"]) == ("raw", broken)
    assert (first["confidence"], first["cause_class"]) == ("proved by pointer", "code")
    assert way(first["path"]) == [("orders", "pointer"), ("raw", "pointer")]
    evidence = [item["summary"] for item in first["evidence"]]
    assert "declared code version v1 → v2" in evidence
    assert any("1,000 → 30" in summary and "97 %" in summary for summary in evidence)
    assert (shown["root"]["asset"], shown["root"]["materialization"]) == ("raw", broken)
    assert [(m["asset"], m["hops"], m["edge"]) for m in shown["members"]] == [("orders", 1, "pointer")]
    assert shop.story.incident.cause_class is CauseClass.CODE


def test_with_nothing_changed_upstream_the_root_stays_and_the_cause_is_unknown(shop: Shop):
    shop.builds(GOOD, "raw", "orders")
    shop.checks(passed=False)
    shop.story.tick()
    shown = shop.shown()
    assert (shown["root"]["asset"], shown["cause_class"], shown["suspects"]) == ("orders", None, [])
    assert shown["looked_at"] == ["looked at 1 asset upstream: raw: nothing changed"]


def test_only_those_who_got_bad_data_are_told_and_each_gets_the_all_clear(shop: Shop, broken: int):
    """Story 6."""
    shop.builds(BAD, "rev_daily")
    shop.story.tick()
    impact = shop.shown()["impact"]
    assert [hit["asset"] for hit in impact["tainted"]] == ["cfo_dash", "orders", "rev_daily"]
    assert shop.told("start") == ["cfo@acme.test"]
    assert "cmo@acme.test" not in str(shop.shown())
    assert shop.told("hold") in ([], ["team:web"])
    shop.builds(GOOD, "orders")
    shop.story.tick()
    assert shop.told("end") == [], "rev_daily is still the bad one"
    shop.builds(GOOD, "rev_daily")
    shop.checks(passed=True)
    shop.story.tick()
    assert (shop.told("start"), shop.told("end")) == (["cfo@acme.test"], ["cfo@acme.test"])
    shop.story.tick()
    assert shop.told("end") == ["cfo@acme.test"]
    assert not shop.story.incident.is_open
