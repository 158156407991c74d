"""A table's profile, read in one scan: every metric of every column is an aggregate of the same SELECT.

Only categories need groups. DuckDB counts those that are known already in the same SELECT; those that are not
yet, and those of other engines, cost one grouped query more, over the columns that have few distinct values.
What is approximate: distinct counts where `exact` is off (HyperLogLog, a few percent), and quantiles: on DuckDB
of `QUANTILE_ROWS` rows drawn from the whole table (each rank within about one percent), elsewhere by the engine's
own sketch.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import inf, isfinite
from typing import Any, cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from incident_ops.core.profile import (
    MOST_CATEGORIES,
    QUANTILES,
    ColumnProfile,
    Kind,
    Metric,
    Shape,
    TableProfile,
)
from incident_ops.detectors.reading import Data, ReadError

EXACT_ROWS = 100_000
"""Up to so many rows distinct values are worth counting one by one."""
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
MOST_AGGREGATES = {"duckdb": 1000, "postgres": 1600}
"""PostgreSQL returns 1,664 columns at most; DuckDB plans several thousand more slowly than it scans twice. No
column is in two SELECTs, so none is read twice where columns are stored apart."""
USUAL_AGGREGATES = 4000
MOST_GROUPED = 50
"""Columns in one grouped query."""
LONGEST_CATEGORY = 100
"""Characters; longer ones are free text, which nobody wants in a sentence or in the event log."""
LARGEST = 1e150
"""Squares of numbers beyond it are beyond floating point: engines refuse the variance. They count as infinite
neither here nor there, but are no part of mean, deviation and quantiles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked of one column.

    Attributes:
        place: its place in the query: names of columns may hold anything.
        is_told: whether its values may be told.
        known: categories to count in the same scan.
    """

    name: str
    place: int
    kind: Kind
    type: dt.DataType
    is_told: bool = True
    known: Sequence[str] = ()

    @property
    def is_float(self) -> bool:
        return isinstance(self.type, dt.Floating)

    @property
    def is_integer(self) -> bool:
        return isinstance(self.type, dt.Integer)

    @property
    def is_string(self) -> bool:
        return isinstance(self.type, dt.String)


def profile_of(
    data: Data,
    *,
    columns: Collection[str] | None = None,
    pii: Collection[str] = (),
    known: Mapping[str, Shape] | None = None,
    exact: bool | None = None,
) -> TableProfile:
    """Look at all rows of `data` once.

    Args:
        columns: to look at; by default all.
        pii: columns of which only rates and counts are told, whatever their case.
        known: shapes of an earlier profile, whose categories save the grouped query.
        exact: whether distinct values are counted exactly and no quantile is told from a sample; by default
            distinct values up to `EXACT_ROWS` rows and quantiles up to `QUANTILE_ROWS`.

    Raises:
        ReadError: there is no such column.
    """
    table = data.table
    share = 1.0
    if not exact:
        counted = int(data.one(table.aggregate(rows=table.count()))["rows"])
        exact = counted <= EXACT_ROWS if exact is None else exact
        share = share_of(counted)
    plans = planned(table, columns, pii=pii, known=known)
    found: dict[str, Any] = {}
    for expression in expressions(table, plans, engine=data.backend_name, exact=exact, share=share):
        found |= data.one(expression)
    rows = int(found["rows"])
    sampled = share if data.backend_name == "duckdb" else 1.0
    read = {plan.name: _column(plan, rows, found, share=sampled) for plan in plans}
    grouped = [plan for plan in plans if _needs_groups(plan, read[plan.name], found)]
    categories = {plan.name: _known_counts(plan, found) for plan in plans if _has_known(plan, found)}
    categories |= _grouped(data, grouped)
    told = {
        name: replace(column, categories=categories[name]) if name in categories else column
        for name, column in read.items()
    }
    return TableProfile(rows=rows, columns=told, note=data.note)


def kind_of(type_: dt.DataType) -> Kind:
    match type_:
        case dt.Boolean():
            return Kind.FLAG
        case dt.Numeric():
            return Kind.NUMBER
        case dt.String() | dt.UUID():
            return Kind.TEXT
        case dt.Timestamp() | dt.Date():
            return Kind.TIME
        case _:
            return Kind.OTHER


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
    return [_asked(table, chunk) for chunk in _chunks({"rows": table.count()}, asked, most)]


def _asked(table: ir.Table, aggregates: Mapping[str, ir.Scalar]) -> ir.Table:
    return table.aggregate([value.name(name) for name, value in aggregates.items()])


def _chunks(
    first: Mapping[str, ir.Scalar], parts: Sequence[Mapping[str, ir.Scalar]], most: int
) -> list[dict[str, ir.Scalar]]:
    """The parts put together to up to `most` aggregates; none is divided."""
    chunks = [dict(first)]
    for part in parts:
        if len(chunks[-1]) + len(part) > most:
            chunks.append({})
        chunks[-1] |= part
    return [chunk for chunk in chunks if chunk]


def planned(
    table: ir.Table,
    columns: Collection[str] | None = None,
    *,
    pii: Collection[str] = (),
    known: Mapping[str, Shape] | None = None,
) -> list[Plan]:
    """What is asked of each column, in table order.

    Raises:
        ReadError: there is no such column.
    """
    known = known or {}
    schema = table.schema()
    missing = [name for name in columns or () if name not in schema]
    if missing:
        raise ReadError(f"there is no column {', '.join(missing)}: there are {', '.join(schema)}")
    hidden = {name.lower() for name in pii}
    return [
        Plan(
            name=name,
            place=place,
            kind=kind_of(type_),
            type=type_,
            is_told=name.lower() not in hidden,
            known=tuple(known[name].categories) if name in known else (),
        )
        for place, (name, type_) in enumerate(schema.items())
        if columns is None or name in columns
    ]


# ---- what is asked


@ibis.udf.agg.builtin
def quantile_disc(x: float, ranks: dt.Array(dt.float64)) -> dt.Array(dt.float64): ...  # type: ignore


@ibis.udf.agg.builtin(name="histogram")
def _histogram(x: str) -> dt.Map(dt.string, dt.int64): ...  # type: ignore


def _aggregates(
    table: ir.Table, plan: Plan, *, engine: str, exact: bool, share: float
) -> Iterator[tuple[str, ir.Scalar]]:
    column: Any = table[plan.name]
    yield _named(plan, "there"), column.count()
    if plan.kind is Kind.OTHER:
        return
    yield _named(plan, "distinct"), column.nunique() if exact else column.approx_nunique()
    match plan.kind:
        case Kind.FLAG:
            yield _named(plan, "true"), column.sum()
        case Kind.TIME if plan.is_told:
            yield _named(plan, "newest"), column.max()
        case Kind.TEXT if plan.is_string:
            blank = (column == "") | (column.startswith(" ") & (column.replace(" ", "") == ""))
            yield _named(plan, "blank"), _count(blank)
            if plan.is_told:
                yield _named(plan, "min_length"), column.length().min()
                yield _named(plan, "max_length"), column.length().max()
        case Kind.NUMBER:
            yield from _of_number(column, plan, engine, share)
        case _:
            pass
    if engine == "duckdb" and plan.known and plan.is_told and plan.kind in (Kind.TEXT, Kind.NUMBER):
        yield _named(plan, "known"), _known(column, plan)


def _of_number(column: Any, plan: Plan, engine: str, share: float) -> Iterator[tuple[str, ir.Scalar]]:
    numbers = column
    yield _named(plan, "zero"), _count(column == 0)
    yield _named(plan, "negative"), _count(column < 0)
    if plan.is_float:
        numbers = (column.abs() < LARGEST).ifelse(column, ibis.null())
        yield _named(plan, "nan"), _count(column.isnan())
        yield _named(plan, "infinite"), _count(column.abs() == inf)  # `isinf` misses some in Spark
        yield _named(plan, "usable"), numbers.count()
    if plan.is_told:
        yield _named(plan, "min"), numbers.min()
        yield _named(plan, "max"), numbers.max()
        numbers = (
            numbers if plan.is_float else numbers.cast("float64")
        )  # PostgreSQL's mean of integers is a decimal
        yield _named(plan, "mean"), numbers.mean()
        yield _named(plan, "stddev"), numbers.std()
        yield from _quantiles(numbers, plan, engine, share)


def _count(condition: Any) -> ir.Scalar:
    """Without FILTER: for each one DuckDB copies what all the others need, so that fifty of them in one SELECT
    take longer than in fifty."""
    return condition.ifelse(1, ibis.null()).count()


def _quantiles(numbers: Any, plan: Plan, engine: str, share: float) -> Iterator[tuple[str, ir.Scalar]]:
    ranks = [percent / 100 for percent in PERCENTS]
    if engine == "duckdb":
        taken = numbers if share == 1 else (cast("Any", ibis.random()) < share).ifelse(numbers, ibis.null())
        yield _named(plan, "quantiles"), cast("Any", quantile_disc)(taken, ranks)
    elif engine in LISTS:
        yield _named(plan, "quantiles"), numbers.approx_quantile(ranks)
    else:
        for percent in FEW_PERCENTS:
            yield _named(plan, f"quantile{percent}"), numbers.approx_quantile(percent / 100)


def _known(column: Any, plan: Plan) -> ir.Scalar:
    """Counts of the categories that are known, and of no others: a column that has become an identifier must not
    fill the memory."""
    known: Any = plan.known
    if plan.is_integer:
        known = [int(value) for value in plan.known if value.lstrip("-").isdigit()]
    text = column.isin(list(known)).ifelse(column, ibis.null()).cast("string")
    return cast("Any", _histogram)(text)


def _named(plan: Plan, what: str) -> str:
    return f"c{plan.place}_{what}"


# ---- what is answered


def _column(plan: Plan, rows: int, found: Mapping[str, Any], *, share: float) -> ColumnProfile:
    def number(what: str) -> float | None:
        value = found.get(_named(plan, what))
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
        newest=_date(found.get(_named(plan, "newest"))),
    )


def _ranked(plan: Plan, found: Mapping[str, Any], metrics: Mapping[Metric, float]) -> list[float]:
    """From the least to the greatest at equally spaced ranks; sketches may go beyond either, or out of order."""
    inner: Any = found.get(_named(plan, "quantiles"))
    if inner is None:
        inner = [found.get(_named(plan, f"quantile{percent}")) for percent in FEW_PERCENTS]
    if Metric.MIN not in metrics or Metric.MAX not in metrics or any(value is None for value in inner):
        return []
    least, most = metrics[Metric.MIN], metrics[Metric.MAX]
    return sorted(min(max(float(value), least), most) for value in (least, *inner, most))


def _date(value: Any) -> date | None:
    return value if isinstance(value, date) else None


# ---- categories


def _has_known(plan: Plan, found: Mapping[str, Any]) -> bool:
    return found.get(_named(plan, "known")) is not None


def _known_counts(plan: Plan, found: Mapping[str, Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in found[_named(plan, "known")]}


def _needs_groups(plan: Plan, column: ColumnProfile, found: Mapping[str, Any]) -> bool:
    """Few distinct values, and not all of them counted yet."""
    distinct = column.metrics.get(Metric.DISTINCT_COUNT, 0.0)
    is_countable = plan.kind is Kind.TEXT or (plan.kind is Kind.NUMBER and not plan.is_float)
    is_short = column.metrics.get(Metric.MAX_LENGTH, 0.0) <= LONGEST_CATEGORY
    if not (plan.is_told and is_countable and is_short and 1 <= distinct <= MOST_CATEGORIES):
        return False
    there = float(found[_named(plan, "there")])
    return not _has_known(plan, found) or sum(_known_counts(plan, found).values()) < there


def _grouped(data: Data, plans: Sequence[Plan]) -> dict[str, dict[str, int]]:
    """The rows of each value of columns that are known to have few."""
    if data.backend_name == "duckdb":
        asked = [
            {_named(plan, "groups"): cast("Any", _histogram)(data.table[plan.name].cast("string"))}
            for plan in plans
        ]
        found: dict[str, Any] = {}
        for chunk in _chunks({}, asked, MOST_AGGREGATES["duckdb"]):
            found |= data.one(_asked(data.table, chunk))
        return {plan.name: dict(found[_named(plan, "groups")] or ()) for plan in plans}
    counts: dict[str, dict[str, int]] = {plan.name: {} for plan in plans}
    names = {plan.place: plan.name for plan in plans}
    for start in range(0, len(plans), MOST_GROUPED):
        for row in data.rows(groups(data.table, plans[start : start + MOST_GROUPED])):
            counts[names[row["place"]]][row["value"]] = row["rows"]
    return counts


def groups(table: ir.Table, plans: Sequence[Plan]) -> ir.Table:
    """The rows of each value of each column."""
    each = []
    for plan in plans:
        column: Any = table[plan.name]
        values = table.filter(column.notnull()).select(value=column.cast("string"))
        counted = values.group_by("value").aggregate(rows=values.count())
        each.append(counted.select(place=ibis.literal(plan.place, "int64"), value="value", rows="rows"))
    return ibis.union(*each, distinct=False) if len(each) > 1 else each[0]
