"""Referential integrity: values of a column that a column of another asset must have."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import dagster as dg

from incident_ops.core.alert import Nature
from incident_ops.detectors.beside import opened_beside
from incident_ops.detectors.factory import DetectorError, Finding, build_checks
from incident_ops.detectors.failing_rows import (
    MARK,
    FailingRows,
    finding_of,
    require_columns,
    require_tolerance,
)
from incident_ops.detectors.options import besides, only
from incident_ops.detectors.reading import ReadOptions, opened
from incident_ops.detectors.rules import RuleOptions
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Asset, Assets, Target, targets_of

if TYPE_CHECKING:
    from incident_ops.detectors.reading import Data

_MARKING = ("duckdb", "postgres")
"""Engines that look up a value in a subquery for each row; others do it in a filter only."""
MOST_LOOKED_UP = 1000
"""Values by which failing rows are looked up, where the values they refer to are in another engine."""


def build_referential_integrity_checks(
    assets: Assets,
    *,
    column: str,
    references: tuple[Asset, str],
    references_read: ReadOptions | None = None,
    at_most: float = 0,
    context_columns: Sequence[str] | None = None,
    **options: Unpack[RuleOptions],
) -> list[dg.AssetChecksDefinition]:
    """One check `referential_integrity` for each asset: that every value of a column occurs in a column of another
    asset, of which all partitions count. NULL refers to nothing, and passes. The check runs after both are built.

    In one engine it is one query there. Between two engines the distinct values of both columns are fetched and
    compared here, which takes memory for them.

    Args:
        column: its name.
        references: the other asset and its column.
        references_read: where the other asset's data is; by default where this one's is, under its own name.
        at_most: rows (an int), or a share of the rows (a float of 0 to 1), that may fail. Default: none.
        context_columns: what the sample of failing rows (ten) shows beside the column; by default the first
            columns of the table. Columns tagged `pii` are masked.
        options: where the data is (`ReadOptions`) and those of every check (`CheckOptions`).

    Raises:
        DetectorError: an option that cannot be used, or no assets. In the check: there is no such column.
    """
    require_tolerance(at_most)
    if isinstance(references, str) or len(references) != 2:
        raise DetectorError('references are an asset and its column, such as ("customers", "id")')
    (other,) = targets_of([references[0]])
    read = only(options, ReadOptions)

    def look(scope: Scope) -> Finding:
        there = scope.beside(other)
        with (
            opened(scope, read) as data,
            opened_beside(data, there, read, {"partition_column": None, **(references_read or {})}) as referred,
        ):
            require_columns([column], data.table.columns, of=scope.target.name)
            require_columns([references[1]], referred.table.columns, of=other.name)
            failing = dangling_rows(data, referred, column, references[1], other)
            return finding_of(scope, data, failing, at_most=at_most, context_columns=context_columns)

    return build_checks(
        assets,
        look,
        nature=Nature.FIELD_HEALTH,
        name="referential_integrity",
        description=f"Every {column} is a {references[1]} of {other.name}",
        options=besides(options, ReadOptions),
        additional_deps=[other.key],
    )


def dangling_rows(data: "Data", referred: "Data", column: str, other: str, target: Target) -> FailingRows:
    """The rows whose `column` has a value that column `other` of the data referred to has not."""
    table, values = data.table, referred.table[other]
    count = None
    if referred.backend is data.backend:
        known = referred.table.filter(values.notnull()).select(other).distinct()[other]
        fails = table[column].notnull() & table[column].notin(known)
    else:
        missing = _missing(data, referred, column, other)
        count = sum(missing.values())
        fails = table[column].isin(list(missing)[:MOST_LOOKED_UP])
    return FailingRows(
        rows=table.filter(fails),
        what=f"have a {column} that is not in {target.name}",
        columns=[column],
        bad=[column],
        marked=table.mutate(**{MARK: fails}) if count is None and data.backend_name in _MARKING else None,
        count=count,
    )


def _missing(data: "Data", referred: "Data", column: str, other: str) -> dict[Any, int]:
    """The values that only the first has, with their rows."""
    known = {row[other] for row in referred.rows(referred.table.select(other).distinct())}
    own = data.table.filter(data.table[column].notnull())
    counted = data.rows(own.group_by(column).aggregate(rows=own.count()))
    return {row[column]: row["rows"] for row in counted if row[column] not in known}
