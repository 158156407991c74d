"""One look at a table: the scan, and the categories that it did not count."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from incident_ops.core.profile import Shape, TableProfile
from incident_ops.detectors.profile.categories import grouped, has_known, known_counts, needs_groups
from incident_ops.detectors.profile.plan import planned
from incident_ops.detectors.profile.scan import column_of, expressions, share_of
from incident_ops.detectors.reading import Data

EXACT_ROWS = 100_000
"""Up to so many rows distinct values are worth counting one by one."""


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
    read = {plan.name: column_of(plan, rows, found, share=sampled) for plan in plans}
    ungrouped = [plan for plan in plans if needs_groups(plan, read[plan.name], found)]
    categories = {plan.name: known_counts(plan, found) for plan in plans if has_known(plan, found)}
    categories |= grouped(data, ungrouped)
    told = {
        name: replace(column, categories=categories[name]) if name in categories else column
        for name, column in read.items()
    }
    return TableProfile(rows=rows, columns=told, note=data.note)
