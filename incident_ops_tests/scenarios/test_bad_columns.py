"""A check that names the bad columns: what is not derived from them is not tainted, its people hear nothing."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import dagster as dg
import pytest

from incident_ops_tests.scenarios.shop import Shop
from incident_ops_tests.scenarios.story import Story, nodes_of

CONSUMERS = {"rev_dash": ("cfo@acme.test",), "chan_dash": ("cmo@acme.test",), "mixed": ("coo@acme.test",)}
TOLD = {name: consumer for name, (consumer,) in CONSUMERS.items()}


def columns(**sources: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Metadata of a build: its columns and what each is computed from."""
    deps = {
        name: [dg.TableColumnDep(asset_key=dg.AssetKey(asset), column_name=column) for asset, column in found]
        for name, found in sources.items()
    }
    return {
        "dagster/column_schema": dg.TableSchema([dg.TableColumn(name, "int") for name in sources]),
        "dagster/column_lineage": dg.TableColumnLineage(deps_by_column=deps),
    }


def pipeline(bad: Sequence[Any] | None = None, *, fine: bool = False) -> dg.Definitions:
    """orders(amount, channel) → revenue(amount) → rev_dash, channels(channel) → chan_dash, and `mixed`, which does
    not tell what it uses. The check on `orders` says that the columns `bad` are."""

    @dg.asset(owners=["team:fin"])
    def orders():
        return dg.MaterializeResult(metadata=columns(amount=[], channel=[]))

    @dg.asset(deps=[orders], owners=["team:fin"])
    def revenue():
        return dg.MaterializeResult(metadata=columns(revenue=[("orders", "amount")]))

    @dg.asset(deps=[orders], owners=["team:web"])
    def channels():
        return dg.MaterializeResult(metadata=columns(name=[("orders", "channel")]))

    @dg.asset(deps=[orders], owners=["team:bi"])
    def mixed():
        return dg.MaterializeResult()

    @dg.asset_check(asset=orders)
    def healthy():
        said = {} if bad is None else {"incident_ops/columns": dg.MetadataValue.json(bad)}
        return dg.AssetCheckResult(passed=fine, metadata=said)

    dashboards = [dg.AssetSpec("rev_dash", deps=[revenue]), dg.AssetSpec("chan_dash", deps=[channels])]
    return dg.Definitions(assets=[orders, revenue, channels, mixed, *dashboards], asset_checks=[healthy])


@pytest.fixture
def shop(story: Story) -> Shop:
    nodes = nodes_of(pipeline())
    story.knows_the_catalog([replace(node, consumers=CONSUMERS.get(node.key, ())) for node in nodes])
    return Shop(story)


def tainted(shop: Shop) -> set[str]:
    return {hit["asset"] for hit in shop.shown()["impact"]["tainted"]}


def happens(shop: Shop, definitions: dg.Definitions) -> None:
    shop.builds(definitions, "orders", "revenue", "channels", "mixed")
    shop.story.tick()


EVERYTHING = {"orders", "revenue", "channels", "mixed", "rev_dash", "chan_dash"}


def test_what_is_derived_from_other_columns_is_not_hit_and_its_people_hear_nothing(shop: Shop):
    happens(shop, pipeline(["amount"]))
    assert tainted(shop) == {"orders", "revenue", "mixed", "rev_dash"}
    assert sorted(shop.told("start")) == [TOLD["rev_dash"], TOLD["mixed"]]
    assert "team:web" not in shop.told("hold")


@pytest.mark.parametrize(
    "bad", [None, [], ["amount", "channel"], ["amount", 7], ["no_such_column"], ["amount", "x"]]
)
def test_in_doubt_all_that_is_built_from_it_is_hit(shop: Shop, bad: Sequence[Any] | None):
    happens(shop, pipeline(bad))
    assert tainted(shop) == EVERYTHING
    assert sorted(shop.told("start")) == sorted(TOLD.values())


def test_a_second_column_that_fails_later_reaches_those_who_were_spared(shop: Shop):
    happens(shop, pipeline(["amount"]))
    shop.story.later(minutes=5)
    happens(shop, pipeline(["channel"]))
    assert tainted(shop) == EVERYTHING
    assert TOLD["chan_dash"] in shop.told("start")


def test_the_all_clear_goes_to_those_who_were_told(shop: Shop):
    happens(shop, pipeline(["amount"]))
    shop.story.later(minutes=5)
    happens(shop, pipeline(fine=True))
    assert sorted(shop.told("end")) == sorted(shop.told("start")) == [TOLD["rev_dash"], TOLD["mixed"]]
