"""`incident-ops detectors`: what is watched, and code for what is not."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from incident_ops.adapters.wiring import utc_now
from incident_ops.core.catalog import TIER_TAG, AssetNode, Catalog
from incident_ops.core.forecast.deadlines import TimeWindow
from incident_ops.core.nature import NATURE_METADATA
from incident_ops.core.routing import RoutingRules
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.triage import triage
from incident_ops_tests.builders import make_alert
from incident_ops_tests.cli.conftest import CommandLine

NEVER_REOPENED = Policy(
    routing=RoutingRules(sink="inbox", default_channel="#data-incidents"), reopen_within=timedelta(0)
)
SHOP = (
    AssetNode(key="raw/orders", group="shop", checks=("volume", "looks_right")),
    AssetNode(
        key="revenue",
        upstream=("raw/orders",),
        owners=("team:fin",),
        tags={TIER_TAG: "gold"},
        freshness=TimeWindow(fail_window=timedelta(hours=26)),
        checks=("schema",),
    ),
    AssetNode(key="board", upstream=("revenue",), kinds=("dashboard",), consumers=("cfo@acme.test",)),
)


@pytest.fixture
def shop(cli: CommandLine) -> CommandLine:
    with cli.store() as store:
        store.save_catalog(Catalog(SHOP, fetched_at=utc_now(), source="webserver"))
    return cli


def test_what_lacks_is_told_to_programs_and_drawn_for_people(shop: CommandLine) -> None:
    answer = shop("detectors", "coverage", "--json")
    assert (answer.code, answer.err) == (0, "")
    assert {part: share["covered"] for part, share in answer.json["shares"].items()} == {
        "owner": 1,
        "freshness": 1,
        "volume": 1,
        "schema": 1,
        "field_health": 0,
    }
    assert {item["asset"]: item["missing"] for item in answer.json["first"]} == {
        "raw/orders": ["owner", "freshness", "schema", "field_health"],
        "revenue": ["volume", "field_health"],
        "board": ["owner", "freshness"],
    }
    drawn = shop("detectors", "coverage")
    assert (drawn.code, drawn.err) == (0, "")
    lines = drawn.out.splitlines()
    assert lines[0] == "Coverage of 3 assets"
    assert next(line for line in lines if line.startswith("owner")).split()[:2] == ["owner", "█" * 8 + "░" * 16]
    assert answer.json["code"] in drawn.out
    compile(answer.json["code"], "code", "exec")


def test_a_group_and_a_number_narrow_it(shop: CommandLine) -> None:
    assert shop("detectors", "coverage", "--group", "shop", "--json").json["assets"] == 1
    drawn = shop("detectors", "coverage", "--limit", "1").out
    assert "the first 1, 2 more with --limit" in drawn and "board" not in drawn
    assert shop("detectors", "coverage", "--limit", "0").code == 2


def test_a_check_whose_name_says_nothing_counts_as_what_it_says_of_itself(shop: CommandLine) -> None:
    with dg.DagsterInstance.from_config(str(shop.home)) as instance:
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=dg.AssetKey(["raw", "orders"]),
                check_name="looks_right",
                passed=True,
                metadata={NATURE_METADATA: "field_health"},
            )
        )
    shares = shop("detectors", "coverage", "--json").json["shares"]
    assert shares["field_health"]["covered"] == 1


def test_a_catalog_that_was_never_read_says_how_to_read_it(cli: CommandLine) -> None:
    answer = cli("detectors", "coverage")
    assert answer.code == 0
    assert answer.err == "the catalog was never read: run `incident-ops catalog refresh`\n"
    assert "Nothing is missing" not in answer.out


def test_where_nothing_lacks_it_says_so(cli: CommandLine) -> None:
    node = AssetNode(
        key="a",
        owners=("team:a",),
        freshness=TimeWindow(fail_window=timedelta(hours=1)),
        checks=("volume", "schema", "field_health"),
    )
    with cli.store() as store:
        store.save_catalog(Catalog([node], fetched_at=utc_now()))
    assert "Nothing is missing." in cli("detectors", "coverage").out


# ---- suggest

BUILT = dg.TableSchema(
    columns=[
        dg.TableColumn("order_id", "BIGINT"),
        dg.TableColumn("email", "VARCHAR", tags={"pii": ""}),
        dg.TableColumn("segment", "VARCHAR", tags={"pii": ""}),
    ]
)


@dg.asset(key_prefix="raw")
def orders() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"dagster/row_count": 400, "dagster/column_schema": BUILT})


@pytest.fixture
def warehouse(tmp_path: Path) -> str:
    """400 orders, of which nobody may know who made them."""
    file = tmp_path / "shop.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE SCHEMA raw")
        connection.execute(
            "CREATE TABLE raw.orders AS SELECT n AS order_id, 'p' || n || '@secret.test' AS email,"
            " ['private-rich', 'private-poor'][n % 2 + 1] AS segment, ['meta', 'tiktok'][n % 2 + 1] AS channel,"
            " n * 1.5 AS amount FROM range(400) AS numbers(n)"
        )
    return f"duckdb:///{file}"


def build_orders(cli: CommandLine) -> None:
    with dg.DagsterInstance.from_config(str(cli.home)) as instance:
        assert dg.materialize([orders], instance=instance).success
    assert cli("tick").code == 0


def evaluations_of(code: str, cli: CommandLine) -> dict[str, dg.AssetCheckEvaluation]:
    """What comes of the printed code when somebody pastes it and runs its job."""
    pasted: dict[str, Any] = {}
    exec(code, pasted)
    definitions = dg.Definitions.merge(dg.Definitions(assets=[orders]), pasted["defs"])
    with dg.DagsterInstance.from_config(str(cli.home)) as instance:
        result = definitions.resolve_job_def("detectors").execute_in_process(instance=instance)
        return {found.check_name: found for found in result.get_asset_check_evaluations()}


def test_the_suggested_code_runs_as_it_is_printed(shop: CommandLine, warehouse: str) -> None:
    build_orders(shop)
    answer = shop("detectors", "suggest", "raw/orders", "--source", warehouse)
    assert (answer.code, answer.err) == (0, "")
    found = evaluations_of(answer.out, shop)
    assert {name for name, evaluation in found.items() if evaluation.passed} == {
        "freshness",
        "schema",
        "field_health",
        "order_id_is_unique",
        "channel_is_known",
    }
    assert "# volume: it has that already (volume)" in answer.out


def test_no_value_of_personal_data_is_printed(shop: CommandLine, warehouse: str) -> None:
    """`segment` has two values and would be a list, if it were nobody's."""
    build_orders(shop)
    for options in ([], ["--json"]):
        answer = shop("detectors", "suggest", "raw/orders", "--source", warehouse, *options)
        assert answer.code == 0
        assert "secret" not in answer.out and "private" not in answer.out
        assert "of which no value is told: email, segment" in answer.out


