"""The DuckDB file: short connections, one at a time across threads and processes.

Every access goes through the lock of `lock.py`, reading too, and so does dbt's process while it runs: DuckDB
refuses a second process outright, and a second configuration within one.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb
import pandas as pd

from incident_ops.marketplace.home import Home
from incident_ops.marketplace.lock import exclusive
from incident_ops.marketplace.sources import Source

WAIT_SECONDS = 180.0
"""Longer than the slowest holder, which is a dbt step on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What was loaded. `fingerprint` is equal for equal content, whatever the order of its rows."""

    rows: int
    columns: tuple[tuple[str, str], ...]
    newest_day: date | None
    fingerprint: str


@contextmanager
def reserved(home: Home) -> Iterator[None]:
    """Nobody else of the marketplace touches the file meanwhile. For dbt, which opens it by itself."""
    with exclusive(home.warehouse_lock, timeout=WAIT_SECONDS):
        yield


@contextmanager
def connected(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with reserved(home), duckdb.connect(home.warehouse) as connection:
        yield connection


def load(home: Home, source: Source, frame: pd.DataFrame) -> Table:
    """Replace the raw table with `frame`: columns of the contract in their types, strange ones as they come."""
    selected = ", ".join(
        f'CAST("{name}" AS {known.type}) AS "{name}"' if (known := source.column(name)) else f'"{name}"'
        for name in frame.columns
    )
    with connected(home) as connection:
        connection.register("delivery", frame)
        connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
        connection.execute(f"CREATE OR REPLACE TABLE raw.{source.name} AS SELECT {selected} FROM delivery")
        columns = tuple((row[0], row[1]) for row in connection.execute(f"DESCRIBE raw.{source.name}").fetchall())
        rows, newest, content = connection.execute(
            f"SELECT count(*), max({source.day})::DATE, sum(hash(rows))::VARCHAR FROM raw.{source.name} AS rows"
        ).fetchall()[0]
    fingerprint = hashlib.sha256(repr((columns, rows, content)).encode()).hexdigest()
    return Table(rows=rows, columns=columns, newest_day=newest, fingerprint=fingerprint)


def query(home: Home, sql: str) -> pd.DataFrame:
    with connected(home) as connection:
        return connection.execute(sql).df()


def figures_by_day(
    home: Home, source: Source, figures: Mapping[tuple[str, str], str]
) -> dict[date, dict[tuple[str, str], float]]:
    """Aggregates in SQL of each day that the raw table has, oldest first; what has no answer is left out."""
    selected = "".join(f", ({sql})::DOUBLE" for sql in figures.values())
    with connected(home) as connection:
        found = connection.execute(
            f"SELECT CAST({source.day} AS DATE) AS day{selected} FROM raw.{source.name} GROUP BY 1 ORDER BY 1"
        ).fetchall()
    return {
        day: {name: value for name, value in zip(figures, values, strict=True) if value is not None}
        for day, *values in found
    }
