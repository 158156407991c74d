"""One look at a table: the scan, and the categories that it did not count."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from incident_ops.core.profile import Remembered, TableProfile
from incident_ops.detectors.profile.categories import grouped, with_categories
from incident_ops.detectors.profile.plan import planned
from incident_ops.detectors.profile.scan import column_of, expressions
from incident_ops.detectors.reading import Data

EXACT_ROWS = 100_000
"""Up to so many rows distinct values are worth counting one by one."""


def profile_of(
    data: Data,
    *,
    columns: Collection[str] | None = None,
    pii: Collection[str] = (),
    before: Sequence[Remembered] = (),
    exact: bool | None = None,
) -> TableProfile:
    """Look at all rows of `data` once.

    Args:
        columns: to look at; by default all.
        pii: columns of which only rates and counts are told, whatever their case.
        before: earlier profiles, newest first: they save the count and the grouped query.
        exact: whether distinct values are counted exactly; by default where the last profile had up to
            `EXACT_ROWS` rows. PostgreSQL knows no other way.

    Raises:
        ReadError: there is no such column.
    """
    engine = data.backend_name
    if exact is None:
        exact = engine == "postgres" or _rows(data, before) <= EXACT_ROWS
    plans = planned(data.table, columns, pii=pii, before=before)
    found: dict[str, Any] = {}
    for expression in expressions(data.table, plans, engine=engine, exact=exact):
        found |= data.one(expression)
    rows = int(found["rows"])
    read = {plan.name: column_of(plan, rows, found, engine=engine) for plan in plans}
    told = {plan.name: with_categories(plan, read[plan.name], found) for plan in plans}
    counts = grouped(data, [plan for plan in plans if told[plan.name] is None])
    return TableProfile(
        rows=rows,
        columns={name: column or replace(read[name], categories=counts[name]) for name, column in told.items()},
        note=data.note,
    )


def _rows(data: Data, before: Sequence[Remembered]) -> int:
    if before:
        return before[0].rows
    return int(data.one(data.table.aggregate(rows=data.table.count()))["rows"])
