"""What column lineage proves, what it leaves open, and what it refuses."""

import pytest

from incident_ops.core.errors import NotFound, UnknownAsset, UnknownColumn
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.lineage.columns import ColumnGraph, ColumnRef, MayUse, Unaffected


def ref(written: str) -> ColumnRef:
    asset, _, column = written.rpartition(".")
    return ColumnRef(asset=asset, column=column)


def refs(*written: str) -> set[ColumnRef]:
    return set(map(ref, written))


def columns(lineage: dict[str, dict[str, list[str]]], **schemas: list[str]) -> ColumnGraph:
    return ColumnGraph.from_lineage(
        {asset: {name: refs(*found) for name, found in of.items()} for asset, of in lineage.items()},
        schemas=schemas,
    )


SHOP = columns(
    {
        "stg": {"id": ["raw.id"], "amount": ["raw.amount", "raw.rate"], "loaded_at": []},
        "mart": {"revenue": ["stg.amount"], "orders": []},
        "people": {"customer": ["stg.id"]},
    },
    raw=["id", "amount", "rate", "note"],
)
ASSETS = AssetGraph.from_edges(
    [("raw", "stg"), ("stg", "mart"), ("stg", "people"), ("mart", "board"), ("people", "list"), ("raw", "export")]
)


def test_columns_near_and_far_with_their_hops() -> None:
    assert SHOP.upstream(ref("mart.revenue")) == {ref("stg.amount"): 1, ref("raw.amount"): 2, ref("raw.rate"): 2}
    assert SHOP.downstream(ref("raw.rate")) == {ref("stg.amount"): 1, ref("mart.revenue"): 2}
    assert SHOP.downstream(ref("mart.revenue")) == {}


def test_dropping_a_column_tells_proof_from_ignorance() -> None:
    breakage = SHOP.impact_of_dropping(ref("raw.rate"), ASSETS)
    assert [built.path for built in breakage.columns] == [
        (ref("raw.rate"), ref("stg.amount")),
        (ref("raw.rate"), ref("stg.amount"), ref("mart.revenue")),
    ]
    assert [built.hops for built in breakage.columns] == [1, 2]
    assert breakage.assets == ("stg", "mart")
    assert breakage.may_use == (MayUse(asset="export", because="export"), MayUse(asset="board", because="board"))
    assert breakage.unaffected == (
        Unaffected(asset="people", is_told=True),
        Unaffected(asset="list", is_told=False),
    )


def test_an_asset_without_column_lineage_hides_what_lies_behind_it() -> None:
    graph = columns(
        {"mart": {"revenue": ["blind.amount"], "day": ["dates.day"]}, "board": {"sum": ["mart.revenue"]}}
    )
    assets = AssetGraph.from_edges([("raw", "blind"), ("blind", "mart"), ("dates", "mart"), ("mart", "board")])
    breakage = graph.impact_of_dropping(ref("raw.amount"), assets)
    assert breakage.columns == breakage.unaffected == ()
    assert breakage.may_use == tuple(MayUse(asset=asset, because="blind") for asset in ("blind", "mart", "board"))


def test_a_known_asset_that_takes_nothing_from_the_blind_one_is_unaffected() -> None:
    graph = columns({"mart": {"day": ["dates.day"]}})
    assets = AssetGraph.from_edges([("raw", "blind"), ("blind", "mart"), ("dates", "mart")])
    breakage = graph.impact_of_dropping(ref("raw.amount"), assets)
    assert [item.asset for item in breakage.may_use] == ["blind"]
    assert breakage.unaffected == (Unaffected(asset="mart", is_told=True),)


def test_columns_without_a_source_are_told_with_the_assets_that_are_unaffected() -> None:
    breakage = SHOP.impact_of_dropping(ref("raw.id"), ASSETS)
    assert Unaffected(asset="mart", is_told=True, unsourced=("orders",)) in breakage.unaffected


def test_an_asset_that_names_no_source_at_all_tells_nothing() -> None:
    """dagster-dbt writes an empty list for what it could not trace, such as an unexpandable `select *`."""
    graph = columns(
        {"stg": {"id": ["raw.id"]}, "star": {"id": [], "amount": []}, "mart": {"total": ["star.amount"]}}
    )
    assert (graph.knows("stg"), graph.knows("star"), graph.knows("raw")) == (True, False, False)
    assets = AssetGraph.from_edges([("raw", "stg"), ("stg", "star"), ("star", "mart")])
    breakage = graph.impact_of_dropping(ref("raw.id"), assets)
    assert breakage.may_use == (MayUse(asset="star", because="star"), MayUse(asset="mart", because="star"))


def test_a_column_that_the_lineage_leaves_out_makes_the_asset_uncertain() -> None:
    graph = columns({"stg": {"id": ["raw.id"]}, "mart": {"total": ["stg.amount"]}}, stg=["id", "amount"])
    assets = AssetGraph.from_edges([("raw", "stg"), ("stg", "mart")])
    assert graph.uses("mart", refs("raw.id"), graph=assets) is None
    assert graph.uses("stg", refs("raw.id"), graph=assets) is True


@pytest.mark.parametrize(
    ("lineage", "schema", "known"),
    [
        (["id", "amount"], ["ID", "AMOUNT"], {"id", "amount"}),
        (["id"], ["ID", "AMOUNT"], {"id", "AMOUNT"}),
        (["id"], ["Id", "id"], {"Id", "id"}),
        ([], ["ID"], {"ID"}),
    ],
)
def test_a_schema_in_capitals_tells_of_the_same_columns_as_the_lineage(
    lineage: list[str], schema: list[str], known: set[str]
) -> None:
    graph = columns({"stg": {name: [f"raw.{name}"] for name in lineage}}, stg=schema)
    assert graph.columns_of("stg") == known


