"""Two assets held against each other on real runs: counts, sums, windows, partitions, engines."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import psycopg
import pytest

from incident_ops.detectors.factory import DetectorError
from incident_ops.detectors.reconciliation import build_reconciliation_checks
from incident_ops_tests.detectors.runs import DAYS, Reports, error_of, evaluate, table_asset, written

TABLES = (
    """CREATE TABLE ledger AS SELECT * FROM (VALUES
        (1, TIMESTAMP '2026-01-01 10:00:00', 10.0, 'de'),
        (2, TIMESTAMP '2026-01-01 23:59:59', 20.5, 'at'),
        (3, TIMESTAMP '2026-01-02 00:00:00', 30.0, 'at'),
        (4, TIMESTAMP '2026-01-03 12:00:00', NULL, 'at')
    ) AS t(id, made, amount, country)""",
    """CREATE TABLE orders AS SELECT * FROM (VALUES
        (1, DATE '2026-01-01', 10.0, 'de'),
        (2, DATE '2026-01-01', 20.5, 'at'),
        (3, DATE '2026-01-02', 31.0, 'at'),
        (4, DATE '2026-01-04', 0.0, NULL)
    ) AS t(id, day, total, land)""",
)


@pytest.fixture(params=["duckdb", "postgres"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "duckdb":
        path = tmp_path / "shop.duckdb"
        with written(path) as connection:
            for statement in TABLES:
                connection.execute(statement)
        return f"duckdb://{path}"
    url: str = request.getfixturevalue("postgres_url")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in TABLES:
            connection.execute(statement.encode())
    return url


def reconciled(instance: dg.DagsterInstance, **options: Any) -> dg.AssetCheckEvaluation:
    orders, ledger = table_asset("orders"), table_asset("ledger")
    checks = build_reconciliation_checks([orders], with_=ledger, **options)
    return evaluate(instance, [orders, ledger], checks)


@pytest.mark.parametrize(
    ("options", "says", "bad"),
    [
        ({}, "4 rows agree with ledger", []),
        ({"sums": {"total": "amount"}}, "differs from ledger: sum of total 61.5, there 60.5", ["total"]),
        ({"sums": {"total": "amount"}, "tolerance": 0.02}, "4 rows agree with ledger", []),
        (
            {"by": ("day", "made"), "window": "day"},
            "differs from ledger in 2 of 4 days: 2026-01-03: rows 0, there 1; 2026-01-04: rows 1, there 0",
            [],
        ),
        (
            {"by": ("day", "made"), "window": "month", "sums": {"total": "amount", "id": "id"}},
            "differs from ledger in 1 of 1 months: 2026-01-01: sum of total 61.5, there 60.5",
            ["total"],
        ),
        (
            {"by": ("land", "country")},
            "differs from ledger in 2 of 3 values of land: no land: rows 1, there 0; at: rows 2, there 3",
            [],
        ),
    ],
)
def test_what_two_tables_do_not_agree_on_is_named(
    instance: dg.DagsterInstance, source: str, options: Mapping[str, Any], says: str, bad: list[str]
) -> None:
    found = reconciled(instance, source=source, **options)
    assert found.description == says
    assert found.passed is ("agree" in says)
    assert (found.metadata["incident_ops/columns"].value if bad else []) == bad


def test_two_tables_alone_are_reconciled_by_their_counts(instance: dg.DagsterInstance, source: str) -> None:
    orders, ledger = table_asset("orders"), table_asset("ledger")
    checks = build_reconciliation_checks([orders, ledger], source=source)
    assert [key.asset_key.to_user_string() for check in checks for key in check.check_keys] == ["orders"]
    assert evaluate(instance, [orders, ledger], checks).description == "4 rows agree with ledger"


def test_the_two_may_be_in_two_engines(instance: dg.DagsterInstance, source: str) -> None:
    other = pd.DataFrame({"made": pd.to_datetime(["2026-01-01", "2026-01-01", "2026-01-02", "2026-01-05"])})
    found = reconciled(instance, source=source, with_read={"source": other}, by=("day", "made"), window="day")
    assert found.description in (
        "differs from ledger in 2 of 4 days: 2026-01-04: rows 1, there 0; 2026-01-05: rows 0, there 1",
    )


def test_counts_that_both_builds_reported_are_not_counted_again(instance: dg.DagsterInstance) -> None:
    orders, ledger = Reports("orders"), Reports("ledger")
    orders.counts(90)
    ledger.counts(100)
    checks = build_reconciliation_checks([orders.asset], with_=ledger.asset, tolerance=0.05)
    found = evaluate(instance, [orders.asset, ledger.asset], checks)
    assert found.description == "differs from ledger: rows 90, there 100"


def test_a_partition_is_compared_with_the_same_one(instance: dg.DagsterInstance, source: str) -> None:
    orders = table_asset("orders", partitions_def=DAYS, metadata={"partition_expr": "day"})
    ledger = table_asset("ledger", partitions_def=DAYS, metadata={"partition_expr": "made"})
    checks = build_reconciliation_checks([orders], with_=ledger, source=source)
    assert (
        evaluate(instance, [orders, ledger], checks, partition="2026-01-01").description
        == "2 rows agree with ledger"
    )
    found = evaluate(instance, [orders, ledger], checks, partition="2026-01-03")
    assert found.description == "differs from ledger: rows 0, there 1"


def test_a_partition_is_compared_with_its_part_of_a_table_without_partitions(
    instance: dg.DagsterInstance, source: str
) -> None:
    orders = table_asset("orders", partitions_def=DAYS, metadata={"partition_expr": "day"})
    ledger = table_asset("ledger")
    read: Any = {"partition_column": "made"}
    checks = build_reconciliation_checks([orders], with_=ledger, with_read=read, source=source)
    dg.materialize([ledger], instance=instance)
    assert evaluate(instance, [orders], checks, partition="2026-01-02").description == "1 rows agree with ledger"


def test_sums_of_personal_data_are_compared_and_not_told(instance: dg.DagsterInstance, source: str) -> None:
    orders, ledger = table_asset("orders", pii=["total"]), table_asset("ledger")
    checks = build_reconciliation_checks([orders], with_=ledger, sums={"total": "amount"}, source=source)
    found = evaluate(instance, [orders, ledger], checks)
    assert found.description == "differs from ledger: sum of total [masked], there [masked]"
    assert "61.5" not in str(found.metadata)


@pytest.mark.parametrize(
    ("mine", "theirs", "passes"),
    [
        ([], [], True),
        ([None, None], [None, None], True),
        ([float("nan")], [float("nan")], True),
        ([float("nan")], [1.0], False),
        ([float("inf")], [float("inf")], True),
        ([float("inf")], [1.0], False),
        ([0.1] * 10, [1.0, *[0.0] * 9], True),
        ([1e9 + 0.1, -1e9, 0.3, -0.4], [0.3, 1e9 + 0.1, -0.4, -1e9], True),  # sums up to about 0, and to 0
        ([1e9 + 0.1, -1e9, 0.3, -0.4], [0.3, 1e9 + 5.1, -0.4, -1e9], False),
    ],
)
def test_odd_numbers_are_summed(
    instance: dg.DagsterInstance, mine: list[float], theirs: list[float], passes: bool
) -> None:
    def table(values: list[float]) -> pd.DataFrame:
        # from_arrow keeps what pandas would make of it: NaN is a number, None is none
        import pyarrow as pa

        return pa.table({"x": pa.array(values, pa.float64(), from_pandas=False)})  # pyright: ignore[reportReturnType]

    found = reconciled(instance, source=table(mine), with_read={"source": table(theirs)}, sums=["x"])
    assert found.passed is passes, found.description


def test_a_ledger_of_small_floats_agrees_across_engines(instance: dg.DagsterInstance, postgres_url: str) -> None:
    """PostgreSQL sums up a REAL to seven digits."""
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE orders AS SELECT (i / 10.0)::REAL AS x FROM generate_series(1, 9999) AS i"
        )
    values = pd.DataFrame({"x": pd.Series([i / 10 for i in range(1, 10_000)], dtype="float32")})
    found = reconciled(instance, source=postgres_url, with_read={"source": values}, sums=["x"])
    assert found.passed, found.description


def test_what_is_no_number_is_a_key_of_both_sides(instance: dg.DagsterInstance) -> None:
    import pyarrow as pa

    source = lambda: pa.table({"x": [float("nan"), 1.0]})  # noqa: E731
    assert reconciled(instance, source=source, with_read={"source": source}, by="x").passed


@pytest.mark.parametrize(
    ("by", "window", "says"),
    [(("day", "made"), "hour", "day has no hour"), (("id", "id"), "day", "id has no day")],
)
def test_a_window_that_the_key_has_not_is_an_error_that_says_so(
    instance: dg.DagsterInstance, source: str, by: tuple[str, str], window: str, says: str
) -> None:
    orders, ledger = table_asset("orders"), table_asset("ledger")
    checks = build_reconciliation_checks([orders], with_=ledger, by=by, window=window, source=source)  # pyright: ignore[reportArgumentType]
    assert says in error_of(instance, [orders, ledger], checks)


def test_a_column_that_is_gone_is_an_error_that_names_it(instance: dg.DagsterInstance, source: str) -> None:
    orders, ledger = table_asset("orders"), table_asset("ledger")
    checks = build_reconciliation_checks([orders], with_=ledger, sums=["total"], source=source)
    assert "no column 'total' in ledger" in error_of(instance, [orders, ledger], checks)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "with_="),
        ({"with_": "orders"}, "with itself"),
        ({"with_": "ledger", "window": "day"}, "by="),
        ({"with_": "ledger", "by": "day", "window": "fortnight"}, "hour, day, week"),
        ({"with_": "ledger", "sums": "amount"}, r"\['amount'\]"),
        ({"with_": "ledger", "tolerance": 5}, "tolerance=5"),
        ({"with_": "ledger", "sample": 10}, "leave sample=… out"),
        ({"with_": "ledger", "with_read": {"sample": 10}}, "leave sample=… out"),
        ({"with_": "ledger", "with_read": {"sauce": "x"}}, "no option sauce"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_the_location_loads(options: dict[str, Any], says: str) -> None:
    with pytest.raises(DetectorError, match=says):
        build_reconciliation_checks(["orders"], **options)


def test_a_partition_against_a_whole_table_is_refused(instance: dg.DagsterInstance) -> None:
    orders = table_asset("orders", partitions_def=DAYS)
    with pytest.raises(DetectorError, match=r"all of ledger.*partition_column"):
        build_reconciliation_checks([orders], with_="ledger")