def test_without_data_it_suggests_from_what_builds_reported_and_says_so(shop: CommandLine) -> None:
    build_orders(shop)
    answer = shop("detectors", "suggest", "raw/orders", "--json")
    assert [call["factory"] for call in answer.json["calls"]] == [
        "build_freshness_checks",
        "build_schema_checks",
        "build_field_health_checks",
    ]
    assert answer.json["calls"][2]["arguments"] == ['columns=["order_id", "email", "segment"]']
    assert any("the data was not looked at" in note for note in answer.json["notes"])


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["raw/order"], 1, "the catalog has no asset 'raw/order'; did you mean raw/orders"),
        (["raw/orders", "--source", "duckdb:///nowhere.duckdb"], 2, "there is no DuckDB file /nowhere.duckdb"),
        (["raw/orders", "--source", "foo://x:geheim@y"], 2, "no engine is known for a source foo:"),
        (
            ["raw/orders", "--source", "postgres://u:geheim@127.0.0.1:9/db"],
            2,
            "a source postgres:… cannot be opened: ",
        ),
        (["raw/orders", "--source", "duckdb://", "--timeout", "soon"], 2, '"soon" is not a duration'),
    ],
)
def test_what_cannot_be_looked_at_is_one_sentence_without_secrets(
    shop: CommandLine, arguments: list[str], code: int, says: str
) -> None:
    answer = shop("detectors", "suggest", *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert says in answer.err and "geheim" not in answer.err


def test_a_table_of_another_name_is_named_and_one_that_is_not_there_is_told(
    shop: CommandLine, warehouse: str
) -> None:
    found = shop("detectors", "suggest", "revenue", "--source", warehouse, "--table", "raw.orders")
    assert found.code == 0 and '"table": "raw.orders"' in found.out
    lost = shop("detectors", "suggest", "revenue", "--source", warehouse)
    assert (lost.code, lost.out) == (2, "") and "revenue" in lost.err


# ---- precision


def test_how_precise_each_detector_is_follows_from_what_people_said(cli: CommandLine) -> None:
    assert cli("detectors", "precision", "--json").json == []
    assert "No incident of the last 90 days was classified" in cli("detectors", "precision").out
    for number, asset in enumerate(["orders", "orders", "orders", "web"], start=1):
        with cli.store() as store:
            knowledge = Knowledge(catalog=Catalog(), policy=NEVER_REOPENED, installed_at=utc_now())
            triage(store, [make_alert(asset, utc_now())], knowledge, now=utc_now())
        reason = "fixed" if asset == "web" else "false_positive"
        assert cli("resolve", f"INC-{number}", "--reason", reason).code == 0
    orders, web = cli("detectors", "precision", "--json").json
    suggestion = orders.pop("suggestion")
    assert orders == {"asset": "orders", "check": "not_null", "useful": 0, "classified": 3, "share": 0.0}
    assert web.items() >= {"asset": "web", "useful": 1, "classified": 1, "share": 1.0, "suggestion": ""}.items()
    assert suggestion.startswith("not_null on orders: 3 of its last 3 incidents were false positives")
    out = cli("detectors", "precision").out
    assert "orders: not_null  0 of 3     0%" in out and f"What might be changed:\n  {suggestion}\n" in out
