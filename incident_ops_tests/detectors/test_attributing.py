"""What a failing check says of where its rows lie, and that it fails with its own words when that is not known."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from incident_ops.core.attribution.record import ATTRIBUTION_METADATA
from incident_ops.detectors.attributing import NOT_ATTRIBUTED
from incident_ops.detectors.factory import DetectorError
from incident_ops.detectors.field_health import build_field_health_checks
from incident_ops.detectors.reconciliation import build_reconciliation_checks
from incident_ops.detectors.references import build_referential_integrity_checks
from incident_ops.detectors.rules import build_accepted_values_checks, build_uniqueness_checks
from incident_ops.detectors.sql_rules import build_sql_checks
from incident_ops.detectors.volume import build_volume_checks
from incident_ops_tests.detectors.runs import DAYS, evaluate, frame, table_asset, written

ORDERS = """CREATE OR REPLACE TABLE orders AS SELECT i // 2 AS id, ['web', 'app', 'shop'][1 + i % 3] AS channel,
    i % 3 AS total, i % 2 AS bad, 's' || i % 1500 AS shop, 'x' || i % 3 AS email, 'anna@example.org' AS note,
    CASE WHEN i % 3 = 1 AND {is_broken} THEN NULL ELSE 9 END AS "channel fee",
    CASE WHEN i % 3 = 1 AND {is_broken} THEN 'lost' ELSE 'paid' END AS status FROM range(3000) AS t(i)"""
Build = Callable[..., Sequence[dg.AssetChecksDefinition]]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A DuckDB file of orders, of which those of the app are broken."""
    path = tmp_path / "shop.duckdb"
    with written(path) as connection:
        connection.execute(ORDERS.format(is_broken="true"))
        connection.execute("CREATE TABLE statuses AS SELECT 'paid' AS id")
    return path


BY_CHANNEL = "100 % of the failing rows: channel = app (33 % of all rows)"
FACTORIES: list[tuple[Build, dict[str, Any]]] = [
    (build_sql_checks, {"sql": '"channel fee" IS NULL -- of no order'}),
    (build_accepted_values_checks, {"column": "status", "values": ["paid"]}),
    (build_referential_integrity_checks, {"column": "status", "references": ("statuses", "id")}),
]


def attribution(found: dg.AssetCheckEvaluation) -> Any:
    assert not found.passed
    return found.metadata[ATTRIBUTION_METADATA].value


@pytest.mark.parametrize(("build", "options"), FACTORIES)
def test_a_rule_names_the_slice_whatever_other_columns_are_called(
    instance: dg.DagsterInstance, shop: Path, build: Build, options: dict[str, Any]
) -> None:
    orders = table_asset()
    told = attribution(evaluate(instance, [orders], build([orders], source=f"duckdb://{shop}", **options)))
    assert told["sentence"] == BY_CHANNEL
    assert {"total", "bad"} <= set(told["dimensions"])


def test_field_health_leaves_out_the_column_itself_and_none_whose_name_is_a_part_of_its_name(
    instance: dg.DagsterInstance, shop: Path
) -> None:
    assert "channel" in attribution(_of_nulls(instance, shop, "channel fee"))["sentence"]


@pytest.mark.parametrize(("build", "options"), FACTORIES)
def test_the_columns_to_look_along_may_be_named(
    instance: dg.DagsterInstance, shop: Path, build: Build, options: dict[str, Any]
) -> None:
    orders = table_asset()
    checks = build([orders], source=f"duckdb://{shop}", dimensions=["SHOP", "bad"], **options)
    told = attribution(evaluate(instance, [orders], checks))
    assert told["dimensions"] == ["shop", "bad"]


def test_the_columns_along_which_fields_and_keys_are_looked_at_may_be_named(
    instance: dg.DagsterInstance, shop: Path
) -> None:
    told = attribution(_of_nulls(instance, shop, "channel fee", dimensions=["bad", "channel fee"]))
    assert told["dimensions"] == ["bad"], "the failing column itself would explain it"
    orders = table_asset()
    checks = build_uniqueness_checks([orders], columns="id", source=f"duckdb://{shop}", dimensions=["bad"])
    assert evaluate(instance, [orders], checks).passed is False


