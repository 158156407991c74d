"""Who was hit: stories of bad data on its way to people."""

from collections.abc import Collection
from typing import Any

import pytest

from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.impact import Hit, Impact, impact_of
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.lineage.columns import ColumnGraph, ColumnRef
from incident_ops.core.provenance import Provenance, Ref, View
from incident_ops.core.trail import Edge
from incident_ops_tests.builders import minutes
from incident_ops_tests.histories import History, graph_of, seen

G = graph_of("raw > orders > rev_daily > cfo_dash", "raw > web > web_dash")
CATALOG = Catalog(
    [
        AssetNode(key="cfo_dash", consumers=("cfo@acme.test",)),
        AssetNode(key="web_dash", consumers=("cmo@acme.test",)),
        AssetNode(key="rev_daily", consumers=("team:fin",)),
    ]
)
E2 = Ref(asset="raw", id=3)


def bad_orders() -> History:
    """raw e1 is good, web is built from it; e2 is bad, orders and rev_daily are built from it; e3 is good."""
    h = History()
    h.built("raw", 1)
    h.built("web", 2, reads={"raw": 1})
    h.built("raw", 3)
    h.built("orders", 4, reads={"raw": 3})
    h.built("raw", 5)
    h.built("rev_daily", 12, reads={"orders": 4})
    return h


def hit(
    provenance: Provenance,
    bad: Collection[Ref] = (E2,),
    *,
    graph: AssetGraph = G,
    views: tuple[View, ...] = (),
    **anything: Any,
) -> Impact:
    return impact_of(bad, provenance, CATALOG, graph, views=views, **anything)


def assets(hits: tuple[Hit, ...]) -> list[str]:
    return [hit.asset for hit in hits]


def test_only_those_who_show_bad_data_are_reached() -> None:
    impact = hit(bad_orders().provenance)
    assert assets(impact.tainted) == ["cfo_dash", "orders", "rev_daily"]
    assert assets(impact.at_risk) == [], "raw is good again, so web can be built"
    assert assets(impact.healed) == ["raw"]
    assert [(r.consumer, r.asset, r.since, r.partitions) for r in impact.consumers] == [
        ("cfo@acme.test", "cfo_dash", minutes(12), ()),
        ("team:fin", "rev_daily", minutes(12), ()),
    ]
    assert [r.reason for r in impact.consumers] == [
        "cfo_dash shows rev_daily, built from orders at 2026-11-20 09:12 UTC",
        "rev_daily: built from orders at 2026-11-20 09:12 UTC",
    ]


def test_what_was_not_rebuilt_yet_is_at_risk_while_its_upstream_is_bad() -> None:
    h = History()
    h.built("raw", 1)
    h.built("orders", 2, reads={"raw": 1})
    h.built("rev_daily", 3, reads={"orders": 2})
    h.built("raw", 4)
    impact = hit(h.provenance, [Ref(asset="raw", id=4)])
    assert assets(impact.tainted) == ["raw", "web", "web_dash"], "web was never built: it shows raw"
    assert assets(impact.at_risk) == ["cfo_dash", "orders", "rev_daily"]
    h.built("orders", 5, reads={"raw": 4})
    h.built("raw", 6)
    impact = hit(h.provenance, [Ref(asset="raw", id=4)])
    assert assets(impact.tainted) == ["orders"]
    assert assets(impact.at_risk) == ["rev_daily"], "cfo_dash shows rev_daily, which is still good"


def test_rebuilt_from_good_data_all_is_healed_and_nobody_is_reached() -> None:
    h = bad_orders()
    h.built("orders", 20, reads={"raw": 5})
    assert assets(hit(h.provenance).healed) == ["orders", "raw"]
    h.built("rev_daily", 21, reads={"orders": 20})
    impact = hit(h.provenance)
    assert (impact.tainted, impact.at_risk, impact.consumers) == ((), (), ())
    healed = {each.asset: (each.since, each.until) for each in impact.healed}
    assert healed["cfo_dash"] == (minutes(12), minutes(21))
    assert set(healed) == {"cfo_dash", "orders", "raw", "rev_daily"}


def test_partitions_are_told_exactly() -> None:
    h = History()
    for day in range(10):
        h.built("raw", day, partition=f"d{day}")
        h.built("orders", 10 + day, partition=f"d{day}", reads={"raw": day})
    for day in (3, 4):
        h.built("orders", 20 + day, partition=f"d{day}", reads={"raw": day})
    h.built("raw", 30, partition="d3")
    h.built("orders", 31, partition="d3", reads={"raw": 30})
    impact = hit(h.provenance, [Ref(asset="raw", id=day) for day in (3, 4, 5)])
    by_asset = {each.asset: (each.partitions, each.materializations) for each in impact.tainted}
    assert by_asset["orders"] == (("d4", "d5"), (14, 15, 24))
    assert by_asset["raw"] == (("d4", "d5"), (4, 5))
    assert by_asset["cfo_dash"] == (("d4", "d5"), ())
    assert {each.asset: each.partitions for each in impact.healed}["orders"] == ("d3",)
    assert impact.at_risk == ()


