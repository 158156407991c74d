"""What is watched: a share that flatters, or a list that begins with what matters least, would mislead."""

from datetime import timedelta

import pytest

from incident_ops.core.alert import Nature
from incident_ops.core.catalog import TIER_TAG, AssetNode, Catalog
from incident_ops.core.coverage import Coverage, Part, code_for, coverage_of, key_code, nature_by_name, record_of
from incident_ops.core.forecast.deadlines import TimeWindow
from incident_ops.core.importance import importances

DAILY = TimeWindow(fail_window=timedelta(hours=26))
NODES = (
    AssetNode(
        key="raw/orders", owners=("team:fin",), freshness=DAILY, checks=("volume", "unique_order_id"), group="fin"
    ),
    AssetNode(
        key="orders", upstream=("raw/orders",), tags={TIER_TAG: "gold"}, checks=("not_null_id", "not_null_day")
    ),
    AssetNode(
        key="board", upstream=("orders",), kinds=("dashboard",), consumers=("cfo@acme.test",), owners=("team:bi",)
    ),
    AssetNode(key="alone", checks=("payments_match",)),
    AssetNode(key="stub", is_observed=True),
    AssetNode(key="incident_board"),
)


def of(*nodes: AssetNode, group: str = "", **natures: Nature) -> Coverage:
    catalog = Catalog(nodes)
    return coverage_of(
        catalog,
        importances(catalog.graph, catalog),
        nature_of=lambda asset, check: natures.get(check) or nature_by_name(asset, check),
        group=group,
    )


def test_each_asset_is_told_what_it_has_and_what_it_lacks_the_most_important_first() -> None:
    found = of(*NODES)
    assert [(a.asset, dict(a.has), [*a.missing]) for a in found.assets] == [
        (
            "raw/orders",
            {
                Part.OWNER: "team:fin",
                Part.FRESHNESS: "freshness policy",
                Part.VOLUME: "volume",
                Part.FIELD_HEALTH: "unique_order_id",
            },
            [Part.SCHEMA],
        ),
        (
            "orders",
            {Part.FIELD_HEALTH: "not_null_id and 1 more"},
            [Part.OWNER, Part.FRESHNESS, Part.VOLUME, Part.SCHEMA],
        ),
        ("board", {Part.OWNER: "team:bi"}, [Part.FRESHNESS]),
        ("alone", {}, [*Part]),
    ]
    assert found.assets[0].importance > found.assets[1].importance


def test_a_dashboard_is_no_table_and_does_not_count_where_tables_are_counted() -> None:
    shares = of(*NODES).shares
    assert {part: (share.covered, share.of) for part, share in shares.items()} == {
        Part.OWNER: (2, 4),
        Part.FRESHNESS: (1, 4),
        Part.VOLUME: (1, 3),
        Part.SCHEMA: (0, 3),
        Part.FIELD_HEALTH: (2, 3),
    }


def test_the_share_by_importance_is_another_one_where_the_important_are_watched() -> None:
    volume = of(*NODES).shares[Part.VOLUME]
    assert volume.value == pytest.approx(1 / 3) and volume.weighted > 0.35
    assert of(*NODES).shares[Part.SCHEMA].weighted == 0


def test_assets_of_no_importance_count_alike() -> None:
    catalog = Catalog([AssetNode(key="a", owners=("team:fin",)), AssetNode(key="b")])
    assert coverage_of(catalog, {}).shares[Part.OWNER].weighted == 0.5


def test_what_a_check_says_of_itself_goes_before_its_name() -> None:
    told = of(AssetNode(key="alone", checks=("payments_match",)), payments_match=Nature.VOLUME)
    assert told.assets[0].has == {Part.VOLUME: "payments_match"}


def test_nothing_is_all_covered_and_only_a_group_is_looked_at_when_asked() -> None:
    assert {share.value for share in of().shares.values()} == {1.0}
    assert [asset.asset for asset in of(*NODES, group="fin").assets] == ["raw/orders"]


def test_checks_that_were_not_read_yet_are_not_called_missing_without_saying_so() -> None:
    found = of(AssetNode(key="big", is_detailed=False), AssetNode(key="small"))
    assert found.unknown == 1
    assert {asset["asset"]: asset["unknown"] for asset in record_of(found)["first"]} == {
        "big": True,
        "small": False,
    }


def test_the_code_names_each_factory_once_with_the_assets_that_lack_it() -> None:
    code = code_for(of(*NODES).lacking)
    assert code.startswith("from incident_ops.detectors import (\n    build_field_health_checks,\n")
    tree = {line.strip() for line in code.splitlines()}
    assert {'["raw", "orders"],', "*build_schema_checks(assets=["} <= tree
    assert code.count("build_schema_checks(") == 1
    compile(code, "code", "exec")


@pytest.mark.parametrize("asset", ["a/b", 'with "quotes"/and space', "ä/b\\c"])
def test_a_key_is_written_as_python_reads_it(asset: str) -> None:
    assert eval(key_code(asset)) == asset.split("/")


def test_nothing_to_add_is_no_code() -> None:
    assert code_for(of(AssetNode(key="board", kinds=("dashboard",), freshness=DAILY)).lacking) == ""


def test_the_record_lists_as_many_as_asked_and_counts_the_rest() -> None:
    record = record_of(of(*NODES), limit=2)
    assert [item["asset"] for item in record["first"]] == ["raw/orders", "orders"]
    assert (record["assets"], record["lacking"]) == (4, 4)
    assert "alone" not in record["code"]
