"""The SELECTs that ask for every metric, and what their answers say of a column."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from math import inf, isfinite
from typing import Any, cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from incident_ops.core.profile import QUANTILES, ColumnProfile, Kind, Metric
from incident_ops.detectors.profile.categories import known_of
from incident_ops.detectors.profile.plan import MOST_AGGREGATES, USUAL_AGGREGATES, Plan, chunks, named, select_of

QUANTILE_ROWS = 20_000
"""Of a larger table DuckDB takes each row for the quantiles with the same chance, so that about so many are taken,
from its start to its end: the standard error of a rank is at most .35 percent. Its own sketches will not do.
`reservoir_quantile` keeps the first rows it sees. `approx_quantile` takes as long as all the rest of the scan, and
tells values between those that repeat, where the column has none: a rank is then wrong by some percent."""
PERCENTS = tuple(range(1, 100))
FEW_PERCENTS = (*range(5, 100, 5),)
"""Where each quantile is an aggregate of its own."""
LISTS = {"duckdb", "postgres", "trino"}
"""Engines that give many quantiles as one aggregate of a short text."""
LARGEST = 1e150
"""Squares of numbers beyond it are beyond floating point: engines refuse the variance. They count as infinite
neither here nor there, but are no part of mean, deviation and quantiles."""


def share_of(rows: int) -> float:
    """The part of so many rows from which DuckDB tells quantiles."""
    return min(1.0, QUANTILE_ROWS / max(rows, 1))


def expressions(
    table: ir.Table, plans: Sequence[Plan], *, engine: str, exact: bool, share: float = 1.0
) -> list[ir.Table]:
    """The SELECTs: one, unless the engine has a limit that the table's columns are beyond.

    Args:
        share: of the rows from which DuckDB tells quantiles.
    """
    most = MOST_AGGREGATES.get(engine, USUAL_AGGREGATES)
    asked = [dict(_aggregates(table, plan, engine=engine, exact=exact, share=share)) for plan in plans]
    return [select_of(table, chunk) for chunk in chunks({"rows": table.count()}, asked, most)]


# The body stays empty: DuckDB has the function, Ibis takes its name and types from here.
@ibis.udf.agg.builtin
def quantile_disc(x: float, ranks: dt.Array(dt.float64)) -> dt.Array(dt.float64): ...  # type: ignore


def _aggregates(
    table: ir.Table, plan: Plan, *, engine: str, exact: bool, share: float
) -> Iterator[tuple[str, ir.Scalar]]:
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
            yield named(plan, "blank"), _count(blank)
            if plan.is_told:
                yield named(plan, "min_length"), column.length().min()
                yield named(plan, "max_length"), column.length().max()
        case Kind.NUMBER:
            yield from _of_number(column, plan, engine, share)
        case _:
            pass
    if engine == "duckdb" and plan.known and plan.is_told and plan.kind in (Kind.TEXT, Kind.NUMBER):
        yield named(plan, "known"), known_of(column, plan)


def _of_number(column: Any, plan: Plan, engine: str, share: float) -> Iterator[tuple[str, ir.Scalar]]:
    numbers = column
    yield named(plan, "zero"), _count(column == 0)
    yield named(plan, "negative"), _count(column < 0)
    if plan.is_float:
        numbers = (column.abs() < LARGEST).ifelse(column, ibis.null())
        yield named(plan, "nan"), _count(column.isnan())
        yield named(plan, "infinite"), _count(column.abs() == inf)  # `isinf` misses some in Spark
        yield named(plan, "usable"), numbers.count()
    if plan.is_told:
        yield named(plan, "min"), numbers.min()
        yield named(plan, "max"), numbers.max()
        numbers = (
            numbers if plan.is_float else numbers.cast("float64")
        )  # PostgreSQL's mean of integers is a decimal
        yield named(plan, "mean"), numbers.mean()
        yield named(plan, "stddev"), numbers.std()
        yield from _quantiles(numbers, plan, engine, share)


def _count(condition: Any) -> ir.Scalar:
    """Without FILTER: for each one DuckDB copies what all the others need, so that fifty of them in one SELECT
    take longer than in fifty."""
    return condition.ifelse(1, ibis.null()).count()


def _quantiles(numbers: Any, plan: Plan, engine: str, share: float) -> Iterator[tuple[str, ir.Scalar]]:
    ranks = [percent / 100 for percent in PERCENTS]
    if engine == "duckdb":
        taken = numbers if share == 1 else (cast("Any", ibis.random()) < share).ifelse(numbers, ibis.null())
        yield named(plan, "quantiles"), cast("Any", quantile_disc)(taken, ranks)
    elif engine in LISTS:
        yield named(plan, "quantiles"), numbers.approx_quantile(ranks)
    else:
        for percent in FEW_PERCENTS:
            yield named(plan, f"quantile{percent}"), numbers.approx_quantile(percent / 100)


def column_of(plan: Plan, rows: int, found: Mapping[str, Any], *, share: float) -> ColumnProfile:
    def number(what: str) -> float | None:
        value = found.get(named(plan, what))
        return float(value) if value is not None and isfinite(value) else None

    there = number("there") or 0.0
    counts = {
        Metric.NULL_RATE: rows - there,
        Metric.BLANK_RATE: number("blank"),
        Metric.ZERO_RATE: number("zero"),
        Metric.NEGATIVE_RATE: number("negative"),
        Metric.NAN_RATE: number("nan"),
        Metric.INFINITE_RATE: number("infinite"),
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
    usable = number("usable") if plan.is_float else there
    return ColumnProfile(
        name=plan.name,
        kind=plan.kind,
        metrics=metrics,
        quantiles=quantiles,
        values=(usable or 0.0) * share,
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
