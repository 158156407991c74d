"""Field health measured: all metrics of a table in one scan against the same metrics as separate queries."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import ibis

from incident_ops.detectors.profile import expressions, planned, profile_of
from incident_ops.detectors.reading import Data
from incident_ops_tests.benchmarks.table import Row, print_table

ROWS = 10_000_000
LEAST_RATIO = 2.0
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
    """Orders of eight columns: two keys, two amounts, a category, a text, a flag and a time; as a table in memory or
    as a Parquet file, which is where a scan costs something."""
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


def separately(data: Data, expression: Any) -> int:
    """Each aggregate of the expression as a query of its own; returns how many."""
    aggregates = expression.op().metrics
    for name, aggregate in aggregates.items():
        data.one(data.table.aggregate([aggregate.to_expr().name(name)]))
    return len(aggregates)


def measured(rows: int, *, in_memory: bool) -> tuple[float, float, int]:
    """Seconds of one scan, seconds of separate queries, and how many there are of these."""
    with table_of(rows, in_memory=in_memory) as data:
        start = profile_of(replace(data, table=data.table.limit(10_000)), exact=False)
        known = {name: column.shape for name, column in start.columns.items() if column.shape is not None}
        (expression,) = expressions(data.table, planned(data.table, known=known), engine="duckdb", exact=False)
        together = _seconds(lambda: profile_of(data, exact=False, known=known))
        return together, _seconds(lambda: separately(data, expression)), len(expression.columns)


def results(rows: int = ROWS) -> list[Row]:
    return [_row(rows, "Parquet", in_memory=False), _row(rows, "in memory", in_memory=True)]


def _row(rows: int, where: str, *, in_memory: bool) -> Row:
    together, apart, queries = measured(rows, in_memory=in_memory)
    ratio = apart / together
    return Row(
        f"field health, {rows:,} rows × 8 columns, {where}",
        f"{ratio:.1f} times as fast ({together:.1f} s)",
        "" if in_memory else f"≥ {LEAST_RATIO:g}",
        f"{queries} separate queries {apart:.1f} s",
        None if in_memory else ratio >= LEAST_RATIO,
    )


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    print_table(results())
