"""How much depends on an asset, and why."""

from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.catalog import TIER_TAG, AssetNode, Catalog
from incident_ops.core.importance import importance, importances
from incident_ops.core.lineage import AssetGraph
from incident_ops_tests.histories import graph_of, seen

G = graph_of("raw > orders > rev_daily > cfo_dash", "raw > web > web_dash", "alone")
CATALOG = Catalog(
    [
        AssetNode(key="orders", tags={TIER_TAG: "gold"}),
        AssetNode(key="cfo_dash", consumers=("cfo@acme.test", "ceo@acme.test")),
        AssetNode(key="web_dash", consumers=("cfo@acme.test",)),
        AssetNode(key="alone", tags={TIER_TAG: "bronze"}),
    ]
)
VIEWS = [seen("web_dash", "ann@acme.test", at=1), seen("web_dash", "ann@acme.test", at=2)]


def test_each_part_is_told_and_people_count_once() -> None:
    raw = importance("raw", G, CATALOG, VIEWS)
    assert raw.reasons == ("5 assets downstream", "feeds tier gold", "2 consumers", "seen by 1 person")
    assert importance("orders", G, CATALOG, VIEWS).reasons == ("tier gold", "2 assets downstream", "2 consumers")
    assert importance("alone", G, CATALOG).reasons == ("tier bronze",)
    assert importance("cfo_dash", G, Catalog()) == importance("nobody/knows/it", G, CATALOG)


def test_more_of_anything_is_more_important() -> None:
    value = {
        key: importance(key, G, CATALOG, VIEWS).value for key in ("raw", "orders", "rev_daily", "web", "alone")
    }
    assert value["raw"] > value["orders"] > value["rev_daily"] > value["web"] > value["alone"] > 0
    assert importance("web", G, CATALOG, VIEWS).value > importance("web", G, CATALOG).value


ASSETS = "abcdef"
people = st.lists(st.tuples(st.sampled_from(ASSETS), st.sampled_from("xyz")), max_size=6)
tiers = st.dictionaries(st.sampled_from(ASSETS), st.sampled_from(["gold", "silver", "bronze", "platinum"]))


@given(st.lists(st.tuples(st.sampled_from(ASSETS), st.sampled_from(ASSETS))), people, people, tiers)
def test_all_at_once_gives_what_one_by_one_does(
    pairs: list[tuple[str, str]],
    consumers: list[tuple[str, str]],
    viewers: list[tuple[str, str]],
    tiers: dict[str, str],
) -> None:
    graph = AssetGraph.from_edges(pairs, nodes=ASSETS)
    catalog = Catalog(
        AssetNode(
            key=key,
            tags={TIER_TAG: tiers[key]} if key in tiers else {},
            consumers=tuple(person for asset, person in consumers if asset == key),
        )
        for key in ASSETS
    )
    views = [seen(asset, viewer, at=1) for asset, viewer in viewers]
    every = importances(graph, catalog, views)
    assert every == {key: importance(key, graph, catalog, views) for key in ASSETS}
    assert all(0 <= each.value <= 1 for each in every.values())
