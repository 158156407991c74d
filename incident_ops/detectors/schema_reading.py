"""The columns of data that is read, as a schema check compares them: types as far as the values tell them.

The columns that a build reports are declared, and are `schema_memory`'s to read.
"""

from typing import TYPE_CHECKING, Any

from incident_ops.core.column_types import WHOLE_FLOATS
from incident_ops.core.provenance import Column

if TYPE_CHECKING:
    from incident_ops.detectors.reading.data import Data

ANY_TYPE = "unknown"


def columns_in(data: "Data") -> tuple[Column, ...]:
    """Names and types, in table order. The type is `ANY_TYPE` of a column that has none, of all columns where
    there are no rows, and of floating-point numbers in pandas that are all null; it is `WHOLE_FLOATS` of those of
    which some are null and the others whole.

    Raises:
        ReadTimeout: the engine did not answer in time.
    """
    kinds = dict(data.table.schema().fields)
    first = data.table.limit(1)
    if not data.one(first.aggregate(rows=first.count()))["rows"]:
        return tuple(Column(name=name, type=ANY_TYPE) for name in kinds)
    told = _of_pandas(data) if data.is_pandas else {}
    return tuple(Column(name=name, type=told.get(name) or _name_of(kind)) for name, kind in kinds.items())


def _name_of(kind: Any) -> str:
    """Ibis names a type that it does not know, such as that of nothing but nulls, by its parser's own object."""
    if kind.is_null():
        return ANY_TYPE
    named_by_parser = kind.is_unknown() and hasattr(kind.raw_type, "sql")
    return kind.raw_type.sql().strip('"') if named_by_parser else str(kind)


def _of_pandas(data: "Data") -> dict[str, str]:
    """The types of floating-point columns that may be something else, for the nulls' sake."""
    table = data.table
    floats = [name for name, kind in table.schema().fields.items() if kind.is_float64()]
    if not floats:
        return {}
    asked: list[Any] = [table.count().name("rows")]
    for place, name in enumerate(floats):
        column: Any = table[name]
        asked.append(column.count().name(f"there{place}"))
        asked.append((column % 1 != 0).ifelse(1, None).count().name(f"parts{place}"))
    found = data.one(table.aggregate(asked))
    told: dict[str, str] = {}
    for place, name in enumerate(floats):
        there = found[f"there{place}"]
        if not there:
            told[name] = ANY_TYPE
        elif there < found["rows"] and not found[f"parts{place}"]:
            told[name] = WHOLE_FLOATS
    return told
