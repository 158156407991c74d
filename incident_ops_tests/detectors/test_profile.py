"""One scan for all metrics: on DuckDB, PostgreSQL and Spark for real, for other warehouses as SQL."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import polars as pl
import psycopg
import pytest

from incident_ops.core.profile import Kind, Metric, Shape, TableProfile
from incident_ops.detectors.profile import Plan, expressions, groups, kind_of, profile_of
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
    assert (metrics_of(profile, "huge")["max"], metrics_of(profile, "huge")["mean"]) == (2, 1)
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
    for exact in (None, False, True):
        columns = profile_of(data_of(frame), exact=exact).columns
        deciles = columns["up"].quantiles[10:100:10]
        assert deciles == pytest.approx([rows / 10 * n for n in range(1, 10)], abs=rows * 0.04)
        assert set(columns["two"].quantiles) == {0, 7}, "no value that there is not"
        assert columns["two"].quantiles[50] == 7
        assert columns["up"].values == (rows if exact else 5000)
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


def test_with_known_categories_duckdb_needs_one_scan() -> None:
    data = data_of(SMALL)
    known = {
        name: Shape(values=5, categories=dict.fromkeys(profile.categories or {}, 0.2))
        for name, profile in profile_of(data, exact=True).columns.items()
    }
    assert len(data.asked) == 2
    data.asked.clear()
    profile = profile_of(data, exact=True, known=known)
    assert len(data.asked) == 1
    assert profile.columns["text"].categories == {"x": 2, "  ": 1, "": 1, "yy": 1}
    del known["text"].categories["x"]  # pyright: ignore[reportIndexIssue]
    data.asked.clear()
    profile = profile_of(data, exact=True, known=known)
    assert len(data.asked) == 2
    assert profile.columns["text"].categories == {"x": 2, "  ": 1, "": 1, "yy": 1}


def test_a_column_that_has_become_an_identifier_is_not_counted_by_value() -> None:
    known = {"id": Shape(values=2, categories={"1": 0.5, "x": 0.5})}
    profile = profile_of(data_of(pl.DataFrame({"id": range(1000)})), known=known)
    assert profile.columns["id"].metrics[Metric.DISTINCT_COUNT] == 1000
    assert profile.columns["id"].categories in (None, {"1": 1})


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
    assert len(data.asked) == 4


def test_a_column_that_there_is_not_is_named() -> None:
    with pytest.raises(ReadError, match="no column nope"):
        profile_of(data_of(SMALL), columns=["text", "nope"])


# ---- other engines

ORDERS = ibis.table(
    {"order id": "int64", "amount": "float64", "channel": "string", "at": "timestamp"}, name="orders"
)
ENGINES = ("snowflake", "bigquery", "trino", "postgres")


def _plans() -> list[Plan]:
    return [
        Plan(name=name, place=place, kind=kind_of(type_), type=type_)
        for place, (name, type_) in enumerate(ORDERS.schema().items())
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_sql_for_other_warehouses_is_as_it_was(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To renew: delete the file and run this test twice."""
    monkeypatch.setattr(profiles, "PERCENTS", (25, 50, 75))
    monkeypatch.setattr(profiles, "FEW_PERCENTS", (25, 50, 75))
    plans = _plans()
    (expression,) = expressions(ORDERS, plans, engine=engine, exact=False)
    grouped = groups(ORDERS, [plan for plan in plans if plan.kind is Kind.TEXT])
    found = f"{ibis.to_sql(expression, dialect=engine)};\n\n{ibis.to_sql(grouped, dialect=engine)};\n"
    golden = GOLDEN / f"profile_{engine}.sql"
    if not golden.exists():
        golden.write_text(found, encoding="utf-8")
        pytest.fail(f"{golden.name} was written: look at it and run this again")
    assert found == golden.read_text(encoding="utf-8")


def _data(backend: Any, table: ir.Table) -> Data:
    return Data(table=table, backend=backend, limit=nullcontext)


def test_postgres_answers_as_duckdb_does(postgres_url: str) -> None:
    frame = SMALL.drop("list", "huge")
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute('CREATE TABLE t ("a ""b"" c" float8, text text, whole int, none float8, flag boolean)')
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO t VALUES (%s, %s, %s, %s, %s)", frame.rows())
        backend = ibis.postgres.from_connection(connection)
        _same(profile_of(_data(backend, backend.table("t"))), profile_of(data_of(frame)))


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
        _same(profile_of(_data(backend, backend.table("t")), exact=True), profile_of(data_of(frame)))


def test_the_benchmark_measures_both_ways() -> None:
    rows = field_health.results(2000)
    assert [row.name for row in rows] == [
        "field health, 2,000 rows × 8 columns, Parquet", "field health, 2,000 rows × 8 columns, in memory",
    ]  # fmt: skip
    assert all("separate queries" in row.baseline and "times as fast" in row.measured for row in rows)