@pytest.mark.parametrize("dimensions", ["channel", [], ["channel", "Channel"], [1], None])
def test_dimensions_that_cannot_be_used_are_refused_where_they_are_written(dimensions: Any) -> None:
    with pytest.raises(DetectorError, match=r"dimensions=.* is no list of columns"):
        build_sql_checks(["orders"], "amount < 0", dimensions=dimensions)


def test_a_check_that_attributes_nothing_takes_no_dimensions() -> None:
    given: Any = {"dimensions": ["channel"]}
    with pytest.raises(DetectorError, match="no option dimensions"):
        build_reconciliation_checks(["orders"], with_="other", **given)


# ---- when it cannot be told

SLOW = "levenshtein(repeat('a', 1000) || id, repeat('b', 1000))"  # a millisecond for each row


@pytest.mark.parametrize(
    ("column", "options", "why", "words"),
    [
        ("CAST(note AS INTEGER)", {}, "the engine could not count them by column", "anna@example.org"),
        (SLOW, {"timeout": "2s"}, "the engine did not answer in time", "within 2 s"),
        ("1", {"dimensions": ["chanel"]}, "there is no column that can be looked along", "no column 'chanel'"),
    ],
    ids=["unreadable", "slow", "unknown"],
)
def test_the_finding_stands_and_says_why_its_rows_could_not_be_attributed(
    instance: dg.DagsterInstance, shop: Path, column: str, options: dict[str, Any], why: str, words: str
) -> None:
    """A column that nobody needs for the finding itself is read to attribute it."""
    with written(shop) as connection:
        connection.execute(f"CREATE VIEW odd AS SELECT *, {column} AS code FROM orders")
    orders = table_asset()
    checks = build_sql_checks(
        [orders],
        '"channel fee" IS NULL',
        source=f"duckdb://{shop}",
        table="odd",
        context_columns=["id"],
        **options,
    )
    found = evaluate(instance, [orders], checks)
    assert found.description == "1,000 of 3,000 rows (33.3%) fail"
    assert attribution(found)["sentence"] == f"the failing rows could not be attributed: {why}"
    assert words in str(found.metadata[NOT_ATTRIBUTED].value)


def test_field_health_stands_too_and_where_there_is_personal_data_the_engine_is_not_quoted(
    instance: dg.DagsterInstance, shop: Path
) -> None:
    with written(shop) as connection:
        connection.execute("CREATE VIEW odd AS SELECT *, CAST(note AS INTEGER) AS code FROM orders")
    found = _of_nulls(instance, shop, "channel fee", table="odd", pii=["email"])
    assert "could not be attributed: the engine could not" in attribution(found)["sentence"]
    assert "anna@example.org" not in repr(found.metadata)


def _of_nulls(
    instance: dg.DagsterInstance,
    shop: Path,
    column: str,
    *,
    pii: Sequence[str] = (),
    table: str = "orders",
    **options: Any,
) -> dg.AssetCheckEvaluation:
    """The evaluation of a build in which a third of the column is null, after nine where none was."""
    orders = table_asset(pii=pii)
    checks = build_field_health_checks(
        [orders], columns=[column], metrics=["null_rate"], source=f"duckdb://{shop}", table=table, **options
    )
    for is_broken in ("false", "true"):
        with written(shop) as connection:
            connection.execute(ORDERS.format(is_broken=is_broken))
        if is_broken == "false":
            assert all(evaluate(instance, [orders], checks).passed for _ in range(9))
    return evaluate(instance, [orders], checks)


# ---- what a change comes from

