"""Where the data is: sources of every kind, names of tables, partitions, conditions, samples and time-outs."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import dagster as dg
import duckdb
import ibis
import pandas as pd
import polars as pl
import psycopg
import pyarrow as pa
import pytest

from incident_ops.core.alert import Nature
from incident_ops.detectors.factory import Finding, build_checks
from incident_ops.detectors.reading import Data, ReadError, ReadOptions, ReadTimeout, opened
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Target

DAYS = dg.DailyPartitionsDefinition("2026-01-01", timezone="Europe/Berlin")
REGIONS = dg.StaticPartitionsDefinition(["eu", "us"])


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A DuckDB file with three orders of three days and two regions, and a table with a name that needs quotes."""
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(
            "CREATE TABLE orders AS SELECT i AS id, DATE '2026-01-04' + i::INTEGER AS day,"
            " day::TIMESTAMP AS at, timezone('UTC', day::TIMESTAMP) AS instant,"
            " strftime(day, '%Y%m%d')::INT AS number, day::VARCHAR AS text,"
            " CASE WHEN i < 2 THEN 'eu' ELSE 'us' END AS region FROM range(3) AS t(i)"
        )
        connection.execute('CREATE SCHEMA "my shop"')
        connection.execute('CREATE TABLE "my shop"."the ""new"".orders" AS SELECT 7 AS id')
    return path


def asset_of(
    key: str = "orders",
    *,
    partitions_def: dg.PartitionsDefinition[Any] | None = None,
    value: object = None,
    metadata: Mapping[str, Any] | None = None,
) -> dg.AssetsDefinition:
    @dg.asset(
        key=dg.AssetKey.from_user_string(key),
        partitions_def=partitions_def,
        metadata=metadata,
        output_required=False,
    )
    def made():
        if value is not None:
            yield dg.Output(value)
        else:
            yield dg.MaterializeResult()

    return made


def scope_of(
    key: str = "orders",
    *,
    partitions_def: dg.PartitionsDefinition[Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    partition: str | None = None,
) -> Scope:
    """What a run would give. Only an IO manager needs the run itself: those tests have one."""
    return Scope(
        context=cast("dg.AssetCheckExecutionContext", None),
        target=Target(
            key=dg.AssetKey.from_user_string(key), partitions_def=partitions_def, metadata=metadata or {}
        ),
        check="reads",
        partition=partition,
        window=None,
        built=None,
        now=dt.datetime(2026, 1, 6, tzinfo=dt.UTC),
        pii=(),
    )


def read(scope: Scope, ask: Callable[[Data], Any], **options: Any) -> Any:
    with opened(scope, cast("ReadOptions", options)) as data:
        return ask(data)


def read_in_a_run(
    instance: dg.DagsterInstance, asset: dg.AssetsDefinition, *, partition: str | None = None
) -> Any:
    """What a check of the asset reads in the run that builds it, with no options."""
    found: list[Any] = []
    checks = build_checks([asset], _look(found), nature=Nature.RULE, name="reads", description="d", options={})
    dg.materialize([asset, *checks], instance=instance, partition_key=partition)
    return found[0]


def _look(found: list[Any]) -> Callable[[Scope], Finding]:
    def look(scope: Scope) -> Finding:
        found.append(read(scope, ids))
        return Finding(passed=True, summary="read")

    return look


def ids(data: Data) -> list[int]:
    return sorted(row["id"] for row in data.rows(data.table))


# ---- sources

FRAME = {"id": [1, 2]}


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
    checks = build_checks([asset], _look(found), nature=Nature.RULE, name="reads", description="d", options={})
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
    checks = build_checks([asset], _look([]), nature=Nature.RULE, name="reads", description="d", options={})
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


# ---- partitions


@pytest.mark.parametrize("column", ["day", "DAY", "at", "instant", "number", "text", "at + INTERVAL 0 DAY"])
def test_a_partition_is_read_through_its_window_only(shop: Path, column: str) -> None:
    """The day in Berlin begins at 23:00 UTC: of the instants only midnight UTC of the 5th is within it."""
    scope = scope_of(partitions_def=DAYS, metadata={"partition_expr": column}, partition="2026-01-05")
    assert read(scope, ids, source=f"duckdb://{shop}") == [1]


def test_a_window_is_half_open() -> None:
    first = dt.datetime(2026, 1, 5)  # noqa: DTZ001 - as many tables have them
    times = [first - dt.timedelta(microseconds=1), first, first + dt.timedelta(hours=23, minutes=59),
             first + dt.timedelta(days=1)]  # fmt: skip
    frame = pl.DataFrame({"id": range(4), "at": times})
    scope = scope_of(partitions_def=DAYS, partition="2026-01-05")
    assert read(scope, ids, source=frame, partition_column="at") == [1, 2]


def test_an_instant_is_compared_as_one() -> None:
    """23:30 UTC on the 4th is half past midnight of the 5th in Berlin."""
    times = [dt.datetime(2026, 1, day, 23, 30, tzinfo=dt.UTC) for day in (4, 5)]
    frame = pl.DataFrame({"id": range(2), "at": times})
    scope = scope_of(partitions_def=DAYS, partition="2026-01-05")
    assert read(scope, ids, source=frame, partition_column="at") == [0]


def test_static_and_several_dimensions_are_equal_to_their_keys(shop: Path) -> None:
    source = f"duckdb://{shop}"
    regional = scope_of(partitions_def=REGIONS, partition="eu")
    assert read(regional, ids, source=source, partition_column="region") == [0, 1]
    both = dg.MultiPartitionsDefinition({"day": DAYS, "region": REGIONS})
    columns = {"partition_expr": {"day": "day", "region": "region"}}
    key = dg.MultiPartitionKey({"day": "2026-01-05", "region": "eu"})
    scope = scope_of(partitions_def=both, metadata=columns, partition=key)
    assert read(scope, ids, source=source) == [1]


HOURS = dg.HourlyPartitionsDefinition("2026-01-01-00:00")


@pytest.mark.parametrize(
    ("partitions_def", "partition", "column", "says"),
    [
        (
            DAYS,
            "2026-01-05",
            "",
            "the column of the partitions of orders is not known: name it in partition_column=",
        ),
        (DAYS, "2026-01-05", "created", "there is no column created"),
        (DAYS, "2026-01-05", {"day": "day"}, "as one name"),
        (REGIONS, "eu", "number", "cannot be compared with the column number"),
        (HOURS, "2026-01-05-03:00", "day", "name a column that tells hours"),
    ],
)
def test_a_partition_that_cannot_be_told_is_an_error_and_never_the_whole_table(
    shop: Path,
    partitions_def: dg.PartitionsDefinition[Any],
    partition: str,
    column: Any,
    says: str,
) -> None:
    scope = scope_of(partitions_def=partitions_def, partition=partition)
    with pytest.raises(ReadError, match=says):
        read(scope, ids, source=f"duckdb://{shop}", partition_column=column)


def test_a_source_that_gives_the_partition_by_itself_says_so() -> None:
    scope = scope_of(partitions_def=DAYS, partition="2026-01-05")
    source = lambda scope: pl.DataFrame({"id": [int(scope.partition[-2:])]})  # noqa: E731
    assert read(scope, ids, source=source, partition_column=None) == [5]


# ---- conditions, samples, time


@pytest.mark.parametrize("where", ["id > 0 AND region = 'eu'", lambda t: (t.id > 0) & (t.region == "eu")])
def test_a_condition_restricts_the_rows(shop: Path, where: Any) -> None:
    assert read(scope_of(), ids, source=f"duckdb://{shop}", where=where) == [1]


def test_a_sample_is_drawn_from_the_restricted_rows_and_said() -> None:
    def ask(data: Data) -> tuple[int, int, str]:
        found = ids(data)
        return len(found), min(found), data.note

    frame = pl.DataFrame({"id": range(10_000)})
    found = read(scope_of(), ask, source=frame, where="id >= 5000", sample=100)
    assert found[0] == 100
    assert found[1] >= 5000
    assert found[2] == "in a random sample of 100 rows"


def test_a_query_that_takes_too_long_is_interrupted() -> None:
    endless = ibis.duckdb.connect()
    slow = endless.sql(
        "SELECT count(*) AS n FROM range(1000000000000) t(i) WHERE hash(i) % 7 = 3", schema={"n": "int64"}
    )
    with pytest.raises(ReadTimeout, match=r"within 0\.2 s"):
        read(scope_of(), ids, source=slow, timeout=dt.timedelta(seconds=0.2))
    assert endless.con.execute("SELECT 1").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sample": 0}, "reads no row"),
        ({"timeout": dt.timedelta()}, "leaves no time"),
        ({"table": "orders"}, "leave it out"),
    ],
)
def test_options_that_cannot_be_followed_are_errors(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ReadError, match=says):
        read(scope_of(), ids, source=pl.DataFrame(FRAME), **options)


