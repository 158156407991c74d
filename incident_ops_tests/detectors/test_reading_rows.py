"""Which rows are read, and for how long: partitions, conditions, samples and time-outs; PostgreSQL."""

import datetime as dt
from pathlib import Path
from typing import Any, cast

import dagster as dg
import ibis
import polars as pl
import psycopg
import pytest

from incident_ops.detectors.reading import Data, ReadError, ReadTimeout
from incident_ops_tests.detectors.readings import (
    DAYS,
    FRAME,
    REGIONS,
    ids,
    read,
    scope_of,
    shop_in,
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return shop_in(tmp_path)


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
