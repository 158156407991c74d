"""One look at a table, to propose detectors for it: how many rows, and of each column what it is and holds.

What is proposed is `core.suggestion`'s business; what detectors measure day by day is not here.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import dagster as dg

from incident_ops.core.error_text import redact, shorten
from incident_ops.core.profile import ColumnProfile, Kind, Metric
from incident_ops.core.suggestion import MOST_VALUES, ColumnLook
from incident_ops.detectors.reading import ReadError, ReadOptions, opened, require_ibis
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Target

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt

    from incident_ops.detectors.reading import Data

NEARLY = 0.8
"""A column whose estimated number of values is at least this share of the rows may be a key, and is counted
exactly. Estimates (HyperLogLog) are some per cent off."""
MOST_COUNTED = 5
"""Columns counted exactly, for that takes memory for every value."""


def look_at(
    asset: Sequence[str], options: ReadOptions, *, personal: Collection[str] = ()
) -> tuple[int, tuple[ColumnLook, ...]]:
    """The rows of an asset's table, and its columns in table order: one profile (`detectors.profile`), and of a
    large table exact counts of the columns that may be keys.

    Args:
        asset: the parts of its key.
        options: where the data is; `source` must be given.
        personal: columns of which no value is fetched.

    Raises:
        IbisMissing: Ibis is not installed.
        ReadError: there is no such table, or the engine cannot be asked; without secrets.
    """
    require_ibis()
    try:
        return _looked_at(asset, options, personal)
    except _engine_errors() as error:
        raise ReadError(f"the data cannot be read: {shorten(redact(str(error)), 300)}") from error


def _looked_at(
    asset: Sequence[str], options: ReadOptions, personal: Collection[str]
) -> tuple[int, tuple[ColumnLook, ...]]:
    from incident_ops.detectors.profile import EXACT_ROWS, profile_of  # imports Ibis

    hidden = {name.casefold() for name in personal}
    with opened(_nobody(asset, personal), options) as data:
        found = profile_of(data, pii=personal)
        distinct = {name: _distinct(column) for name, column in found.columns.items()}
        if found.rows > EXACT_ROWS:
            distinct |= _counted(data, [n for n, count in distinct.items() if (count or 0) >= NEARLY * found.rows])
        columns = [
            ColumnLook(
                name=name,
                type=_type_name(kind),
                is_personal=name.casefold() in hidden,
                nulls=_nulls(found.columns[name], found.rows),
                distinct=distinct[name],
                values=_values(found.columns[name]),
            )
            for name, kind in data.table.schema().items()
        ]
    return found.rows, tuple(columns)


def _distinct(column: ColumnProfile) -> int | None:
    count = column.metrics.get(Metric.DISTINCT_COUNT)
    return None if count is None else round(count)


def _nulls(column: ColumnProfile, rows: int) -> int | None:
    rate = column.metrics.get(Metric.NULL_RATE)
    return None if rate is None else round(rate * rows)


def _values(column: ColumnProfile) -> tuple[str, ...]:
    """All of them, sorted; none where there are many, or nobody may know."""
    known = column.categories if column.kind is Kind.TEXT else None
    return tuple(sorted(known)) if known and len(known) <= MOST_VALUES else ()


def _counted(data: "Data", names: Sequence[str]) -> dict[str, int]:
    names = names[:MOST_COUNTED]
    if not names:
        return {}
    counts = [data.table[name].nunique().name(f"distinct_{place}") for place, name in enumerate(names)]
    found = data.one(data.table.aggregate(counts))
    return {name: int(found[f"distinct_{place}"]) for place, name in enumerate(names)}


def _type_name(kind: "dt.DataType") -> str:
    return str(kind).removeprefix("!")


def _engine_errors() -> tuple[type[Exception], ...]:
    """What an engine raises that is down, busy, or knows no such table."""
    import duckdb
    from ibis.common.exceptions import IbisError

    if find_spec("psycopg") is None:
        return duckdb.Error, IbisError, OSError
    import psycopg

    return duckdb.Error, IbisError, OSError, psycopg.Error


def _nobody(asset: Sequence[str], personal: Collection[str]) -> Scope:
    """Nobody evaluates: there is no run whose context could be asked, and none is for a source that is given."""
    return Scope(
        context=cast("Any", None),
        target=Target(key=dg.AssetKey(list(asset))),
        check="suggest",
        partition=None,
        window=None,
        built=None,
        now=datetime.now(UTC),
        pii=personal,
    )
