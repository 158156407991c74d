"""A small pipeline, built by real runs: raw → orders → rev_daily → cfo_dash and raw → web → web_dash."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg

from incident_ops.core.incident import Incident
from incident_ops.engine.report import story_of
from incident_ops_tests.scenarios.story import Story, nodes_of

CONSUMERS = {"cfo_dash": ("cfo@acme.test",), "web_dash": ("cmo@acme.test",)}


def pipeline(
    raw_version: str = "v1", rows: int = 1_000, *, web_version: str = "w1", fine: Sequence[str] = ("orders", "web")
) -> dg.Definitions:
    """It as it is at one time: the code of `raw` and `web`, how much `raw` loads, and which checks pass."""

    @dg.asset(owners=["team:ingest"], code_version=raw_version)
    def raw():
        return dg.MaterializeResult(metadata={"dagster/row_count": rows})

    @dg.asset(owners=["team:fin"], deps=[raw], tags={"incident_ops/tier": "gold"}, code_version="o1")
    def orders():
        return dg.MaterializeResult()

    @dg.asset(owners=["team:fin"], deps=[orders], code_version="r1")
    def rev_daily():
        return dg.MaterializeResult()

    @dg.asset(owners=["team:web"], deps=[raw], code_version=web_version)
    def web():
        return dg.MaterializeResult()

    def check_on(asset: dg.AssetsDefinition, name: str) -> dg.AssetChecksDefinition:
        @dg.asset_check(asset=asset, name="enough")
        def enough():
            return dg.AssetCheckResult(passed=name in fine)

        return enough

    dashboards = [dg.AssetSpec("cfo_dash", deps=[rev_daily]), dg.AssetSpec("web_dash", deps=[web])]
    return dg.Definitions(
        assets=[raw, orders, rev_daily, web, *dashboards],
        asset_checks=[check_on(orders, "orders"), check_on(web, "web")],
    )


GOOD, BAD = pipeline(), pipeline("v2", 30)
UNCHECKED = dg.Definitions(assets=GOOD.assets)  # good as well, but nobody looks


@dataclass
class Shop:
    """The story with its pipeline."""

    story: Story

    def builds(self, definitions: dg.Definitions, *assets: str) -> None:
        job = definitions.resolve_implicit_global_asset_job_def()
        keys = [dg.AssetKey(asset) for asset in assets]
        result = job.execute_in_process(instance=self.story.instance, asset_selection=keys)
        assert result.success
        self.story.clock.catch_up()

    def checks(self, asset: str = "orders", *, passed: bool) -> None:
        """The check on one asset alone, as a schedule would run it."""
        definitions = pipeline(fine=() if not passed else (asset,))
        selection = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey(asset), "enough"))
        job = dg.Definitions(
            assets=definitions.assets,
            asset_checks=definitions.asset_checks,
            jobs=[dg.define_asset_job("look", selection=selection)],
        ).resolve_job_def("look")
        assert job.execute_in_process(instance=self.story.instance).success
        self.story.clock.catch_up()

    def newest(self, asset: str) -> int:
        return self.story.instance.fetch_materializations(dg.AssetKey(asset), limit=1).records[0].storage_id

    def shown(self, incident: Incident | None = None) -> dict[str, Any]:
        return story_of(self.story.store, incident or self.story.incident, now=self.story.now)

    def told(self, kind: str) -> list[str]:
        return [entry["recipient"] for entry in self.shown()["audience"] if entry["kind"] == kind]


def way(path: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(hop["asset"], hop["edge"]) for hop in path]


def opened_in(story: Story, *, is_materializable: Sequence[str] = ()) -> Shop:
    story.knows_the_catalog(
        [
            replace(n, consumers=CONSUMERS.get(n.key, ()), is_materializable=n.key in is_materializable)
            for n in nodes_of(GOOD)
        ]
    )
    return Shop(story)
