"""Categories: the rows of each value of the columns that have few."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from incident_ops.core.profile import MOST_CATEGORIES, ColumnProfile, Kind, Metric
from incident_ops.detectors.profile.plan import MOST_AGGREGATES, Plan, chunks, named, select_of
from incident_ops.detectors.reading import Data

MOST_GROUPED = 50
"""Columns in one grouped query."""
LONGEST_CATEGORY = 100
"""Characters; longer ones are free text, which nobody wants in a sentence or in the event log."""


# The body stays empty: DuckDB has the function, Ibis takes its name and types from here.
@ibis.udf.agg.builtin
def histogram(x: str) -> dt.Map(dt.string, dt.int64): ...  # type: ignore


def known_of(column: Any, plan: Plan) -> ir.Scalar:
    """Counts of the categories that are known, and of no others: a column that has become an identifier must not
    fill the memory."""
    known: Any = plan.known
    if plan.is_integer:
        known = [int(value) for value in plan.known if value.lstrip("-").isdigit()]
    text = column.isin(list(known)).ifelse(column, ibis.null()).cast("string")
    return cast("Any", histogram)(text)


def has_known(plan: Plan, found: Mapping[str, Any]) -> bool:
    return found.get(named(plan, "known")) is not None


def known_counts(plan: Plan, found: Mapping[str, Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in found[named(plan, "known")]}


def needs_groups(plan: Plan, column: ColumnProfile, found: Mapping[str, Any]) -> bool:
    """Few distinct values, and not all of them counted yet."""
    distinct = column.metrics.get(Metric.DISTINCT_COUNT, 0.0)
    is_countable = plan.kind is Kind.TEXT or (plan.kind is Kind.NUMBER and not plan.is_float)
    is_short = column.metrics.get(Metric.MAX_LENGTH, 0.0) <= LONGEST_CATEGORY
    if not (plan.is_told and is_countable and is_short and 1 <= distinct <= MOST_CATEGORIES):
        return False
    there = float(found[named(plan, "there")])
    return not has_known(plan, found) or sum(known_counts(plan, found).values()) < there


def grouped(data: Data, plans: Sequence[Plan]) -> dict[str, dict[str, int]]:
    """The rows of each value of columns that are known to have few."""
    if data.backend_name == "duckdb":
        asked = [
            {named(plan, "groups"): cast("Any", histogram)(data.table[plan.name].cast("string"))} for plan in plans
        ]
        found: dict[str, Any] = {}
        for chunk in chunks({}, asked, MOST_AGGREGATES["duckdb"]):
            found |= data.one(select_of(data.table, chunk))
        return {plan.name: dict(found[named(plan, "groups")] or ()) for plan in plans}
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