def test_every_asset_downstream_is_told_of_once() -> None:
    breakage = SHOP.impact_of_dropping(ref("raw.amount"), ASSETS)
    told = [*breakage.assets, *(m.asset for m in breakage.may_use), *(u.asset for u in breakage.unaffected)]
    assert sorted(told) == sorted(ASSETS.descendants("raw"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [("amount", "amount"), ("AMOUNT", "amount"), ("Id", "Id"), ("id", "id"), ("TOTAL", "Total")],
)
def test_case_is_looked_at_only_where_no_column_is_written_like_that(written: str, meant: str) -> None:
    graph = columns({"mart": {"x": ["raw.amount"]}}, raw=["amount", "Id", "id", "Total"])
    assert graph.resolve(ref(f"raw.{written}")) == ref(f"raw.{meant}")


def test_a_name_that_could_be_two_columns_is_neither() -> None:
    graph = columns({}, raw=["Id", "id"])
    with pytest.raises(UnknownColumn, match="its known columns are Id, id"):
        graph.resolve(ref("raw.ID"))


def test_assets_that_write_a_column_of_their_source_each_in_its_way_mean_the_same_one() -> None:
    declared = columns({"stg": {"amount": ["raw.a"]}, "x": {"n": ["stg.AMOUNT"]}, "y": {"n": ["stg.Amount"]}})
    assert declared.downstream(ref("stg.amount")) == {ref("x.n"): 1, ref("y.n"): 1}
    mentioned = columns({"x": {"n": ["raw.AMOUNT"]}, "y": {"n": ["raw.amount"]}})
    assert mentioned.downstream(ref("raw.amount")) == {ref("x.n"): 1, ref("y.n"): 1}


def test_a_column_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(UnknownColumn, match=r"stg has no column 'amuont'.* amount, id, loaded_at") as refused:
        SHOP.impact_of_dropping(ref("stg.amuont"), ASSETS)
    assert refused.value.known == ("amount", "id", "loaded_at")
    assert isinstance(refused.value, NotFound)


@pytest.mark.parametrize(
    ("key", "close"),
    [("shop/stg_order", ("shop/stg_orders",)), ("STG_ORDERS", ("shop/stg_orders",)), ("zzz", ())],
)
def test_an_asset_that_does_not_exist_is_refused_with_those_that_resemble_it(
    key: str, close: tuple[str, ...]
) -> None:
    assets = AssetGraph.from_edges([("shop/raw", "shop/stg_orders"), ("shop/stg_orders", "shop/mart")])
    with pytest.raises(UnknownAsset) as refused:
        columns({}).impact_of_dropping(ColumnRef(asset=key, column="id"), assets)
    assert refused.value.close == close


def test_of_an_asset_whose_columns_nobody_knows_any_column_may_be_used() -> None:
    breakage = columns({}).impact_of_dropping(ref("raw.anything"), ASSETS)
    assert {item.asset for item in breakage.may_use} == ASSETS.descendants("raw")


@pytest.mark.parametrize(
    ("asset", "bad", "answer"),
    [
        ("mart", {"raw.rate"}, True),
        ("mart", {"raw.id"}, False),
        ("mart", {"raw.note"}, False),
        ("raw", {"raw.note"}, True),
        ("people", {"raw.rate", "raw.id"}, True),
        ("board", {"raw.rate"}, None),
        ("board", {"raw.id"}, False),
        ("export", {"raw.note"}, None),
        ("unheard of", {"raw.id"}, None),
        ("mart", {"raw.no such column"}, None),
        ("mart", set[str](), False),
    ],
)
def test_use_of_a_bad_column_is_proven_disproven_or_not_known(
    asset: str, bad: set[str], answer: bool | None
) -> None:
    assert SHOP.uses(asset, refs(*bad), graph=ASSETS) is answer


def test_without_the_assets_graph_any_silent_asset_may_pass_on_what_is_bad() -> None:
    graph = columns({"mart": {"revenue": ["stg.amount"], "day": ["dates.day"]}, "stg": {"amount": ["raw.amount"]}})
    assert graph.uses("stg", refs("raw.other")) is None  # `raw` has no such column as far as is known
    assert graph.uses("mart", refs("raw.amount")) is True
    assert graph.uses("stg", refs("dates.day")) is None  # `raw` might be built from `dates`
    assert (
        graph.uses("stg", refs("dates.day"), graph=AssetGraph.from_edges([("raw", "stg"), ("dates", "mart")]))
        is False
    )


def test_affected_columns_are_the_bad_ones_and_what_is_built_from_them() -> None:
    assert SHOP.affected_columns(refs("raw.RATE")) == refs("raw.rate", "stg.amount", "mart.revenue")
    with pytest.raises(UnknownColumn):
        SHOP.affected_columns(refs("raw.gone"))


def test_an_asset_that_no_column_lineage_mentions_is_no_error_without_the_catalog() -> None:
    assert SHOP.affected_columns(refs("elsewhere.id")) == refs("elsewhere.id")
    assert SHOP.downstream(ref("elsewhere.id")) == {}


def test_columns_built_from_each_other_end_the_walk() -> None:
    graph = columns({"a": {"x": ["b.x", "a.x"]}, "b": {"x": ["a.x"]}})
    assert graph.downstream(ref("a.x")) == {ref("b.x"): 1}
    breakage = graph.impact_of_dropping(ref("a.x"), AssetGraph.from_edges([("a", "b"), ("b", "a")]))
    assert breakage.assets == ("b",)
