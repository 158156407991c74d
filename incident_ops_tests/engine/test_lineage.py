"""What `incident-ops lineage` answers, as records and as drawn."""

import json

import pytest
from rich.console import Console

from incident_ops.core.catalog import TIER_TAG, AssetNode, Catalog
from incident_ops.core.errors import UnknownAsset, UnknownColumn
from incident_ops.core.lineage.columns import ColumnGraph, ColumnRef
from incident_ops.core.message import moment
from incident_ops.core.provenance import Materialization
from incident_ops.engine.lineage import (
    KnownColumns,
    Record,
    asked_for,
    impact_record,
    known_columns,
    show_record,
    upstream_record,
)
from incident_ops.terminal_lineage import MOST_LINES, render
from incident_ops_tests.histories import columns_of, record

CATALOG = Catalog(
    [
        AssetNode(key="shop/raw", kinds=("csv",)),
        AssetNode(key="shop/stg.v2", upstream=("shop/raw",), owners=("team:finance",), kinds=("dbt",)),
        AssetNode(key="shop/mart", upstream=("shop/stg.v2",), owners=("ann@x.y",), tags={TIER_TAG: "gold"}),
        AssetNode(key="people", upstream=("shop/stg.v2",), owners=("team:crm",)),
        AssetNode(key="board", upstream=("shop/mart",), consumers=("team:sales",), owners=("ann@x.y",)),
    ]
)
COLUMNS = KnownColumns(
    graph=ColumnGraph.from_lineage(
        {
            "shop/stg.v2": {
                "id": [ColumnRef(asset="shop/raw", column="id")],
                "amount": [ColumnRef(asset="shop/raw", column="amount")],
            },
            "shop/mart": {"revenue": [ColumnRef(asset="shop/stg.v2", column="amount")], "orders": []},
            "people": {"customer": [ColumnRef(asset="shop/stg.v2", column="id")]},
        }
    )
)
NOTHING = KnownColumns(graph=ColumnGraph.from_lineage({}))


def built(asset: str, number: int, /, **sources: str) -> Materialization:
    """`built("orders", 2, amount="raw.amount")`: one column from one other each."""
    lineage = {
        column: (ColumnRef(asset=source.rpartition(".")[0], column=source.rpartition(".")[2]),)
        for column, source in sources.items()
    }
    return record(asset, number, columns=columns_of(**dict.fromkeys(sources, "int")), column_lineage=lineage)


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
    key, found = asked_for(written, CATALOG, COLUMNS.graph)
    assert (key, found.column if found else None) == (asset, column)


DOTTED = Catalog([AssetNode(key="src"), AssetNode(key="src.a"), AssetNode(key="blind"), AssetNode(key="blind.x")])


@pytest.mark.parametrize(
    ("written", "asset", "column"),
    [
        ("src.payload.user", "src", "payload.user"),
        ("src.PAYLOAD.USER", "src", "payload.user"),
        ("src.a.id", "src.a", "id"),
        ("src.a.user", "src", "a.user"),
        ("blind.x.y.z", "blind.x", "y.z"),
        ("src.a", "src.a", None),
    ],
)
def test_both_keys_and_columns_may_hold_dots_and_what_is_known_wins(
    written: str, asset: str, column: str | None
) -> None:
    schemas = {"src": ["payload.user", "a.user"], "src.a": ["id"]}
    key, found = asked_for(written, DOTTED, ColumnGraph.from_lineage({}, schemas=schemas))
    assert (key, found.column if found else None) == (asset, column)


@pytest.mark.parametrize("written", ["src.a.nope", "src."])
def test_a_name_that_no_split_explains_is_refused(written: str) -> None:
    schemas = {"src": ["payload.user"], "src.a": ["id"]}
    with pytest.raises((UnknownColumn, UnknownAsset)):
        asked_for(written, DOTTED, ColumnGraph.from_lineage({}, schemas=schemas))


@pytest.mark.parametrize("written", ["shop/marts", "shop/marts.revenue"])
def test_an_unknown_asset_is_refused_with_what_it_may_have_been(written: str) -> None:
    with pytest.raises(UnknownAsset, match="did you mean shop/mart"):
        asked_for(written, CATALOG, COLUMNS.graph)


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
        "broken": [],
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


HIDDEN = Catalog(
    [
        AssetNode(key="src"),
        AssetNode(key="hid", owners=("team:hid",), consumers=("hid@acme.test",)),
        AssetNode(key="hid2", upstream=("hid",), owners=("team:hid2",)),
        AssetNode(key="loop", upstream=("back",)),
        AssetNode(key="back", owners=("team:back",)),
    ]
)
HIDDEN_COLUMNS = known_columns(
    [
        built("hid", 1, h="src.amount"),
        built("loop", 2, a="back.b"),
        built("back", 3, b="loop.a"),
    ]
)


