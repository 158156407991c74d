"""What is asked of each column, and how many aggregates one SELECT takes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from incident_ops.core.profile import Kind, Remembered
from incident_ops.detectors.reading import ReadError

MOST_AGGREGATES = {"duckdb": 1000, "postgres": 1600}
"""PostgreSQL returns 1,664 columns at most: a table of more than about 150 numbers costs it a scan more. DuckDB's
quantiles take memory for each column of a SELECT. No column is in two SELECTs, so none is read twice where columns
are stored apart."""
MOST_EXACT = 250
"""The time in which DuckDB plans exact distinct counts grows with the square of their number."""
USUAL_AGGREGATES = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked of one column.

    Attributes:
        place: its place in the query: names of columns may hold anything.
        is_told: whether its values may be told.
        known: categories to count in the same scan, those of earlier profiles.
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


def planned(
    table: ir.Table,
    columns: Collection[str] | None = None,
    *,
    pii: Collection[str] = (),
    before: Sequence[Remembered] = (),
) -> list[Plan]:
    """What is asked of each column, in table order.

    Args:
        before: earlier profiles, whose categories are counted in the same scan.

    Raises:
        ReadError: there is no such column.
    """
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
            known=_categories_of(name, before),
        )
        for place, (name, type_) in enumerate(schema.items())
        if columns is None or name in columns
    ]


def _categories_of(column: str, before: Sequence[Remembered]) -> Sequence[str]:
    shapes = [profile.shapes[column] for profile in before if column in profile.shapes]
    return tuple(dict.fromkeys(category for shape in shapes for category in shape.categories))


def most_aggregates(engine: str, *, exact: bool) -> int:
    """Of one SELECT, where distinct values are counted exactly or not."""
    if exact and engine == "duckdb":
        return MOST_EXACT
    return MOST_AGGREGATES.get(engine, USUAL_AGGREGATES)


def named(plan: Plan, what: str) -> str:
    return f"c{plan.place}_{what}"


def rows_where(condition: Any) -> ir.Scalar:
    """Without FILTER: for each one DuckDB copies what all the others need, so that fifty of them in one SELECT
    take longer than in fifty."""
    return condition.ifelse(1, ibis.null()).count()


def select_of(table: ir.Table, aggregates: Mapping[str, ir.Scalar]) -> ir.Table:
    return table.aggregate([value.name(name) for name, value in aggregates.items()])


def chunks(
    first: Mapping[str, ir.Scalar], parts: Sequence[Mapping[str, ir.Scalar]], most: int
) -> list[dict[str, ir.Scalar]]:
    """The parts put together to up to `most` aggregates; none is divided."""
    chunks = [dict(first)]
    for part in parts:
        if len(chunks[-1]) + len(part) > most:
            chunks.append({})
        chunks[-1] |= part
    return [chunk for chunk in chunks if chunk]
