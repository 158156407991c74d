"""Which rows are looked at: those of the partition, those that `where` asks for, a sample of them."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import dagster as dg
import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from incident_ops.detectors.reading.data import Data, sql_of
from incident_ops.detectors.reading.naming import named_table
from incident_ops.detectors.reading.options import ReadError, ReadOptions
from incident_ops.detectors.reading.sources import Place
from incident_ops.detectors.scope import Scope

PARTITION_METADATA = "partition_expr"
ROWS = "incident_ops_rows"
"""What the rows are called in SQL that is put around them."""


def restricted(place: Place, scope: Scope, options: ReadOptions) -> ir.Table:
    """The asset's rows in the partition, where `where` holds.

    Raises:
        ReadError: there is no such table, or no way to tell the partition's rows.
    """
    if place.table is not None and "table" in options:
        raise ReadError("table=… names a table of a place, and the source is a table by itself: leave it out")
    table = place.table if place.table is not None else named_table(place.backend, scope, options)
    if scope.target.partitions_def is not None and not place.of_partition:
        table = _in_partition(place.backend, table, scope, options)
    where = options.get("where")
    if where is None:
        return table
    return _where(place.backend, table, where) if isinstance(where, str) else table.filter(where(table))


def sampled(data: Data, rows: int) -> Data:
    """About `rows` of the rows, at random: exactly so many in DuckDB; elsewhere each row with the same chance,
    which costs a count first. All of them where there are no more."""
    if data.backend_name == "duckdb":
        table = _around(data.backend, data.table, f"USING SAMPLE reservoir({rows} ROWS)")
        return replace(data, table=table, sample=rows)
    count = data.one(data.table.aggregate(rows=data.table.count()))["rows"]
    return data if count <= rows else replace(data, table=data.table.sample(rows / count), sample=rows)


def _around(backend: Any, table: ir.Table, clause: str) -> ir.Table:
    """SQL around the rows; the columns stay. With the schema given, since to ask for it some engines make a view,
    which a read-only session may not."""
    sql = f"SELECT * FROM ({sql_of(backend, table)}) AS {ROWS} {clause}"
    return backend.sql(sql, schema=table.schema())


def _where(backend: BaseBackend, table: ir.Table, condition: str) -> ir.Table:
    return _around(backend, table, f"WHERE {condition}")


# ---- partitions


def _in_partition(backend: BaseBackend, table: ir.Table, scope: Scope, options: ReadOptions) -> ir.Table:
    expressions = options.get("partition_column", scope.metadata.get(PARTITION_METADATA, ""))
    if isinstance(expressions, dg.MetadataValue):
        expressions = expressions.value
    if expressions is None:
        return table
    for definition, key, expression in _dimensions(scope, expressions):
        column = next((name for name in table.columns if name.lower() == expression.lower()), None)
        if column is not None:
            table = table.filter(_holds(table[column], definition, key, scope))
        elif re.fullmatch(r"\w+", expression):
            raise ReadError(
                f"there is no column {expression} in {scope.target.name}: name it in partition_column=…"
            )
        else:
            table = _where(backend, table, _condition(expression, definition, key))
    return table


def _dimensions(scope: Scope, expressions: Any) -> list[tuple[dg.PartitionsDefinition[Any], str, str]]:
    """Each dimension with its key and its column."""
    definition, key = scope.target.partitions_def, scope.partition
    remedy = f"the column of the partitions of {scope.target.name} is not known: name it in partition_column=…"
    if definition is None or key is None or not expressions:
        raise ReadError(remedy)
    if not isinstance(definition, dg.MultiPartitionsDefinition):
        if not isinstance(expressions, str):
            raise ReadError(f"{remedy} as one name")
        return [(definition, key, expressions)]
    if not isinstance(expressions, Mapping) or expressions.keys() != set(definition.partition_dimension_names):
        raise ReadError(f"{remedy} as a mapping from {', '.join(definition.partition_dimension_names)} to columns")
    keys = definition.get_partition_key_from_str(key).keys_by_dimension
    return [(d.partitions_def, keys[d.name], expressions[d.name]) for d in definition.partitions_defs]


def _holds(column: Any, definition: dg.PartitionsDefinition[Any], key: str, scope: Scope) -> ir.BooleanValue:
    kind: dt.DataType = column.type()
    if isinstance(definition, dg.TimeWindowPartitionsDefinition):
        if isinstance(kind, dt.Timestamp | dt.Date):
            start, end = definition.time_window_for_partition_key(key)
            if isinstance(kind, dt.Date) and start.date() == end.date():
                raise ReadError(
                    f"column {column.get_name()} tells days, and partition {key} of {scope.target.name} is a part "
                    "of one: name a column that tells hours in partition_column=…"
                )
            start, end = _moment(start, kind), _moment(end, kind)
            return (column >= start) & (column < end)
        if isinstance(kind, dt.Integer):  # 20260105
            key = re.sub(r"\D", "", key)
    try:
        return column == ibis.literal(_typed(key, kind), type=kind)
    except (TypeError, ValueError) as error:
        raise ReadError(
            f"partition {key} of {scope.target.name} cannot be compared with the column {column.get_name()} of "
            f"type {kind}: name another in partition_column=…"
        ) from error


def _moment(time: datetime, kind: dt.DataType) -> Any:
    """As the column tells time: an instant, or what clocks and calendars show in the partitions' time zone."""
    if isinstance(kind, dt.Date):
        return ibis.literal(time.date())
    zoned = isinstance(kind, dt.Timestamp) and kind.timezone is not None
    return ibis.literal(time if zoned else time.replace(tzinfo=None), type=kind)


def _typed(key: str, kind: dt.DataType) -> Any:
    if isinstance(kind, dt.Integer):
        return int(key)
    if isinstance(kind, dt.Floating):
        return float(key)
    return date.fromisoformat(key) if isinstance(kind, dt.Date) else key


def _condition(expression: str, definition: dg.PartitionsDefinition[Any], key: str) -> str:
    """In SQL, as Dagster's own IO managers for databases restrict rows by the same metadata."""
    if not isinstance(definition, dg.TimeWindowPartitionsDefinition):
        return f"({expression}) = {_literal(key)}"
    window = definition.time_window_for_partition_key(key)
    start, end = (_literal(time.strftime("%Y-%m-%d %H:%M:%S")) for time in window)
    return f"({expression}) >= {start} AND ({expression}) < {end}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
