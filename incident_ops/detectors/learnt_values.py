"""Accepted values that nobody declared: those that a column had so far.

What is remembered of them is `accepted_memory`'s, what is found against them `accepted_values`'.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import dagster as dg

from incident_ops.detectors.accepted_memory import (
    ACCEPTED_METADATA,
    BUILDS,
    Known,
    Look,
    document_of,
    last_look,
)
from incident_ops.detectors.accepted_values import Found, judged
from incident_ops.detectors.factory import DetectorError, Finding
from incident_ops.detectors.failing_rows import require_columns
from incident_ops.detectors.history import Remembers
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.together import listed

if TYPE_CHECKING:
    from incident_ops.detectors.reading import Data

MOST_VALUES = 50
"""Values of a column that is learnt: one with more is no set of names."""
ROWS_PER_VALUE = 10
"""Rows, at least, that a value of a column to be learnt has on average."""
LONGEST_VALUE = 100
"""Characters of a value that is remembered."""
MOST_COLUMNS = 50
"""Columns that are learnt of one table: with the two above it bounds the memory."""


def held_against_the_past(
    scope: Scope, data: "Data", found: Found, history: Remembers, *, column: str | None
) -> Finding:
    """The values seen so far are the accepted ones. A failure teaches nothing, until people accept it.

    Args:
        column: the only one to learn; None for every column of text with few values.

    Raises:
        DetectorError: the column is not there, has too many values, or is one of personal data.
    """
    names = _columns(scope, data, column)
    data = _as_text(data, names)
    before = last_look(scope, history)
    remembered = before.known if before else {}
    learnt = {name: remembered[name] for name in names if name in remembered and remembered[name].is_learnt}
    build = scope.built.storage_id if scope.built else None
    is_same = before is not None and build is not None and before.build == build
    rest = [name for name in names if name not in learnt]
    learning = _learning(data, rest, remembered, is_same=is_same, is_asked=column is not None)
    finding, new = judged(scope, data, {name: known.values for name, known in learnt.items()}, found)
    gone = {name: known for name, known in remembered.items() if name not in data.table.columns}
    known = {**learnt, **learning, **_without(gone, scope)}
    look = Look(at=scope.now, build=build, known=dict(list(known.items())[:MOST_COLUMNS]), new=_kept(new))
    return replace(
        finding,
        summary="; ".join(filter(None, [finding.summary if learnt else "", _still(learning)])) or _NOTHING,
        metadata={**finding.metadata, ACCEPTED_METADATA: dg.MetadataValue.json(document_of(look))},
    )


_NOTHING = f"nothing to learn: no column of text has at most {MOST_VALUES} values, of {ROWS_PER_VALUE} rows each"


def _columns(scope: Scope, data: "Data", column: str | None) -> list[str]:
    hidden = {name.casefold() for name in scope.pii}
    if column is None:
        fields = data.table.schema().fields.items()
        return [name for name, kind in fields if kind.is_string() and name.casefold() not in hidden]
    require_columns([column], data.table.columns, of=scope.target.name)
    if column.casefold() in hidden:
        raise DetectorError(f"{column} is tagged pii, and no value of it is remembered: give values=[…]")
    return [column]


def _as_text(data: "Data", names: Sequence[str]) -> "Data":
    """As the engine writes values: a document of JSON knows fewer types. An ENUM of PostgreSQL is a text to Ibis,
    whose cast would leave it out, and to PostgreSQL it is none: it has no length, and no values but its own."""
    from ibis.expr import operations

    as_text: Any = operations.Cast
    is_sure = data.backend_name != "postgres"
    others = [name for name in names if not (is_sure and data.table[name].type().is_string())]
    casts = {name: as_text(data.table[name], "string").to_expr() for name in others}
    return replace(data, table=data.table.mutate(**casts)) if others else data


def _learning(
    data: "Data", names: Sequence[str], remembered: Mapping[str, Known], *, is_same: bool, is_asked: bool
) -> dict[str, Known]:
    """What is known now of the columns that are still learnt. Those with too many values are left out, and begin
    anew should they have few.

    Args:
        is_same: whether the build is the one that was looked at before.
        is_asked: whether the column was named: then few rows are enough, and too many values an error.
    """
    known: dict[str, Known] = {}
    for name, (rows, values) in _seen(data, names).items():
        past = remembered.get(name, Known(values=(), builds=0))
        new = sorted(set(values or ()) - set(past.values))
        is_few = values is not None and len(past.values) + len(new) <= MOST_VALUES
        if is_few and rows == 0:
            known |= {name: past} if past.values else {}
        elif is_few and (is_asked or not new or rows >= ROWS_PER_VALUE * len(values or ())):
            known[name] = Known(values=(*past.values, *new), builds=1 if new else past.builds + (not is_same))
        elif is_asked:
            raise DetectorError(f"{name} has more than {MOST_VALUES} values, or long ones: give values=[…]")
    return dict(list(known.items())[:MOST_COLUMNS])


def _seen(data: "Data", names: Sequence[str]) -> dict[str, tuple[int, list[str] | None]]:
    """Of each column the rows that have a value, and the values, None where they are too many: one scan of all
    columns, and one more of those with few values."""
    import ibis

    table = data.table
    if not names:
        return {}
    texts: list[Any] = [table[name] for name in names]
    counts: dict[str, Any] = {}
    for place, text in enumerate(texts):
        counts[f"rows_{place}"] = text.count()
        counts[f"values_{place}"] = text.approx_nunique()
        counts[f"longest_{place}"] = text.length().max()
    found = data.one(table.aggregate(**counts))
    few = [
        place
        for place in range(len(names))
        # the count is approximate; those that turn out to be too many are left out by the caller
        if found[f"values_{place}"] <= 2 * MOST_VALUES and (found[f"longest_{place}"] or 0) <= LONGEST_VALUE
    ]
    there = [table.select(place=ibis.literal(place), value=texts[place]) for place in few]
    each = [column.filter(column["value"].notnull()).distinct() for column in there]
    rows = data.rows(reduce(lambda some, more: some.union(more), each)) if each else []
    values: dict[int, list[str]] = {place: [] for place in few}
    for row in rows:
        values[row["place"]].append(row["value"])
    return {name: (found[f"rows_{place}"], values.get(place)) for place, name in enumerate(names)}


def _without(known: Mapping[str, Known], scope: Scope) -> dict[str, Known]:
    hidden = {name.casefold() for name in scope.pii}
    return {name: each for name, each in known.items() if name.casefold() not in hidden}


def _kept(new: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {name: [value for value in values if len(value) <= LONGEST_VALUE] for name, values in new.items()}


def _still(learning: Mapping[str, Known]) -> str:
    if not learning:
        return ""
    least = min(known.builds for known in learning.values())
    return f"learning, {least} of {BUILDS} builds: {listed(list(learning))}"
