"""Rules on rows: unique keys and accepted values. What is said of rows that break them is `failing_rows`'.

References to other tables are `references`', rules in SQL `sql_rules`'.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any, Unpack

import dagster as dg

from incident_ops.core.alert import Nature
from incident_ops.detectors.factory import CheckOptions, DetectorError, Finding, build_checks
from incident_ops.detectors.failing_rows import (
    MARK,
    FailingRows,
    finding_of,
    require_columns,
    require_tolerance,
)
from incident_ops.detectors.options import besides, only
from incident_ops.detectors.reading import ReadOptions, opened
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Assets, schema_in

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from incident_ops.detectors.reading import Data

KEY_METADATA = "incident_ops/key"
"""Of a definition: the column, or the list of columns, that tell its rows apart."""
MOST_TOLD = 5
"""Values that are named in a sentence."""


class RuleOptions(CheckOptions, ReadOptions, total=False):
    """Options of checks and of reading."""


def build_uniqueness_checks(
    assets: Assets,
    *,
    columns: str | Sequence[str] | None = None,
    at_most: float = 0,
    context_columns: Sequence[str] | None = None,
    **options: Unpack[RuleOptions],
) -> list[dg.AssetChecksDefinition]:
    """One check `uniqueness` for each asset: that no two rows have the same key. Rows of which a column of the key
    is NULL are not compared, as in SQL's UNIQUE; a failing row is one that shares its key with another.

    Without `columns` the key is the declared one: the metadata `incident_ops/key`, else every column that
    `dagster/column_schema` constrains to be unique (each by itself). Where none is declared, no two rows may be
    alike in all of their columns, NULLs included: a load that ran twice.

    A key of a partitioned asset is looked at within its partition.

    Args:
        columns: the key, of one column or several.
        at_most: rows (an int), or a share of the rows (a float of 0 to 1), that may fail. Default: none.
        context_columns: what the sample of failing rows (ten) shows beside the key; by default the first columns.
            Columns tagged `pii` are masked.
        options: where the data is (`ReadOptions`, but `sample`) and those of every check (`CheckOptions`).

    Raises:
        DetectorError: an option that cannot be used, or no assets. In the check: there is no such column.
    """
    require_tolerance(at_most)
    if "sample" in options:
        raise DetectorError("a sample does not tell which keys occur twice: leave sample=… out")
    given = [columns] if isinstance(columns, str) else columns
    read = only(options, ReadOptions)

    def look(scope: Scope) -> Finding:
        with opened(scope, read) as data:
            keys = [tuple(given)] if given else _declared_keys(scope.metadata)
            for key in keys:
                require_columns(key, data.table.columns, of=scope.target.name)
            failing = repeated_rows(data, keys)
            return finding_of(scope, data, failing, at_most=at_most, context_columns=context_columns)

    return build_checks(
        assets,
        look,
        nature=Nature.FIELD_HEALTH,
        name="uniqueness",
        description="No two rows have the same key" if given is None else f"{', '.join(given)}: no value twice",
        options=besides(options, ReadOptions),
    )


def build_accepted_values_checks(
    assets: Assets,
    *,
    column: str,
    values: Sequence[Any],
    at_most: float = 0,
    context_columns: Sequence[str] | None = None,
    **options: Unpack[RuleOptions],
) -> list[dg.AssetChecksDefinition]:
    """One check `accepted_values` for each asset: that a column has no value but those given. NULL is none, and
    passes (how many there are is `build_field_health_checks`' to say); NaN is a value.

    Args:
        column: its name.
        values: the accepted ones, of the column's type.
        at_most: rows (an int), or a share of the rows (a float of 0 to 1), that may fail. Default: none.
        context_columns: what the sample of failing rows (ten) shows beside the column; by default the first
            columns of the table. Columns tagged `pii` are masked, and of such a `column` no value is named.
        options: where the data is (`ReadOptions`) and those of every check (`CheckOptions`).

    Raises:
        DetectorError: no values, an option that cannot be used, or no assets. In the check: no such column.
    """
    require_tolerance(at_most)
    if isinstance(values, str) or not values:
        raise DetectorError(f"values={values!r} accepts nothing: give the list of the accepted values")
    accepted = list(dict.fromkeys(values))
    read = only(options, ReadOptions)

    def look(scope: Scope) -> Finding:
        with opened(scope, read) as data:
            require_columns([column], data.table.columns, of=scope.target.name)
            is_told = column.casefold() not in {name.casefold() for name in scope.pii}
            failing = _not_accepted(data, column, accepted, is_told=is_told)
            return finding_of(scope, data, failing, at_most=at_most, context_columns=context_columns)

    return build_checks(
        assets,
        look,
        nature=Nature.FIELD_HEALTH,
        name="accepted_values",
        description=f"{column} has one of the {len(accepted)} accepted values",
        options=besides(options, ReadOptions),
    )


def _declared_keys(metadata: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Of the definition or the build; none for the whole row."""
    declared = metadata.get(KEY_METADATA)
    declared = declared.value if isinstance(declared, dg.MetadataValue) else declared
    if declared:
        return [(declared,) if isinstance(declared, str) else tuple(declared)]
    schema = schema_in(metadata)
    return [(c.name,) for c in schema.columns if c.constraints.unique] if schema else []


def repeated_rows(data: "Data", keys: Sequence[Sequence[str]]) -> FailingRows:
    """The rows that share one of the keys with another row; without keys those that have a twin."""
    import ibis

    table = data.table
    repeated = [_is_shared(table, key) for key in keys] or [_is_shared(table, table.columns, with_nulls=True)]
    marked = table.mutate(reduce(or_, repeated).name(MARK))
    columns = list(dict.fromkeys(name for key in keys for name in key))
    rows = marked.filter(ibis._[MARK]).drop(MARK).order_by(columns or table.columns)
    named = " or ".join(", ".join(key) for key in keys)
    what = f"share their {named} with another row" if keys else "are alike in all columns to another row"
    return FailingRows(rows=rows, what=what, columns=columns, marked=marked)


def _is_shared(table: "ir.Table", key: Sequence[str], *, with_nulls: bool = False) -> Any:
    rows: Any = table.count().over(group_by=list(key))
    return reduce(and_, [] if with_nulls else [table[name].notnull() for name in key], rows > 1)


def _not_accepted(data: "Data", column: str, accepted: Sequence[Any], *, is_told: bool) -> FailingRows:
    table = data.table
    fails = table[column].notnull() & table[column].notin(accepted)
    marked = table.mutate(**{MARK: fails})
    rows = table.filter(fails)
    what = f"have a {column} that is none of the {len(accepted)} accepted values"
    found = rows.group_by(column).aggregate(rows=rows.count())
    found = data.rows(found.order_by(found["rows"].desc(), found[column]).limit(MOST_TOLD)) if is_told else []
    if found:
        what += ", such as " + ", ".join(f"{_short(row[column])} ({row['rows']:,})" for row in found)
    return FailingRows(rows=rows, what=what, columns=[column], bad=[column], marked=marked)


def _short(value: Any) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else f"{text[:39]}…") if isinstance(value, str) else text
