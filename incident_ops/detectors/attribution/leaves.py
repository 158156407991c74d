"""The rows as leaves: counted by all dimensions at once, after rare values were folded into one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from incident_ops.core.attribution import OTHER
from incident_ops.detectors.attribution.dimensions import FRACTIONAL
from incident_ops.detectors.attribution.source import BAD, Source, key, literal

MOST_VALUES = 50  # of a dimension are told apart, the rest is `OTHER`
MOST_LEAVES = 50_000  # 10 million rows of six even dimensions would be four million leaves and half a minute
COUNTS = (f"count(*) FILTER (WHERE {BAD})", "count(*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Of a dimension: the values worth telling apart, as DuckDB writes them, and how many there are."""

    told: list[str | None]
    count: int


def values_of(source: Source, dimensions: Sequence[str]) -> dict[str, Values]:
    """For each dimension the values worth telling apart: most failing rows beyond their share of the table first.

    A slice that explains the failure has failing rows beyond its share in each of its conditions alone, so what is
    folded into `OTHER` is no part of it.
    """
    keys = [key(place) for place in range(len(dimensions))]
    named = ", ".join(keys)
    found = source.run(
        f"SELECT {', '.join(f'CAST({name} AS VARCHAR)' for name in keys)}, of, bad, among FROM ("
        f"SELECT *, count(*) OVER same AS among, bad - total * sum(bad) OVER same / sum(total) OVER same AS excess"
        f" FROM (SELECT {named}, GROUPING({named}), {', '.join(COUNTS)} FROM {source.marked(dimensions)}"
        f" GROUP BY GROUPING SETS ({', '.join(f'({name})' for name in keys)})) AS counted({named}, of, bad, total)"
        f" WINDOW same AS (PARTITION BY of))"
        f" QUALIFY row_number() OVER (PARTITION BY of ORDER BY bad > 0 DESC, excess DESC) <= {MOST_VALUES}"
        f" ORDER BY excess DESC"
    )
    everything = 2 ** len(dimensions) - 1
    values: dict[str, Values] = {}
    for place, name in enumerate(dimensions):
        rows = [row for row in found if row[-3] == everything - 2 ** (len(dimensions) - 1 - place)]
        told = [row[place] for row in rows if row[-2]]
        values[name] = Values(told=told, count=rows[0][-1] if rows else 0)
    shorten([each.told for each in values.values()])
    return values


def shorten(told: Sequence[list[str | None]]) -> None:
    """Takes the least telling values from the longest lists, until there are few enough leaves."""
    while math.prod(len(each) + 1 for each in told) > MOST_LEAVES:
        max(told, key=len).pop()


def leaves(
    source: Source,
    values: Mapping[str, Sequence[str | None]],
    counts: Sequence[str] = COUNTS,
    more: Sequence[str] = (),
) -> tuple[dict[str, list[Any]], list[Sequence[Any]]]:
    """Columns of the leaves: the dimensions, and what is counted.

    Args:
        values: for each dimension those that are told apart.
        counts: aggregates; by default the failing rows and all.
        more: columns that these need: the keys after those of the dimensions.
    """
    # values become small numbers before they are grouped, which halves the time
    codes = [_code(key(place), source.types[name], told) for place, (name, told) in enumerate(values.items())]
    found = source.run(
        f"SELECT {', '.join([*codes, *counts])} FROM {source.marked([*values, *more])} GROUP BY ALL"
    )
    columns = list(zip(*found, strict=True)) or [()] * (len(codes) + len(counts))
    dimensions: dict[str, list[Any]] = {}
    for (name, told), column in zip(values.items(), columns[: len(codes)], strict=True):
        labels = [*(_label(value, source.types[name]) for value in told), OTHER]
        dimensions[name] = [labels[code] for code in column]
    return dimensions, list(columns[len(codes) :])


def _code(column: str, kind: str, told: Sequence[str | None]) -> str:
    """SQL for the index of a row's value in `told`; the index after the last for every other value."""
    cases = (
        f"WHEN {column} IS NULL THEN {code}"
        if value is None
        else f"WHEN {column} = CAST({literal(value)} AS {kind}) THEN {code}"
        for code, value in enumerate(told)
    )
    return f"CASE {' '.join(cases)} ELSE {len(told)} END::UTINYINT" if told else "0::UTINYINT"


def _label(value: str | None, kind: str) -> str | float | None:
    """A whole number that a data frame made a fraction is told as what it is."""
    return float(value) if value is not None and kind in FRACTIONAL else value