def test_of_a_partitioned_asset_the_partitions_not_rebuilt_yet_are_at_risk() -> None:
    h = History()
    for day in range(4):
        h.built("raw", day, partition=f"d{day}")
        h.built("orders", 10 + day, partition=f"d{day}", reads={"raw": day})
    h.built("raw", 22, partition="d2")
    impact = hit(h.provenance, [Ref(asset="raw", id=22)])
    assert [(each.asset, each.partitions) for each in impact.at_risk if each.asset == "orders"] == [
        ("orders", ("d2",))
    ]


def test_without_pointers_it_goes_by_time_and_says_so() -> None:
    impact = hit(bad_orders().without_pointers)
    assert assets(impact.tainted) == ["cfo_dash", "orders", "rev_daily"]
    assert {each.edge for each in impact.tainted} == {Edge.TIME}
    assert impact.consumers[0].reason.endswith("built from orders at 2026-11-20 09:12 UTC, as the times suggest")
    assert {each.edge for each in hit(bad_orders().provenance).tainted} == {Edge.POINTER}


def test_time_goes_by_the_moment_of_reading_and_not_by_that_of_writing() -> None:
    """A long build that began before the bad record came has not read it."""
    h = History()
    h.built("raw", 1)
    h.built("raw", 3)
    h.built("orders", 4, ready_at=minutes(2))
    assert assets(hit(h.provenance).tainted) == ["raw", "web", "web_dash"]


def test_by_time_each_partition_reads_its_own() -> None:
    h = History()
    h.built("raw", 1, partition="d1")
    h.built("raw", 2, partition="d2")
    h.built("orders", 4, partition="d1")
    h.built("orders", 5, partition="d2")
    h.built("rev_daily", 6)
    impact = hit(h.provenance, [Ref(asset="raw", id=1)])
    assert {each.asset: each.partitions for each in impact.tainted} == {
        "raw": ("d1",), "web": ("d1",), "web_dash": ("d1",), "orders": ("d1",), "rev_daily": (), "cfo_dash": (),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("bad_column", "expected"),
    [("price", ["cfo_dash", "orders", "rev_daily"]), ("name", ["orders"])],
)
def test_column_lineage_spares_those_that_use_nothing_bad(bad_column: str, expected: list[str]) -> None:
    def made_of(asset: str, column: str) -> tuple[ColumnRef, ...]:
        return (ColumnRef(asset=asset, column=column),)

    columns = ColumnGraph.from_lineage(
        {
            "orders": {"price": made_of("raw", "price"), "name": made_of("raw", "name")},
            "rev_daily": {"revenue": made_of("orders", "price")},
        },
        schemas={"orders": ["price", "name"], "rev_daily": ["revenue"], "raw": ["price", "name"]},
    )
    bad_columns = [ColumnRef(asset="raw", column=bad_column)]
    provenance = bad_orders().provenance
    assert assets(hit(provenance, bad_columns=bad_columns, columns=columns).tainted) == expected
    both = [E2, Ref(asset="orders", id=4)]
    assert "cfo_dash" in assets(hit(provenance, both, bad_columns=bad_columns, columns=columns).tainted), (
        "of orders no column is known to be bad, so all may be"
    )


def test_those_who_looked_at_bad_data_are_told_with_the_version_seen() -> None:
    views = (
        seen("cfo_dash", "early@acme.test", at=11),
        seen("cfo_dash", "cfo@acme.test", at=13),
        seen("cfo_dash", "late@acme.test", at=30),
        seen("raw", "dba@acme.test", at=40, version=3),
        seen("raw", "dbb@acme.test", at=4),
        seen("raw", "dbc@acme.test", at=40),
        seen("web_dash", "cmo@acme.test", at=13),
    )
    h = bad_orders()
    h.built("orders", 20, reads={"raw": 5})
    h.built("rev_daily", 21, reads={"orders": 20})
    viewers = hit(h.provenance, views=views).viewers
    assert [(v.viewer, v.asset, v.materialization) for v in viewers] == [
        ("dbb@acme.test", "raw", None), ("cfo@acme.test", "cfo_dash", None), ("dba@acme.test", "raw", 3),
    ]  # fmt: skip


def test_a_bad_record_that_nobody_has_hits_nobody() -> None:
    assert hit(bad_orders().provenance, [Ref(asset="raw", id=77)]) == Impact()


def test_circles_end() -> None:
    h = History()
    h.built("a", 1, at=1, reads={"b": 2})
    h.built("b", 2, at=1, reads={"a": 1})
    impact = hit(h.provenance, [Ref(asset="a", id=1)], graph=graph_of("a > b > a", "b > x > y > x"))
    assert assets(impact.tainted) == ["a", "b", "x", "y"]


def test_a_dashboard_has_no_versions_so_one_that_is_named_is_anothers() -> None:
    views = (
        seen("cfo_dash", "cfo@acme.test", at=20, version=12),
        seen("rev_daily", "bob@acme.test", at=20, version=1),
    )
    assert [v.viewer for v in hit(bad_orders().provenance, views=views).viewers] == ["cfo@acme.test"]