# ---- PostgreSQL


@pytest.fixture
def postgres(postgres_url: str) -> str:
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        connection.execute('CREATE SCHEMA "my shop"')
        connection.execute(
            "CREATE TABLE \"my shop\".orders AS SELECT i AS id, DATE '2026-01-04' + i AS day"
            " FROM generate_series(0, 999) AS t(i)"
        )
    return postgres_url


def test_postgres_is_read_only_through_partitions_conditions_and_samples(postgres: str) -> None:
    def ask(data: Data) -> list[int]:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            cast("Any", data.backend).raw_sql('DELETE FROM "my shop".orders')
        return ids(data)

    scope = scope_of("my shop/orders", partitions_def=DAYS, partition="2026-01-05")
    assert read(scope, ask, source=postgres, partition_column="day") == [1]
    assert read(scope, ids, source=postgres, partition_column="day + 0", where="id < 5") == [1]
    sampled = read(scope_of("my shop/orders"), ids, source=postgres, where="id >= 500", sample=100)
    assert 20 < len(sampled) < 250
    assert min(sampled) >= 500


def test_postgres_is_stopped_in_time_and_its_session_is_given_back(postgres: str) -> None:
    with psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True) as connection:
        backend = ibis.postgres.from_connection(connection)
        slow = backend.sql("SELECT pg_sleep(30) IS NULL AS n", schema={"n": "boolean"})
        with pytest.raises(ReadTimeout, match=r"within 0\.2 s"):
            read(scope_of(), ids, source=slow, timeout=dt.timedelta(seconds=0.2))
        assert connection.execute("SHOW statement_timeout").fetchall() == [("0",)]


def test_a_warehouse_that_is_down_is_an_error_of_its_own(postgres: str) -> None:
    with pytest.raises(ReadError, match=r"a source postgresql:… cannot be opened: OperationalError"):
        read(scope_of(), ids, source=postgres.replace("test_", "gone_"))
