"""What `incident-ops lineage` answers, as records and as drawn."""

import json

import pytest
from rich.console import Console

from incident_ops.core.catalog import TIER_TAG, AssetNode, Catalog
from incident_ops.core.errors import UnknownAsset, UnknownColumn
from incident_ops.core.lineage.columns import ColumnGraph, ColumnRef
from incident_ops.engine.lineage import Record, asked_for, impact_record, show_record, upstream_record
from incident_ops.terminal_lineage import MOST_LINES, render

CATALOG = Catalog(
    [
        AssetNode(key="shop/raw", kinds=("csv",)),
        AssetNode(key="shop/stg.v2", upstream=("shop/raw",), owners=("team:finance",), kinds=("dbt",)),
        AssetNode(key="shop/mart", upstream=("shop/stg.v2",), owners=("ann@x.y",), tags={TIER_TAG: "gold"}),
        AssetNode(key="people", upstream=("shop/stg.v2",), owners=("team:crm",)),
        AssetNode(key="board", upstream=("shop/mart",), consumers=("team:sales",), owners=("ann@x.y",)),
    ]
)
COLUMNS = KnownColumns(graph=ColumnGraph.from_lineage(
    {
        "shop/stg.v2": {
            "id": [ColumnRef(asset="shop/raw", column="id")],
            "amount": [ColumnRef(asset="shop/raw", column="amount")],
        },
        "shop/mart": {"revenue": [ColumnRef(asset="shop/stg.v2", column="amount")], "orders": []},
        "people": {"customer": [ColumnRef(asset="shop/stg.v2", column="id")]},
    }
)


def drawn(record: Record) -> str:
    console = Console(width=200, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(render(record))
    return captured.get()


@pytest.mark.parametrize(
    ("written", "asset", "column"),
    [
        ("shop/raw", "shop/raw", None),
        ("shop/stg.v2", "shop/stg.v2", None),
        ("shop/stg.v2.amount", "shop/stg.v2", "amount"),
        ("shop/stg.v2.AMOUNT", "shop/stg.v2", "amount"),
        ("board.anything", "board", "anything"),
    ],
)
def test_an_asset_of_that_very_key_wins_over_an_asset_and_its_column(
    written: str, asset: str, column: str | None
) -> None:
    key, found = asked_for(written, CATALOG, COLUMNS)
    assert (key, found.column if found else None) == (asset, column)


@pytest.mark.parametrize("written", ["shop/marts", "shop/marts.revenue"])
def test_an_unknown_asset_is_refused_with_what_it_may_have_been(written: str) -> None:
    with pytest.raises(UnknownAsset, match="did you mean shop/mart"):
        asked_for(written, CATALOG, COLUMNS)


def test_an_unknown_column_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownColumn, match="its known columns are orders, revenue"):
        impact_record("shop/mart.renevue", CATALOG, COLUMNS)


def test_show_lists_the_neighbours_by_distance_and_counts_the_rest() -> None:
    record = show_record("shop/raw", CATALOG, COLUMNS, hops=2)
    assert [(item["asset"], item["hops"], item["via"]) for item in record["downstream"]] == [
        ("shop/stg.v2", 1, "shop/raw"),
        ("people", 2, "shop/stg.v2"),
        ("shop/mart", 2, "shop/stg.v2"),
    ]
    assert record["downstream"][2]["tier"] == "gold"
    assert record["upstream"] == []
    assert record["beyond"] == {"upstream": 0, "downstream": 1}
    assert record["columns"] == ["amount", "id"]


def test_impact_of_an_asset_names_everybody_downstream() -> None:
    record = impact_record("shop/raw", CATALOG, COLUMNS)
    assert [item["asset"] for item in record["downstream"]] == ["shop/stg.v2", "people", "shop/mart", "board"]
    assert record["owners"] == ["team:finance", "team:crm", "ann@x.y"]
    assert record["consumers"] == ["team:sales"]
    assert record["breaks"] is None


def test_impact_of_a_column_leaves_out_those_who_are_proven_unaffected() -> None:
    record = impact_record("shop/stg.v2.amount", CATALOG, COLUMNS)
    assert {item["asset"]: item["use"] for item in record["downstream"]} == {
        "shop/mart": "built",
        "people": "unaffected",
        "board": "may_use",
    }
    assert record["owners"] == ["ann@x.y"]
    assert record["breaks"] == {
        "built": [
            {
                "asset": "shop/mart",
                "column": "revenue",
                "hops": 1,
                "path": ["shop/stg.v2.amount", "shop/mart.revenue"],
            }
        ],
        "may_use": [{"asset": "board", "because": "board"}],
        "unaffected": [{"asset": "people", "is_told": True, "unsourced": []}],
    }


def test_upstream_of_a_column_says_where_the_trace_ends() -> None:
    record = upstream_record("shop/mart.revenue", CATALOG, COLUMNS)
    assert [(item["asset"], item["column"], item["hops"]) for item in record["sources"]] == [
        ("shop/stg.v2", "amount", 1),
        ("shop/raw", "amount", 2),
    ]
    assert record["silent"] == []
    blind = upstream_record("board.total", CATALOG, COLUMNS)
    assert (blind["sources"], blind["silent"]) == ([], ["board"])
    assert [item["asset"] for item in blind["upstream"]] == ["shop/mart", "shop/stg.v2", "shop/raw"]


@pytest.mark.parametrize("make", [show_record, impact_record, upstream_record])
@pytest.mark.parametrize("written", ["shop/stg.v2", "shop/stg.v2.amount", "board.total"])
def test_every_record_is_json_and_can_be_drawn(make: type[Record], written: str) -> None:
    record: Record = make(written, CATALOG, COLUMNS)  # type: ignore[call-arg]
    assert json.loads(json.dumps(record)) == record
    assert drawn(record).startswith(written)


def test_the_drawing_tells_proof_from_ignorance_and_names_what_it_cannot_see() -> None:
    text = drawn(impact_record("shop/stg.v2.amount", CATALOG, COLUMNS))
    assert "├── people  team:crm  unaffected" in text
    assert "└── board  ann@x.y  read by team:sales  may use it" in text
    assert "shop/stg.v2.amount → shop/mart.revenue" in text
    assert "board: it has no (complete) column lineage" in text
    assert "no filters and no joins" in text


def test_a_cycle_is_said_and_drawn_once() -> None:
    catalog = Catalog([AssetNode(key="a", upstream=("b",)), AssetNode(key="b", upstream=("a", "b"))])
    record = impact_record("a", catalog, NOTHING)
    assert record["cycle"] == ["a", "b"]
    assert [item["asset"] for item in record["downstream"]] == ["b"]
    assert "built from each other: a, b" in drawn(record)


def test_an_upstream_that_no_location_defines_is_shown_without_facts() -> None:
    catalog = Catalog([AssetNode(key="a", upstream=("elsewhere",))])
    record = upstream_record("a", catalog, NOTHING)
    assert record["upstream"][0]["asset"] == "elsewhere"
    assert show_record("elsewhere", catalog, NOTHING)["facts"]["owners"] == []


def test_a_thousand_assets_downstream_are_counted_and_not_all_drawn() -> None:
    catalog = Catalog([AssetNode(key=f"[bold]{n:04}", upstream=("hub",)) for n in range(1_000)])
    record = impact_record("hub", catalog, NOTHING)
    text = drawn(record)
    assert len(record["downstream"]) == 1_000
    assert len(text.splitlines()) < MOST_LINES + 10
    assert "and 800 more" in text
    assert "[bold]0000" in text
