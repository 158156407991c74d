"""Where the data is: sources of every kind, and names of tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import ibis
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from incident_ops.core.alert import Nature
from incident_ops.detectors.factory import build_checks
from incident_ops.detectors.reading import Data, ReadError
from incident_ops.detectors.scope import Scope
from incident_ops_tests.detectors.readings import (
    DAYS,
    FRAME,
    asset_of,
    ids,
    looking,
    read,
    read_in_a_run,
    scope_of,
    shop_in,
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return shop_in(tmp_path)


# ---- sources


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame(FRAME),
        pl.DataFrame(FRAME),
        pl.DataFrame(FRAME).lazy(),
        pa.table(FRAME),
        duckdb.connect().sql("SELECT unnest([1, 2]) AS id"),
    ],
    ids=lambda value: f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}",
)
def test_tables_of_every_library_are_read_from_a_callable_and_by_themselves(
    value: object,
) -> None:
    assert read(scope_of(), ids, source=lambda: value) == [1, 2]
    assert read(scope_of(), ids, source=value) == [1, 2]


SALES = pd.DataFrame({"day": [5, 5], "shop": ["a", "b"], "rows": [1, 2]})


@pytest.mark.parametrize(
    ("frame", "columns"),
    [
        (SALES, ["day", "shop", "rows"]),
        (SALES[SALES["rows"] > 1], ["day", "shop", "rows"]),
        (SALES.set_index("day"), ["day", "shop", "rows"]),
        (SALES.set_index("day", drop=False), ["day", "shop", "rows"]),
        (SALES.set_index(["day", "shop"]), ["day", "shop", "rows"]),
        (SALES.set_index(["day", "shop"], drop=False), ["day", "shop", "rows"]),
        (SALES.set_index(["day", "shop"]).rename_axis([None, "shop"]), ["level_0", "shop", "rows"]),
        (SALES.groupby(["day", "shop"])[["rows"]].sum(), ["day", "shop", "rows"]),
    ],
)
def test_what_pandas_keeps_in_the_index_are_columns_and_row_numbers_are_none(
    frame: pd.DataFrame, columns: list[str]
) -> None:
    """Else a key that is not unique, or a day that is missing, would never be seen."""
    before = list(frame.columns)
    rows = read(scope_of(), lambda data: data.rows(data.table), source=frame)
    assert [list(row) for row in rows] == [columns] * len(frame)
    assert {row["shop"] for row in rows} <= {"a", "b"}
    assert list(frame.columns) == before, "it is the user's"


@pytest.mark.parametrize(
    "value", [pd.DataFrame(FRAME), pl.DataFrame(FRAME), pa.table(FRAME)], ids=["pd", "pl", "pa"]
)
def test_without_a_source_the_value_is_loaded_by_its_own_io_manager(
    instance: dg.DagsterInstance, value: object
) -> None:
    assert read_in_a_run(instance, asset_of(value=value)) == [1, 2]


def test_the_io_manager_gives_the_partition_so_no_column_is_needed(instance: dg.DagsterInstance) -> None:
    asset = asset_of(partitions_def=DAYS, value=pd.DataFrame(FRAME))
    assert read_in_a_run(instance, asset, partition="2026-01-05") == [1, 2]


def test_a_check_that_runs_alone_loads_the_value_too(instance: dg.DagsterInstance) -> None:
    asset, found = asset_of(value=pd.DataFrame(FRAME)), []
    checks = build_checks([asset], looking(found), nature=Nature.RULE, name="reads", description="d", options={})
    dg.materialize([asset], instance=instance)
    job = dg.Definitions(
        assets=[asset],
        asset_checks=checks,
        jobs=[dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())],
    ).resolve_job_def("checks")
    assert job.execute_in_process(instance=instance).success
    assert found == [[1, 2]]


def test_a_table_written_past_the_io_manager_is_an_error_that_names_the_remedy(
    instance: dg.DagsterInstance,
) -> None:
    """As the innermost error, which is the one that is shown first: not a path that nobody wrote."""
    with pytest.raises(ReadError, match=r"no value of orders.*give source=") as raised:
        read_in_a_run(instance, asset_of())
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("asset", [asset_of(), dg.AssetSpec("orders")], ids=["own table", "other location"])
def test_a_check_that_runs_alone_names_the_remedy_too(
    instance: dg.DagsterInstance, asset: dg.AssetsDefinition | dg.AssetSpec
) -> None:
    checks = build_checks([asset], looking([]), nature=Nature.RULE, name="reads", description="d", options={})
    job = dg.define_asset_job("checks", selection=dg.AssetSelection.all_asset_checks())
    defs = dg.Definitions(assets=[asset], asset_checks=checks, jobs=[job])
    with pytest.raises(ReadError, match=r"no value of orders.*give source=") as raised:
        defs.resolve_job_def("checks").execute_in_process(instance=instance)
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("value", [3, None])
def test_what_is_no_table_is_an_error_that_names_the_remedy(value: object) -> None:
    with pytest.raises(ReadError, match=r"is no table and no place of tables: give source="):
        read(scope_of(), ids, source=lambda: value)


def test_a_duckdb_file_is_opened_for_reading_only_and_closed_afterwards(shop: Path) -> None:
    def writes(data: Data) -> None:
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            assert data.duckdb
            data.duckdb.execute("DELETE FROM orders")

    read(scope_of(), writes, source=f"duckdb://{shop}")
    with duckdb.connect(shop) as connection:  # refused, were it still open with another configuration
        assert connection.execute("SELECT count(*) FROM orders").fetchall() == [(3,)]


def test_a_file_that_this_process_writes_to_is_read_all_the_same(shop: Path) -> None:
    with duckdb.connect(shop):
        assert read(scope_of(), ids, source=f"duckdb://{shop}") == [0, 1, 2]


def test_a_url_may_come_from_the_environment(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReadError, match="SHOP_URL is not set"):
        read(scope_of(), ids, source=dg.EnvVar("SHOP_URL"))
    monkeypatch.setenv("SHOP_URL", f"duckdb://{shop}")
    assert read(scope_of(), ids, source=dg.EnvVar("SHOP_URL")) == [0, 1, 2]


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="there is no DuckDB file"):
        read(scope_of(), ids, source=f"duckdb://{tmp_path}/no.duckdb")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_engine_is_named_without_the_password() -> None:
    with pytest.raises(ReadError, match="a source warehouse:…") as raised:
        read(scope_of(), ids, source="warehouse://me:secret@host")
    assert "secret" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_a_project_reads_under_its_own_lock(shop: Path) -> None:
    held: list[str] = []

    @contextmanager
    def locked(scope: Scope) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(shop) as connection:
            held.append(scope.target.name)
            yield connection
            held.append("released")

    assert read(scope_of(), ids, source=locked) == [0, 1, 2]
    assert held == ["orders", "released"]


def test_a_connection_that_is_lent_comes_back_open_and_as_it_was() -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        connection.execute("CREATE TABLE orders AS SELECT 5 AS id")
        assert read(scope_of(), ids, source=connection) == [5]
        assert connection.execute("SELECT current_setting('TimeZone')").fetchall() == [("Asia/Tokyo",)]
        here = pd.DataFrame(FRAME)
        assert connection.execute("SELECT count(*) FROM here").fetchall() == [(len(here),)]


def test_ibis_backends_and_tables_are_taken_as_they_are(shop: Path) -> None:
    backend = ibis.duckdb.connect(shop, read_only=True)
    assert read(scope_of(), ids, source=backend) == [0, 1, 2]
    assert read(scope_of(), ids, source=backend.table("orders").filter(ibis._.id > 1)) == [2]
    assert read(scope_of(), ids, source=ibis.memtable(pa.table(FRAME))) == [1, 2]
    backend.disconnect()


# ---- names


@pytest.mark.parametrize(
    ("key", "metadata", "options", "expected"),
    [
        ("orders", {}, {}, [0, 1, 2]),
        ("main/orders", {}, {}, [0, 1, 2]),
        ("deep/down/in/orders", {}, {}, [0, 1, 2]),
        ("ORDERS", {}, {}, [0, 1, 2]),
        ("x", {"dagster/table_name": "main.orders"}, {}, [0, 1, 2]),
        ("x", {"dagster/table_name": '"shop"."main"."orders"'}, {}, [0, 1, 2]),
        ("x", {"dagster/table_name": "nowhere"}, {"table": "orders"}, [0, 1, 2]),
        ("x", {}, {"table": lambda target: {"x": "orders"}[target.name]}, [0, 1, 2]),
        ("x", {}, {"table": '"my shop"."the ""new"".orders"'}, [7]),
        ("x", {}, {"table": 'my shop."the ""new"".orders"'}, [7]),
    ],
)
def test_the_table_is_found_by_its_name(
    shop: Path,
    key: str,
    metadata: dict[str, Any],
    options: dict[str, Any],
    expected: list[int],
) -> None:
    assert read(scope_of(key, metadata=metadata), ids, source=f"duckdb://{shop}", **options) == expected


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "no table raw.payments or payments for raw/payments: name it with table="),
        ({"table": "shop.x"}, "no table shop.x"),
        ({"table": "a.b.c.d"}, "is no name of a table"),
        ({"table": 'a"b'}, "is no name of a table"),
        ({"table": ""}, "is no name of a table"),
        ({"table": "orders; DROP TABLE orders"}, "no table orders; DROP"),
    ],
)
def test_a_table_that_is_not_there_is_named(shop: Path, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ReadError, match=says):
        read(scope_of("raw/payments"), ids, source=f"duckdb://{shop}", **options)
