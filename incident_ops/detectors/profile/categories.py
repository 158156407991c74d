"""Categories: the rows of each value of the columns that have few."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from incident_ops.core.profile import MOST_CATEGORIES, ColumnProfile, Kind, Metric
from incident_ops.detectors.profile.plan import Plan, named, rows_where
from incident_ops.detectors.reading import Data

MOST_GROUPED = 50
"""Columns in one grouped query."""
ARRAYS = {"duckdb", "postgres"}
"""Engines that take a row apart, and scan the table once. The others keep columns apart, and read each once."""
LONGEST_CATEGORY = 100
"""Characters; longer ones are free text, which nobody wants in a sentence or in the event log."""


# The body stays empty: DuckDB has the function, Ibis takes its name and types from here.
@ibis.udf.agg.builtin
def histogram(x: str) -> dt.Map(dt.string, dt.int64): ...  # type: ignore


def known_counts(column: Any, plan: Plan, engine: str) -> Iterator[tuple[str, ir.Scalar]]:
    """The rows of each known category, and the least and the greatest of all other values: where the two are the
    same, it is the only new one, and needs no other query. No others are counted by value: a column that has
    become an identifier must not fill the memory."""
    known = _known(plan)
    if not known:
        return
    values = column if plan.is_string or plan.is_integer else column.cast("string")
    is_known = values.isin(known)
    if engine == "duckdb":
        yield named(plan, "known"), cast("Any", histogram)(is_known.ifelse(values, ibis.null()).cast("string"))
    else:
        for place, value in enumerate(known):
            yield named(plan, f"known{place}"), rows_where(values == value)
    others = is_known.ifelse(ibis.null(), values)
    yield named(plan, "least"), others.min().cast("string")
    yield named(plan, "greatest"), others.max().cast("string")


def with_categories(plan: Plan, column: ColumnProfile, found: Mapping[str, Any]) -> ColumnProfile | None:
    """The column with its categories; None where it has few and only another query can tell them."""
    counts = _counts(plan, found)
    others = int(found[named(plan, "there")]) - sum(counts.values())
    if not others or not _has_few(plan, column):
        return replace(column, categories=counts, others=others) if counts or _known(plan) else column
    least = found.get(named(plan, "least"))
    if least is not None and least == found[named(plan, "greatest")]:
        return replace(column, categories={**counts, str(least): others})
    return None


def _known(plan: Plan) -> Sequence[str | int]:
    if not plan.is_told or not _is_countable(plan):
        return ()
    if plan.is_integer:  # and was a text before, or more than an integer holds
        return tuple(dict.fromkeys(int(value) for value in plan.known if re.fullmatch(r"-?[0-9]{1,18}", value)))
    return plan.known


def _counts(plan: Plan, found: Mapping[str, Any]) -> dict[str, int]:
    """Of the known ones those that are there."""
    if named(plan, "known") in found:
        return {str(name): int(rows) for name, rows in found[named(plan, "known")] or ()}
    counts = {str(value): int(found.get(named(plan, f"known{n}")) or 0) for n, value in enumerate(_known(plan))}
    return {name: rows for name, rows in counts.items() if rows}


def _is_countable(plan: Plan) -> bool:
    return plan.kind is Kind.TEXT or (plan.kind is Kind.NUMBER and not plan.is_float)


def _has_few(plan: Plan, column: ColumnProfile) -> bool:
    distinct = column.metrics.get(Metric.DISTINCT_COUNT, 0.0)
    is_short = column.metrics.get(Metric.MAX_LENGTH, 0.0) <= LONGEST_CATEGORY
    return plan.is_told and _is_countable(plan) and is_short and 1 <= distinct <= MOST_CATEGORIES


def grouped(data: Data, plans: Sequence[Plan]) -> dict[str, dict[str, int]]:
    """The rows of each value of columns that are known to have few."""
    counts: dict[str, dict[str, int]] = {plan.name: {} for plan in plans}
    names = {str(plan.place): plan.name for plan in plans}
    for start in range(0, len(plans), MOST_GROUPED):
        for row in data.rows(groups(data.table, plans[start : start + MOST_GROUPED], engine=data.backend_name)):
            place, _, value = row["value"].partition(":")
            counts[names[place]][value] = row["rows"]
    return counts


def groups(table: ir.Table, plans: Sequence[Plan], *, engine: str) -> ir.Table:
    """The rows of each value of each column, as `place:value`."""
    values = [cast("Any", ibis.literal(f"{plan.place}:")) + table[plan.name].cast("string") for plan in plans]
    if engine in ARRAYS:
        every = table.select(value=ibis.array(values).unnest())
    else:
        each = [table.select(value=value) for value in values]
        every = ibis.union(*each, distinct=False) if len(each) > 1 else each[0]
    every = every.filter(every["value"].notnull())
    return every.group_by("value").aggregate(rows=every.count())
