"""What is asked of each column, and how many aggregates one SELECT takes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from incident_ops.core.profile import Kind, Shape
from incident_ops.detectors.reading import ReadError

MOST_AGGREGATES = {"duckdb": 1000, "postgres": 1600}
"""PostgreSQL returns 1,664 columns at most; DuckDB plans several thousand more slowly than it scans twice. No
column is in two SELECTs, so none is read twice where columns are stored apart."""
USUAL_AGGREGATES = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is asked of one column.

    Attributes:
        place: its place in the query: names of columns may hold anything.
        is_told: whether its values may be told.
        known: categories to count in the same scan.
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
    known: Mapping[str, Shape] | None = None,
) -> list[Plan]:
    """What is asked of each column, in table order.

    Raises:
        ReadError: there is no such column.
    """
    known = known or {}
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
            known=tuple(known[name].categories) if name in known else (),
        )
        for place, (name, type_) in enumerate(schema.items())
        if columns is None or name in columns
    ]


def named(plan: Plan, what: str) -> str:
    return f"c{plan.place}_{what}"


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
