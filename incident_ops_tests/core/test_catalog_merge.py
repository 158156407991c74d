"""One catalog out of several tellers."""

from dataclasses import replace

from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.catalog.merge import merge, over, with_last_known, with_observed
from incident_ops_tests.builders import T0


def node(key: str, *upstream: str, location: str = "shop", builds: bool = True, **more: object) -> AssetNode:
    made = AssetNode(
        key=key, location=location, locations=(location,), upstream=upstream, is_materializable=builds
    )
    return replace(made, **more)


def catalog(*nodes: AssetNode) -> Catalog:
    return Catalog(nodes, fetched_at=T0, source="webserver")


class TestMerge:
    def test_the_result_does_not_depend_on_the_order_in_which_locations_are_listed(self) -> None:
        definitions = [
            node("a", "c", location="x", builds=False, owners=("team:x",)),
            node("a", "b", location="y", builds=False, consumers=("team:c",), checks=("late",)),
            node("a", location="z", checks=("empty",)),
        ]
        assert merge(definitions) == merge(reversed(definitions))
        (merged,) = merge(definitions)
        assert (merged.location, merged.owners, merged.upstream) == ("z", ("team:x",), ("b", "c"))
        assert (merged.locations, merged.checks) == (("x", "y", "z"), ("empty", "late"))

    def test_of_two_equal_definitions_the_same_one_speaks_at_every_reading(self) -> None:
        # a group that flips between readings would look like a change of the catalog
        equals = [AssetNode(key="a", location=name, group=name) for name in ("y", "x")]
        assert merge(equals) == merge(reversed(equals))
        assert merge(equals)[0].group == "x"

    def test_nothing_is_merged_into_nothing(self) -> None:
        assert merge([]) == ()

    def test_assets_that_two_locations_build_from_each_other_are_borne(self) -> None:
        """Each location is free of cycles; together they need not be."""
        both = [node("a", "b", location="x"), node("b", location="x", builds=False)]
        both += [node("b", "a", location="y"), node("a", location="y", builds=False)]
        graph = catalog(*merge(both)).graph
        assert graph.ancestors("a") == {"b"}
        assert graph.cycles() == (("a", "b"),)


class TestLocationThatDoesNotLoad:
    KNOWN = catalog(
        node("orders", "raw", owners=("team:fin",), locations=("shop", "desk")),
        node("desk", "orders", location="desk"),
    )

    def test_its_assets_stay_as_they_were(self) -> None:
        fetched = catalog(node("desk", "orders", location="desk"), node("orders", location="desk", builds=False))
        kept = with_last_known(fetched, self.KNOWN, {"shop"})
        orders = kept.node("orders")
        assert orders is not None, "another location still names it, which is not all there was to know"
        assert (orders.location, orders.owners, orders.upstream) == ("shop", ("team:fin",), ("raw",))
        assert kept.node("desk") == self.KNOWN.node("desk")

    def test_an_asset_that_nobody_else_names_stays_too(self) -> None:
        kept = with_last_known(catalog(node("orders", "raw")), self.KNOWN, {"desk"})
        assert kept.node("desk") == self.KNOWN.node("desk")
        assert (kept.fetched_at, kept.source) == (T0, "webserver")

    def test_what_the_location_at_work_says_now_counts(self) -> None:
        now = node("orders", "raw", "ads", owners=("team:new",))
        kept = with_last_known(catalog(now), self.KNOWN, {"desk"}).node("orders")
        assert kept is not None
        assert (kept.owners, kept.upstream) == (("team:new",), ("ads", "raw"))

    def test_when_all_load_an_asset_that_is_gone_is_gone(self) -> None:
        fetched = catalog(node("orders"))
        assert with_last_known(fetched, self.KNOWN, ()) is fetched


class TestObserved:
    def test_an_asset_met_only_in_events_is_a_node_with_the_edges_seen(self) -> None:
        found = with_observed(catalog(node("orders")), {"lambda": ["orders", "bucket"]})
        assert found.node("lambda") == AssetNode(key="lambda", upstream=("bucket", "orders"), is_observed=True)
        assert found.node("bucket") == AssetNode(key="bucket", is_observed=True)
        assert found.graph.ancestors("lambda") == {"orders", "bucket"}
        assert ("lambda" in found, found.declares("lambda"), found.declares("orders")) == (True, False, True)

    def test_the_declared_edges_of_an_asset_stand_or_a_removed_one_would_live_on(self) -> None:
        known = catalog(node("orders"))
        assert with_observed(known, {"orders": ["raw_of_old"]}).upstream("orders") == ()

    def test_what_is_met_no_more_is_forgotten_and_what_is_declared_now_is_no_stranger(self) -> None:
        once = with_observed(catalog(node("orders")), {"lambda": [], "bucket": []})
        now = Catalog([*once.nodes, node("bucket")], fetched_at=T0)
        later = with_observed(now, {})
        assert [each.key for each in later.nodes] == ["orders", "bucket"]

    def test_without_news_the_catalog_and_its_graph_are_the_same(self) -> None:
        once = with_observed(catalog(node("orders")), {"lambda": ["orders"]})
        assert with_observed(once, {"lambda": ["orders"]}) is once


class TestOwnLocation:
    OWN = Catalog([node("incidents", owners=("team:ops",)), node("orders", owners=("team:x",))], source="own")

    def test_it_lies_beneath_what_was_read(self) -> None:
        found = over(catalog(node("orders", owners=("team:fin",))), self.OWN)
        assert [(each.key, each.owners) for each in found.nodes] == [
            ("orders", ("team:fin",)),
            ("incidents", ("team:ops",)),
        ]
        assert (found.source, found.fetched_at) == ("webserver", T0)

    def test_it_is_there_when_nothing_was_ever_read(self) -> None:
        found = over(Catalog(), self.OWN)
        assert (len(found), found.source, found.fetched_at) == (2, "own", None)

    def test_the_graph_is_not_made_at_every_tick(self) -> None:
        known = catalog(node("orders"))
        assert over(known, self.OWN) is over(known, self.OWN)
        assert over(known, Catalog()) is known
