"""Field health measured: all metrics of a table in one scan against the same metrics as separate queries."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import ibis

from incident_ops.core.profile import QUANTILES, Metric, TableProfile, document_of, remembered_in
from incident_ops.detectors.profile import expressions, planned, profile_of
from incident_ops.detectors.reading import Data
from incident_ops_tests.benchmarks.table import Row, print_table

ROWS = 10_000_000
AGGREGATES = {
    Metric.NULL_RATE: "there",
    Metric.DISTINCT_COUNT: "distinct",
    Metric.UNIQUE_RATE: "distinct",
    Metric.INFINITE_RATE: "usable",
    **dict.fromkeys(QUANTILES, "quantiles"),
}
"""Of a metric that is not called like the aggregate it comes from."""
ORDERS = """
    SELECT i AS id, (i * 7919) % 200000 AS customer, random() * 500 AS amount,
        CASE WHEN random() < .02 THEN NULL ELSE random() * 50 END AS discount,
        ['web', 'mail', 'ads', 'tiktok'][1 + (i % 4)] AS channel,
        CASE WHEN i % 50 = 0 THEN '' ELSE 'note ' || (i % 1000) END AS note,
        i % 3 = 0 AS express, TIMESTAMP '2026-01-01' + INTERVAL (i % 86400) SECOND AS at
    FROM range({rows}) AS t(i)
"""


@contextmanager
def table_of(rows: int, *, in_memory: bool) -> Iterator[Data]:
    """Orders of eight columns: two keys, two amounts, a category, a text, a flag and a time; as a table in memory
    or as a Parquet file, which is where a scan costs something."""
    backend = ibis.duckdb.connect()
    with tempfile.TemporaryDirectory() as folder:
        if in_memory:
            backend.con.execute(f"CREATE TABLE orders AS {ORDERS.format(rows=rows)}")
            table = backend.table("orders")
        else:
            path = f"{folder}/orders.parquet"
            backend.con.execute(f"COPY ({ORDERS.format(rows=rows)}) TO '{path}' (COMPRESSION zstd)")
            table = backend.read_parquet(path)
        yield Data(table=table, backend=backend, limit=nullcontext)
        backend.disconnect()


def separately(data: Data, profile: TableProfile, expression: Any) -> int:
    """Each metric of the profile, and each column's categories, as a query of its own, which is what a check for
    each metric asks; returns how many. The formulas are the same."""
    aggregates = {name: aggregate.to_expr() for name, aggregate in expression.op().metrics.items()}
    wanted = [
        f"c{place}_{AGGREGATES.get(metric, metric.removesuffix('_rate'))}"
        for place, column in enumerate(profile.columns.values())
        for metric in column.metrics
    ]
    wanted += [name for name in aggregates if name.endswith("_known")]
    for name in wanted:
        data.one(data.table.aggregate([aggregates[name].name(name)]))
    return len(wanted)


def measured(rows: int, *, in_memory: bool) -> tuple[float, float, int]:
    """Seconds of one scan, seconds of separate queries, and how many there are of these."""
    with table_of(rows, in_memory=in_memory) as data:
        start = profile_of(replace(data, table=data.table.limit(10_000)), exact=False)
        before = [remembered_in(document_of(start))]
        (expression,) = expressions(data.table, planned(data.table, before=before), engine="duckdb", exact=False)
        together = _seconds(lambda: profile_of(data, exact=False, before=before))
        queries = 0

        def ask() -> None:
            nonlocal queries
            queries = separately(data, start, expression)

        apart = _seconds(ask)
        return together, apart, queries


def results(rows: int = ROWS) -> list[Row]:
    return [_row(rows, "Parquet", in_memory=False), _row(rows, "in memory", in_memory=True)]


def _row(rows: int, where: str, *, in_memory: bool) -> Row:
    together, apart, queries = measured(rows, in_memory=in_memory)
    ratio = apart / together
    return Row(
        f"field health, {rows:,} rows × 8 columns, {where}",
        f"{ratio:.1f} times as fast ({together:.1f} s)",
        "",
        f"{queries} separate queries {apart:.1f} s",
        None,
    )


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    print_table(results())