DAY = "2026-01-05"
SALES = """CREATE OR REPLACE TABLE orders AS SELECT DATE '2026-01-01' + (i // 2000)::INTEGER AS day, i,
    ['web', 'app', 'shop', 'mail'][1 + (hash(i) % 4)::INTEGER] AS channel, 'v' || hash(3 * i) % 5 AS version,
    day + to_hours((hash(5 * i) % 24)::INTEGER) AS hour, 'load ' || day AS load,
    50 + hash(7 * i) % 20 AS amount FROM range(18000) AS t(i)"""


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    """A DuckDB file of nine days."""
    path = tmp_path / "shop.duckdb"
    with written(path) as connection:
        connection.execute(SALES)
    return path


@pytest.mark.parametrize(
    ("last_day", "sentence"),
    [
        (
            "DELETE FROM orders WHERE day = '2026-01-09' AND channel = 'app' AND version = 'v2'",
            "channel = app and version = v2",
        ),
        ("DELETE FROM orders WHERE day = '2026-01-09' AND channel = 'app'", "channel = app"),
        (
            "INSERT INTO orders SELECT * FROM orders WHERE day = '2026-01-09' AND channel = 'web'",
            "channel = web",
        ),
        ("DELETE FROM orders WHERE day = '2026-01-09' AND i % 2 = 0", "no single slice explains it"),
        ("DELETE FROM orders WHERE day = '2026-01-09'", "no single slice explains it"),
    ],
)
def test_rows_that_are_missing_are_looked_for_along_the_partition_before(
    instance: dg.DagsterInstance, sales: Path, last_day: str, sentence: str
) -> None:
    orders = table_asset(partitions_def=DAYS)
    source = f"duckdb://{sales}"
    checks = build_volume_checks([orders], source=source, partition_column="day", min_rows=1950, max_rows=2050)
    for day in range(1, 9):
        assert evaluate(instance, [orders], checks, partition=f"2026-01-0{day}").passed
    with written(sales) as connection:
        connection.execute(last_day)
    found = evaluate(instance, [orders], checks, partition="2026-01-09")
    told = attribution(found)
    assert sentence in told["sentence"]
    assert (told["measure"], "load" in told["dimensions"]) == ("count", False)


def test_a_mean_that_jumped_is_looked_for_along_the_partition_before(
    instance: dg.DagsterInstance, sales: Path
) -> None:
    orders = table_asset(partitions_def=DAYS)
    source = f"duckdb://{sales}"
    checks = build_field_health_checks(
        [orders], columns=["amount"], metrics=["mean"], source=source, partition_column="day"
    )
    with written(sales) as connection:
        connection.execute(
            "UPDATE orders SET amount = amount * 100"
            " WHERE day = '2026-01-09' AND channel = 'app' AND version = 'v2'"
        )
    for day in range(1, 9):
        assert evaluate(instance, [orders], checks, partition=f"2026-01-0{day}").passed
    told = attribution(evaluate(instance, [orders], checks, partition="2026-01-09"))
    assert "% of the deviation: channel = app and version = v2" in told["sentence"]


@pytest.mark.parametrize("options", [{"partition_column": None}, {"source": frame({"day": [DAY]})}])
def test_without_rows_of_the_past_nothing_is_said_of_slices(
    instance: dg.DagsterInstance, sales: Path, options: dict[str, Any]
) -> None:
    given = {"source": f"duckdb://{sales}", "partition_column": "day", "min_rows": 10**6, **options}
    for partitions in (DAYS, None):
        orders = table_asset("orders" if partitions else "all/orders", partitions_def=partitions)
        checks = build_volume_checks([orders], **given)
        found = evaluate(instance, [orders], checks, partition=DAY if partitions else None)
        assert not found.passed and ATTRIBUTION_METADATA not in found.metadata
    # the first partition has none before it
    orders = table_asset("new/orders", partitions_def=DAYS)
    found = evaluate(instance, [orders], build_volume_checks([orders], **given), partition=DAY)
    assert ATTRIBUTION_METADATA not in found.metadata
