"""One scan for all metrics: on DuckDB, PostgreSQL and Spark for real, for other warehouses as SQL."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import polars as pl
import psycopg
import pytest

from incident_ops.core.profile import Metric, Remembered, Shape, TableProfile, document_of, remembered_in
from incident_ops.detectors.profile import expressions, groups, planned, profile_of
from incident_ops.detectors.profile import scan as profiles
from incident_ops.detectors.reading import Data, ReadError
from incident_ops_tests.benchmarks import field_health

GOLDEN = Path(__file__).parent / "golden"
NAN, INF = float("nan"), float("inf")
SMALL = pl.DataFrame(
    {
        'a "b" c': [1.0, NAN, INF, None, -2.0, 0.0],
        "text": ["x", "  ", None, "", "yy", "x"],
        "whole": [1, 2, 3, 1, 0, -4],
        "none": pl.Series([None] * 6, dtype=pl.Float64),
        "flag": [True, None, False, True, True, True],
        "huge": [1e308, -1e308, 1e300, 0.0, 1.0, 2.0],
        "list": [[1]] * 6,
    }
)
TYPES: dict[Any, str] = {
    pl.Float64: "float8", pl.String: "text", pl.Int64: "int8", pl.Boolean: "boolean"
}  # fmt: skip


class Counted(Data):
    """Data that counts the queries it is asked."""

    asked: list[ir.Table] = []  # noqa: RUF012 - emptied by each `counted`

    def rows(self, expression: ir.Table) -> list[dict[str, Any]]:
        self.asked.append(expression)
        return Data.rows(self, expression)


def data_of(frame: pl.DataFrame) -> Counted:
    backend = ibis.duckdb.connect()
    backend.con.register("v", frame.to_arrow())
    Counted.asked.clear()
    return Counted(table=backend.table("v"), backend=backend, limit=nullcontext)


@contextmanager
def data_in(engine: str, frame: pl.DataFrame, request: pytest.FixtureRequest) -> Iterator[Counted]:
    """The frame as a table of a real engine."""
    if engine == "duckdb":
        yield data_of(frame)
        return
    url: str = request.getfixturevalue("postgres_url").replace("+psycopg", "")
    names = ", ".join('"' + name.replace('"', '""') + '" ' + TYPES[type(t)] for name, t in frame.schema.items())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS t")
        connection.execute(f"CREATE TABLE t ({names})".encode())
        with connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO t VALUES ({', '.join(['%s'] * frame.width)})".encode(), frame.rows())
        backend = ibis.postgres.from_connection(connection)
        Counted.asked.clear()
        yield Counted(table=backend.table("t"), backend=backend, limit=nullcontext)


def metrics_of(profile: TableProfile, column: str) -> dict[str, float]:
    return {metric.value: round(value, 4) for metric, value in profile.columns[column].metrics.items()}


def test_every_kind_of_column_has_its_metrics() -> None:
    profile = profile_of(data_of(SMALL))
    assert profile.rows == 6
    sixth = 0.1667
    assert metrics_of(profile, 'a "b" c') == {
        "null_rate": sixth, "zero_rate": sixth, "negative_rate": sixth, "nan_rate": sixth, "infinite_rate": sixth,
        "distinct_count": 5, "unique_rate": 1, "min": -2, "max": 1, "mean": -0.3333, "stddev": 1.5275,
        **{name: value for name, value in metrics_of(profile, 'a "b" c').items() if name in QUANTILES},
    }  # fmt: skip
    assert metrics_of(profile, "text") == {
        "null_rate": sixth, "blank_rate": 0.3333, "distinct_count": 4, "unique_rate": 0.8, "min_length": 0,
        "max_length": 2,
    }  # fmt: skip
    assert metrics_of(profile, "flag") == {
        "null_rate": sixth, "true_rate": 0.6667, "distinct_count": 2, "unique_rate": 0.4,
    }  # fmt: skip
    assert metrics_of(profile, "list") == {"null_rate": 0}
    assert metrics_of(profile, "none")["null_rate"] == 1
    huge = metrics_of(profile, "huge")
    assert (huge["max"], huge["mean"], huge["infinite_rate"]) == (2, 1, 0.5)
    assert profile.columns["text"].categories == {"x": 2, "  ": 1, "": 1, "yy": 1}
    assert profile.columns["whole"].categories == {"-4": 1, "0": 1, "1": 2, "2": 1, "3": 1}


QUANTILES = ("p05", "p25", "median", "p75", "p95")


def test_quantiles_are_those_of_the_values() -> None:
    metrics = metrics_of(profile_of(data_of(pl.DataFrame({"n": range(101)}))), "n")
    assert {name: metrics[name] for name in QUANTILES} == {
        "p05": pytest.approx(5, abs=1), "p25": pytest.approx(25, abs=1), "median": pytest.approx(50, abs=1),
        "p75": pytest.approx(75, abs=1), "p95": pytest.approx(95, abs=1),
    }  # fmt: skip


def test_quantiles_are_told_from_a_large_table_s_start_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table is often sorted by time, and what is new in it comes last."""
    monkeypatch.setattr(profiles, "QUANTILE_ROWS", 5000)
    rows = 40_000
    frame = pl.DataFrame({"up": range(rows), "two": [0] * (rows // 4) + [7] * (rows // 4 * 3)})
    columns = profile_of(data_of(frame)).columns
    deciles = columns["up"].quantiles[10:100:10]
    assert deciles == pytest.approx([rows / 10 * n for n in range(1, 10)], abs=rows * 0.04)
    assert set(columns["two"].quantiles) == {0, 7}, "no value that there is not"
    assert columns["two"].quantiles[50] == 7
    assert columns["up"].values == 5000
    shape = profile_of(data_of(frame.head(rows // 4))).columns["up"].shape
    assert shape is not None
    drift = profile_of(data_of(frame)).columns["up"].drift_from(shape)
    assert drift is not None
    assert drift.psi > 1


@pytest.mark.parametrize("rows", [0, 1])
def test_nothing_and_one_row_are_answered(rows: int) -> None:
    profile = profile_of(data_of(SMALL.head(rows)))
    assert profile.rows == rows
    assert all((Metric.NULL_RATE in column.metrics) == bool(rows) for column in profile.columns.values())


def test_of_personal_data_only_rates_and_counts_are_asked_for() -> None:
    profile = profile_of(data_of(SMALL), pii=["TEXT", "whole", 'a "b" c'])
    for name in ("text", "whole", 'a "b" c'):
        column = profile.columns[name]
        assert (column.categories, list(column.quantiles), column.newest) == (None, [], None)
        assert all(metric.endswith(("_rate", "_count")) for metric in metrics_of(profile, name))


def remembered(profile: TableProfile) -> list[Remembered]:
    return [remembered_in(document_of(profile))]


CHANNELS = pl.DataFrame({"channel": ["web", "web", "ads", None], "code": [7, 7, 8, 9]})


@pytest.mark.parametrize(
    ("values", "scans", "categories"),
    [
        (["web", "ads", "ads", None], 1, {"web": 1, "ads": 2}),
        (["web", "web", "web", "web"], 1, {"web": 4}),
        (["web", "fax", "fax", None], 1, {"web": 1, "fax": 2}),
        (["web", "fax", "telex", "fax"], 2, {"web": 1, "fax": 2, "telex": 1}),
        ([None] * 4, 1, {}),
    ],
    ids=["the same", "one is gone", "one is new", "two are new", "all are gone"],
)
@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_only_two_new_categories_at_once_cost_another_scan(
    engine: str, values: list[str | None], scans: int, categories: dict[str, int], request: pytest.FixtureRequest
) -> None:
    before = remembered(profile_of(data_of(CHANNELS)))
    with data_in(engine, CHANNELS.with_columns(channel=pl.Series(values, dtype=pl.String)), request) as data:
        columns = profile_of(data, before=before).columns
        assert len(data.asked) == scans
    assert (columns["channel"].categories, columns["channel"].others) == (categories, 0)
    assert columns["code"].categories == {"7": 2, "8": 1, "9": 1}


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_of_what_has_become_an_identifier_it_is_said_how_many_are_new(
    engine: str, request: pytest.FixtureRequest
) -> None:
    """And they are not counted by value, which would fill the memory."""
    before = remembered(profile_of(data_of(CHANNELS)))
    rows = 1000
    ids = pl.DataFrame({"channel": [f"web{n}" if n else "web" for n in range(rows)], "code": range(rows)})
    with data_in(engine, ids, request) as data:
        columns = profile_of(data, before=before).columns
        assert len(data.asked) == 1
    assert (columns["channel"].categories, columns["channel"].others) == ({"web": 1}, 999)
    assert (columns["code"].categories, columns["code"].others) == ({"7": 1, "8": 1, "9": 1}, 997)
    for name, new in (("channel", 0.999), ("code", 0.997)):
        drift = columns[name].drift_from(before[0].shapes[name])
        assert drift is not None
        assert (drift.new, drift.new_rate) == ([], pytest.approx(new))
        assert drift.psi > 1
    assert columns["channel"].shape is None, "what it is now, is told by no categories"


def test_what_was_a_text_and_is_a_number_now_has_its_categories(request: pytest.FixtureRequest) -> None:
    texts = pl.DataFrame({"code": ["1", "02", "x", "9" * 30, "²"]})
    before = remembered(profile_of(data_of(texts)))
    for engine in ("duckdb", "postgres"):
        with data_in(engine, pl.DataFrame({"code": [1, 2, 2]}), request) as data:
            assert profile_of(data, before=before).columns["code"].categories == {"1": 1, "2": 2}
            assert len(data.asked) == 1


def test_free_text_is_no_category() -> None:
    profile = profile_of(data_of(pl.DataFrame({"text": ["x" * 101, "y"]})))
    assert profile.columns["text"].categories is None


def test_a_thousand_columns_are_answered_in_several_queries_and_each_column_in_one() -> None:
    data = data_of(pl.DataFrame({f"c{n}": [n % 2 == 0, None] for n in range(1000)}))
    profile = profile_of(data, exact=True)
    assert len(profile.columns) == 1000
    assert profile.columns["c998"].metrics == {
        Metric.NULL_RATE: 0.5, Metric.TRUE_RATE: 0.5, Metric.DISTINCT_COUNT: 1, Metric.UNIQUE_RATE: 1,
    }  # fmt: skip
    assert len(data.asked) == 13


def test_a_column_that_there_is_not_is_named() -> None:
    with pytest.raises(ReadError, match="no column nope"):
        profile_of(data_of(SMALL), columns=["text", "nope"])


# ---- other engines

ORDERS = ibis.table(
    {"order id": "int64", "amount": "float64", "channel": "string", "at": "timestamp"}, name="orders"
)
ENGINES = ("snowflake", "bigquery", "trino", "postgres")


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sql_for_other_warehouses_is_as_it_was(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To renew: delete the file and run this test twice."""
    monkeypatch.setattr(profiles, "PERCENTS", (25, 50, 75))
    monkeypatch.setattr(profiles, "FEW_PERCENTS", (25, 50, 75))
    known = Remembered(rows=4, columns=["channel"], shapes={"channel": Shape(values=4, categories={"web": 1.0})})
    plans = planned(ORDERS, before=[known])
    (expression,) = expressions(ORDERS, plans, engine=engine, exact=False)
    grouped = groups(ORDERS, [plan for plan in plans if plan.name in ("order id", "channel")], engine=engine)
    found = f"{ibis.to_sql(expression, dialect=engine)};\n\n{ibis.to_sql(grouped, dialect=engine)};\n"
    golden = GOLDEN / f"profile_{engine}.sql"
    if not golden.exists():
        golden.write_text(found, encoding="utf-8")
        pytest.fail(f"{golden.name} was written: look at it and run this again")
    assert found == golden.read_text(encoding="utf-8")


def test_postgres_answers_as_duckdb_does(request: pytest.FixtureRequest) -> None:
    frame = SMALL.drop("list")
    ours = profile_of(data_of(frame))
    for before in ([], remembered(ours)):
        with data_in("postgres", frame, request) as data:
            _same(profile_of(data, before=before), ours)


def _same(found: TableProfile, expected: TableProfile) -> None:
    assert found.rows == expected.rows
    for name in expected.columns:
        theirs, ours = metrics_of(found, name), metrics_of(expected, name)
        assert theirs.keys() == ours.keys()
        exact = [metric for metric in ours if metric not in QUANTILES]
        assert {m: theirs[m] for m in exact} == pytest.approx({m: ours[m] for m in exact}, abs=1e-3), name
        assert found.columns[name].categories == expected.columns[name].categories


@contextmanager
def _spark() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")  # it is over soon
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.sql.codegen.wholeStage", "false")  # compiling takes longer than six rows do
        .getOrCreate()
    )
    try:
        yield session
    finally:
        session.stop()


@pytest.mark.filterwarnings("ignore")  # pandas and Spark warn of each other
@pytest.mark.skipif(
    not (shutil.which("java") or os.environ.get("JAVA_HOME")), reason="there is no Java that Spark could run on"
)
def test_spark_answers_as_duckdb_does() -> None:
    pytest.importorskip("pyspark", reason="pyspark is not installed")
    frame = SMALL.select('a "b" c', "text", "whole")
    with _spark() as session:
        backend = ibis.pyspark.connect(session)
        session.sql(
            """CREATE TEMPORARY VIEW t (`a "b" c`, text, whole) AS VALUES
            (1D, 'x', 1), (double('NaN'), '  ', 2), (double('Infinity'), NULL, 3), (NULL, '', 1), (-2D, 'yy', 0),
            (0D, 'x', -4)"""
        )
        theirs = Data(table=backend.table("t"), backend=backend, limit=nullcontext)
        ours = profile_of(data_of(frame))
        (all_known,) = remembered(ours)
        text = replace(all_known, shapes={"text": all_known.shapes["text"]})  # and `whole` is to be grouped
        _same(profile_of(theirs, before=[text]), ours)


def test_the_benchmark_measures_both_ways() -> None:
    rows = field_health.results(2000)
    assert [row.name for row in rows] == [
        "field health, 2,000 rows × 8 columns, Parquet", "field health, 2,000 rows × 8 columns, in memory",
    ]  # fmt: skip
    assert all("separate queries" in row.baseline and "times as fast" in row.measured for row in rows)
