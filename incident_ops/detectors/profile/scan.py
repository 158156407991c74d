"""The SELECTs that ask for every metric, and what their answers say of a column."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from math import isfinite
from typing import Any, cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from incident_ops.core.profile import QUANTILES, ColumnProfile, Kind, Metric
from incident_ops.detectors.profile.categories import known_counts
from incident_ops.detectors.profile.plan import (
    Plan,
    chunks,
    most_aggregates,
    named,
    rows_where,
    select_of,
)

QUANTILE_ROWS = 10_000
"""From so many values at most DuckDB tells quantiles, drawn from the table's start to its end with the same chance
each (those with the least random numbers): the standard error of a rank is at most .5 percent. Its own sketches
will not do. `reservoir_quantile` keeps the first rows it sees. `approx_quantile` takes as long as all the rest of
the scan, and tells values between those that repeat, where the column has none: a rank is then wrong by some
percent."""
PERCENTS = tuple(range(1, 100))
FEW_PERCENTS = (*range(5, 100, 5),)
"""Where each quantile is an aggregate of its own."""
LISTS = {"duckdb", "postgres", "trino"}
"""Engines that give many quantiles as one aggregate of a short text."""
LARGEST = 1e150
"""Squares of numbers beyond it are beyond floating point: engines refuse the variance. They count as infinite, and
are no part of extremes, mean, deviation and quantiles."""


def expressions(table: ir.Table, plans: Sequence[Plan], *, engine: str, exact: bool) -> list[ir.Table]:
    """The SELECTs: one, unless the engine has a limit that the table's columns are beyond."""
    asked = [dict(_aggregates(table, plan, engine=engine, exact=exact)) for plan in plans]
    return [
        select_of(table, chunk)
        for chunk in chunks({"rows": table.count()}, asked, most_aggregates(engine, exact=exact))
    ]


# The bodies stay empty: DuckDB has the functions, Ibis takes their names and types from here.
@ibis.udf.agg.builtin
def arg_min(x: float, by: float, most: int) -> dt.Array(dt.float64): ...  # type: ignore


@ibis.udf.scalar.builtin
def list_aggregate(x: dt.Array(dt.float64), name: str, ranks: dt.Array(dt.float64)) -> dt.Array(dt.float64): ...  # type: ignore


def _aggregates(table: ir.Table, plan: Plan, *, engine: str, exact: bool) -> Iterator[tuple[str, ir.Scalar]]:
    column: Any = table[plan.name]
    yield named(plan, "there"), column.count()
    if plan.kind is Kind.OTHER:
        return
    yield named(plan, "distinct"), column.nunique() if exact else column.approx_nunique()
    match plan.kind:
        case Kind.FLAG:
            yield named(plan, "true"), column.sum()
        case Kind.TIME if plan.is_told:
            yield named(plan, "newest"), column.max()
        case Kind.TEXT if plan.is_string:
            blank = (column == "") | (column.startswith(" ") & (column.replace(" ", "") == ""))
            yield named(plan, "blank"), rows_where(blank)
            if plan.is_told:
                yield named(plan, "min_length"), column.length().min()
                yield named(plan, "max_length"), column.length().max()
        case Kind.NUMBER:
            yield from _of_number(column, plan, engine)
        case _:
            pass
    if plan.is_told:
        yield from known_counts(column, plan, engine)


def _of_number(column: Any, plan: Plan, engine: str) -> Iterator[tuple[str, ir.Scalar]]:
    numbers = column
    yield named(plan, "zero"), rows_where(column == 0)
    yield named(plan, "negative"), rows_where(column < 0)
    if plan.is_float:
        numbers = (column.abs() < LARGEST).ifelse(column, ibis.null())
        yield named(plan, "nan"), rows_where(column.isnan())
        yield named(plan, "usable"), numbers.count()
    if plan.is_told:
        yield named(plan, "min"), numbers.min()
        yield named(plan, "max"), numbers.max()
        numbers = (
            numbers if plan.is_float else numbers.cast("float64")
        )  # PostgreSQL's mean of integers is a decimal
        yield named(plan, "mean"), numbers.mean()
        yield named(plan, "stddev"), numbers.std()
        yield from _quantiles(numbers, plan, engine)


def _quantiles(numbers: Any, plan: Plan, engine: str) -> Iterator[tuple[str, ir.Scalar]]:
    ranks = [percent / 100 for percent in PERCENTS]
    if engine == "duckdb":
        taken = cast("Any", arg_min)(numbers, ibis.random(), QUANTILE_ROWS)
        # as a text: a hundred numbers take DuckDB longer to plan than the rest of the column
        at = cast("Any", ibis.literal(str(ranks))).cast("array<float64>")
        yield named(plan, "quantiles"), cast("Any", list_aggregate)(taken, "quantile_disc", at)
    elif engine in LISTS:
        yield named(plan, "quantiles"), numbers.approx_quantile(ranks)
    else:
        for percent in FEW_PERCENTS:
            yield named(plan, f"quantile{percent}"), numbers.approx_quantile(percent / 100)


def column_of(plan: Plan, rows: int, found: Mapping[str, Any], *, engine: str) -> ColumnProfile:
    def number(what: str) -> float | None:
        value = found.get(named(plan, what))
        return float(value) if value is not None and isfinite(value) else None

    there = number("there") or 0.0
    usable, nan = number("usable"), number("nan")
    usable = there if usable is None else usable
    counts = {
        Metric.NULL_RATE: rows - there,
        Metric.BLANK_RATE: number("blank"),
        Metric.ZERO_RATE: number("zero"),
        Metric.NEGATIVE_RATE: number("negative"),
        Metric.NAN_RATE: nan,
        Metric.INFINITE_RATE: None if nan is None else there - nan - usable,
        Metric.TRUE_RATE: number("true") if there else None,
    }
    metrics: dict[Metric, float] = {m: n / rows for m, n in counts.items() if n is not None and rows}
    distinct = number("distinct")
    if distinct is not None:
        metrics[Metric.DISTINCT_COUNT] = min(distinct, there)
        if there:
            metrics[Metric.UNIQUE_RATE] = min(distinct / there, 1.0)
    for metric in (Metric.MIN, Metric.MAX, Metric.MEAN, Metric.STDDEV, Metric.MIN_LENGTH, Metric.MAX_LENGTH):
        value = number(metric.value)
        if value is not None:
            metrics[metric] = value
    quantiles = _ranked(plan, found, metrics)
    if quantiles:
        last = len(quantiles) - 1
        metrics |= {metric: quantiles[round(last * percent / 100)] for metric, percent in QUANTILES.items()}
    return ColumnProfile(
        name=plan.name,
        kind=plan.kind,
        metrics=metrics,
        quantiles=quantiles,
        values=min(usable, QUANTILE_ROWS) if engine == "duckdb" else usable,
        newest=_date(found.get(named(plan, "newest"))),
    )


def _ranked(plan: Plan, found: Mapping[str, Any], metrics: Mapping[Metric, float]) -> list[float]:
    """From the least to the greatest at equally spaced ranks; sketches may go beyond either, or out of order."""
    inner: Any = found.get(named(plan, "quantiles"))
    if inner is None:
        inner = [found.get(named(plan, f"quantile{percent}")) for percent in FEW_PERCENTS]
    if Metric.MIN not in metrics or Metric.MAX not in metrics or any(value is None for value in inner):
        return []
    least, most = metrics[Metric.MIN], metrics[Metric.MAX]
    return sorted(min(max(float(value), least), most) for value in (least, *inner, most))


def _date(value: Any) -> date | None:
    return value if isinstance(value, date) else None