def test_what_the_column_lineage_proves_is_listed_without_an_edge_between_the_assets() -> None:
    record = impact_record("src.amount", HIDDEN, HIDDEN_COLUMNS)
    assert [(item["asset"], item["via"], item["use"]) for item in record["downstream"]] == [
        ("hid", "src", "built"),
        ("hid2", "hid", "may_use"),
    ]
    assert (record["owners"], record["consumers"]) == (["team:hid", "team:hid2"], ["hid@acme.test"])
    assert [item["asset"] for item in upstream_record("hid.h", HIDDEN, HIDDEN_COLUMNS)["upstream"]] == ["src"]


def test_an_edge_against_the_declared_one_is_a_cycle_and_its_owners_are_told() -> None:
    record = impact_record("loop.a", HIDDEN, HIDDEN_COLUMNS)
    assert ([item["asset"] for item in record["downstream"]], record["owners"]) == (["back"], ["team:back"])
    assert record["cycle"] == ["back", "loop"]


def test_a_column_that_a_newer_schema_does_not_have_is_gone() -> None:
    """The older record's lineage would be told as today's."""
    catalog = Catalog([AssetNode(key="n1", upstream=("src",)), AssetNode(key="n2", upstream=("n1",))])
    columns = known_columns(
        [
            record("src", 1, columns=columns_of(id="int", amount="int")),
            built("n1", 1, id="src.id", amt="src.amount"),
            built("n2", 2, tot="n1.amt"),
            record("n1", 3, columns=columns_of(ID="int")),
        ]
    )
    assert show_record("n1", catalog, columns)["columns"] == ["id"]  # as the lineage writes it
    with pytest.raises(UnknownColumn, match="n1 has no column 'amt'; its known columns are id"):
        impact_record("n1.amt", catalog, columns)
    impact = impact_record("src.amount", catalog, columns)
    assert impact["breaks"]["built"] == []
    assert impact["breaks"]["broken"] == [{"asset": "n2", "column": "tot", "source": "n1.amt"}]
    assert "n2.tot is built from n1.amt, which is not there (any more)" in drawn(impact)
    upstream = upstream_record("n2.tot", catalog, columns)
    assert upstream["missing"] == [{"asset": "n1", "column": "amt", "is_asset": True}]


def test_what_an_older_build_told_is_said_to_be_of_that_build() -> None:
    columns = known_columns([built("people", 1, customer="shop/stg.v2.id"), record("people", 2)])
    at = record("people", 1).at
    impact = impact_record("shop/stg.v2.id", CATALOG, columns)
    assert impact["as_of"] == {"people": at.isoformat()}
    assert f"people: as of its build of {moment(at)}; later ones do not tell it" in drawn(impact)
    assert impact_record("shop/stg.v2.id", CATALOG, COLUMNS)["as_of"] == {}


def test_upstream_tells_a_column_that_is_not_explained_from_a_constant() -> None:
    catalog = Catalog([AssetNode(key="mixed", upstream=("src", "gone"))])
    columns = KnownColumns(
        graph=ColumnGraph.from_lineage(
            {
                "mixed": {
                    "id": [ColumnRef(asset="src", column="id")],
                    "n": [],
                    "q": [ColumnRef(asset="src", column="nope"), ColumnRef(asset="ghost", column="g")],
                }
            },
            schemas={"mixed": ["id", "n", "q", "x"], "src": ["id"]},
        )
    )
    assert upstream_record("mixed.x", catalog, columns)["silent"] == ["mixed"]
    assert upstream_record("mixed.n", catalog, columns)["silent"] == []
    assert upstream_record("mixed.id", catalog, columns)["missing"] == []
    odd = upstream_record("mixed.q", catalog, columns)
    assert odd["missing"] == [
        {"asset": "ghost", "column": "g", "is_asset": False},
        {"asset": "src", "column": "nope", "is_asset": True},
    ]
    text = drawn(odd)
    assert "ghost.g: the catalog has no asset ghost" in text
    assert "src.nope: src has no such column (any more)" in text


def test_an_asset_that_never_told_its_columns_may_have_others_than_those_that_are_mentioned() -> None:
    catalog = Catalog([AssetNode(key="dash"), AssetNode(key="list", upstream=("dash",)), AssetNode(key="x")])
    columns = known_columns([built("list", 1, k="dash.whatever")])
    never_met = impact_record("dash.anything", catalog, columns)
    assert (never_met["is_met"], never_met["breaks"]["built"]) == (False, [])
    assert "Nobody has told of this column: what columns dash has is not known" in drawn(never_met)
    assert impact_record("dash.WHATEVER", catalog, columns)["is_met"]
    assert upstream_record("x.y", catalog, columns)["missing"] == []


def test_show_of_a_column_names_the_columns_beside_it() -> None:
    record = show_record("shop/stg.v2.amount", CATALOG, COLUMNS)
    assert (record["sources"], record["builds"]) == (["shop/raw.amount"], ["shop/mart.revenue"])
    assert show_record("shop/stg.v2", CATALOG, COLUMNS)["sources"] is None
    assert "The column is built from\n  shop/raw.amount" in drawn(record)


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
