"""Rules on rows: unique keys and accepted values. What is said of rows that break them is `failing_rows`'.

Which values are accepted is `accepted_values`' and `learnt_values`' to say. References to other tables are
`references`', rules in SQL `sql_rules`'.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any, Unpack

import dagster as dg

from incident_ops.core.alert import Nature
from incident_ops.detectors.accepted_values import declared_values, held_against, without_null
from incident_ops.detectors.attributing import AttributionOptions
from incident_ops.detectors.factory import CheckOptions, DetectorError, Finding, build_checks
from incident_ops.detectors.failing_rows import (
    MARK,
    FailingRows,
    finding_of,
    require_columns,
    require_tolerance,
)
from incident_ops.detectors.history import EventLog, Remembers
from incident_ops.detectors.learnt_values import held_against_the_past
from incident_ops.detectors.options import besides, only, with_usable_options
from incident_ops.detectors.reading import ReadOptions, opened
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Assets, schema_in

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from incident_ops.detectors.reading import Data

KEY_METADATA = "incident_ops/key"
"""Of a definition: the column, or the list of columns, that tell its rows apart."""


class RuleOptions(CheckOptions, ReadOptions, AttributionOptions, total=False):
    """Options of checks, of reading and of attribution."""


@with_usable_options
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
        options: where the data is (`ReadOptions`, but `sample`), `dimensions` (`AttributionOptions`), and those of
            every check (`CheckOptions`).

    Raises:
        DetectorError: an option that cannot be used, or no assets. In the check: there is no such column.
    """
    require_tolerance(at_most)
    if "sample" in options:
        raise DetectorError("a sample does not tell which keys occur twice: leave sample=… out")
    if columns is not None and not columns:
        raise DetectorError("columns=[] is no key: name its columns, or leave columns=… out")
    given = [columns] if isinstance(columns, str) else columns
    read, dimensions = only(options, ReadOptions), options.get("dimensions")

    def look(scope: Scope) -> Finding:
        with opened(scope, read) as data:
            keys = [tuple(given)] if given else _declared_keys(scope.metadata)
            for key in keys:
                require_columns(key, data.table.columns, of=scope.target.name)
            failing = repeated_rows(data, keys)
            return finding_of(
                scope, data, failing, at_most=at_most, context_columns=context_columns, dimensions=dimensions
            )

    return build_checks(
        assets,
        look,
        nature=Nature.FIELD_HEALTH,
        name="uniqueness",
        description="No two rows have the same key" if given is None else f"{', '.join(given)}: no value twice",
        options=besides(options, ReadOptions, AttributionOptions),
    )


@with_usable_options
def build_accepted_values_checks(
    assets: Assets,
    *,
    column: str | None = None,
    values: Sequence[Any] | None = None,
    at_most: float = 0,
    context_columns: Sequence[str] | None = None,
    history: Remembers = EventLog,
    **options: Unpack[RuleOptions],
) -> list[dg.AssetChecksDefinition]:
    """One check `accepted_values` for each asset: that columns have no values but the accepted ones. NULL is none,
    and passes (how many there are is `build_field_health_checks`' to say); NaN is a value.

    Without `values` they are those that the metadata `incident_ops/accepted_values` declares (a mapping from
    column to list), of the definition or the build. Where it declares none they are *learnt*: a value seen so far
    is accepted. Learnt are the columns of text that have at most 50 values, of ten rows each on average and of at
    most 100 characters; never those tagged `pii`. A column is judged once it had no new value in 7 builds in a
    row; until then the check says "learning, n of 7 builds" and passes. A column whose every build brings a new
    value, such as a date, is so never judged.

    From then on a new value fails, and fails again as long as it is there, until the incident is resolved as
    `expected` (or `false_positive`): then the values of those evaluations are accepted. Partitions share what is
    learnt.

    Args:
        column: the only one to look at; by default all that are declared, else all that can be learnt. Alone: its
            declared values, else those it had, whatever its type and however few its rows.
        values: the accepted ones of `column`, of its type.
        at_most: rows (an int), or a share of the rows (a float of 0 to 1), that may fail, of each column. Default:
            none.
        context_columns: what the sample of failing rows (ten) shows beside the column; by default the first
            columns of the table. Columns tagged `pii` are masked, and of such a `column` no value is named.
        history: where people's answers are remembered; by default in Dagster's event log.
        options: where the data is (`ReadOptions`), `dimensions` (`AttributionOptions`), and those of every check
            (`CheckOptions`).

    Raises:
        DetectorError: values without a column, no values, an option that cannot be used, or no assets. In the
            check: no such column; one to be learnt that has too many values or is tagged `pii`.
    """
    require_tolerance(at_most)
    if values is not None and (isinstance(values, str) or not without_null(values)):
        raise DetectorError(f"values={values!r} accepts nothing: give the list of the accepted values")
    if values is not None and column is None:
        raise DetectorError("values=[…] are of no column: name it with column=…, or leave both out")
    given = {column: without_null(values)} if column is not None and values is not None else None
    read, dimensions = only(options, ReadOptions), options.get("dimensions")

    def look(scope: Scope) -> Finding:
        declared = given or {
            name: each for name, each in declared_values(scope.metadata).items() if column in (None, name)
        }
        with opened(scope, read) as data:

            def found(failing: FailingRows) -> Finding:
                return finding_of(
                    scope, data, failing, at_most=at_most, context_columns=context_columns, dimensions=dimensions
                )

            if declared:
                return held_against(scope, data, declared, found)
            return held_against_the_past(scope, data, found, history, column=column)

    which = column or "Each column"
    return build_checks(
        assets,
        look,
        nature=Nature.FIELD_HEALTH,
        name="accepted_values",
        description=f"{column} has one of the {len(given[column])} accepted values"
        if given and column
        else f"{which} has only accepted values: those declared, else those it had so far",
        options=besides(options, ReadOptions, AttributionOptions),
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


def _comparable(column: Any) -> Any:
    """PostgreSQL has no equality of JSON, points and the like: as text they are alike or not."""
    kind = column.type()
    return column.cast("string") if kind.is_json() or kind.is_unknown() or kind.is_geospatial() else column


def _is_shared(table: "ir.Table", key: Sequence[str], *, with_nulls: bool = False) -> Any:
    rows: Any = table.count().over(group_by=[_comparable(table[name]) for name in key])
    return reduce(and_, [] if with_nulls else [table[name].notnull() for name in key], rows > 1)
