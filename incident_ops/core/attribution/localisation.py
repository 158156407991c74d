"""Which combination of dimensions explains the failing rows? Entry points.

The table as leaves is in `cube`, the search for rates in `rates`, that for sums and counts in `sums`, the answer
in words in `answer`. Why this algorithm: docs/adr/0006.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from incident_ops.core.attribution import rates, sums
from incident_ops.core.attribution.cube import AttributionError, Floats, Slice, leaves_of

NEEDED: Mapping[str, tuple[str, ...]] = {
    "rate": ("bad", "total"),
    "sum": ("actual", "expected"),
    "count": ("actual", "expected"),
}
HISTORY = ("bad_before", "total_before")


def localise(rows: Sequence[Mapping[str, object]], dimensions: Sequence[str], *, measure: str) -> list[Slice]:
    """The slices (conjunctions of one to three `dimension = value`) that explain what went wrong, best first.

    How to read the list depends on the measure:
    - `rate`: **alternatives**. The first is the explanation; the others describe nearly the same rows.
    - `sum`, `count`: **a set of causes** that share no rows and together are the explanation.
    An empty list means that no slice explains it: the failure is spread evenly or over many slices, or is
    indistinguishable from noise.

    Args:
        rows: mappings with the dimensions and the measures; rows with equal dimensions are added up. `rate` needs
            `bad` and `total`, and takes `bad_before` and `total_before`, a usual time of any length: without them,
            or with noughts everywhere, slices are compared with the rest of the table. `sum` and `count` need
            `actual` and `expected`, in any unit. None and NaN in a measure are nought, as a sum over no rows is.
        dimensions: names of at least one column; values are compared as text, None and NaN are `MISSING`.
        measure: `rate`, `sum` or `count`. A count is a sum whose sampling noise is known.

    Raises:
        AttributionError: an unknown measure, no dimension, an absent column, or a number that cannot be.
    """
    needed = _columns_of(measure)
    _require_dimensions(dimensions)
    if not rows:
        return []
    wanted = (*needed, *(name for name in HISTORY if measure == "rate" and name in rows[0]))
    try:
        columns = {name: [row[name] for row in rows] for name in (*dimensions, *wanted)}
    except KeyError as error:
        raise AttributionError(
            f"a row has no {error.args[0]!r}: a {measure} needs {_list(needed)} in each"
        ) from None
    return localise_columns(
        {name: columns[name] for name in dimensions}, {name: columns[name] for name in wanted}, measure=measure
    )


def localise_columns(
    dimensions: Mapping[str, Sequence[object]], measures: Mapping[str, Sequence[object] | Floats], *, measure: str
) -> list[Slice]:
    """`localise` for a table in columns: lists or arrays of one length. Same rules, same errors."""
    needed = _columns_of(measure)
    _require_dimensions(tuple(dimensions))
    absent = [name for name in needed if name not in measures]
    if absent:
        raise AttributionError(f"there is no {_list(absent)}: a {measure} needs {_list(needed)}")
    numbers = {name: _numbers(name, column) for name, column in measures.items()}
    if measure == "rate":
        numbers = _with_history(numbers)
    if measure != "sum":
        _require_counts(numbers)
    leaves = leaves_of(dimensions, numbers)
    if measure == "rate":
        return rates.rank(leaves)
    return sums.causes(leaves, is_count=measure == "count")


def _columns_of(measure: str) -> tuple[str, ...]:
    if measure not in NEEDED:
        raise AttributionError(f"there is no measure {measure!r}: use {_list(tuple(NEEDED), 'or')}")
    return NEEDED[measure]


def _require_dimensions(dimensions: Sequence[str]) -> None:
    if isinstance(dimensions, str):
        raise AttributionError(f"dimensions are a list of names, such as [{dimensions!r}]")
    if not dimensions:
        raise AttributionError("give at least one dimension to look at")
    twice = [name for name, times in Counter(dimensions).items() if times > 1]
    if twice:
        raise AttributionError(f"the dimension {twice[0]!r} is given twice")


def _numbers(name: str, column: Sequence[object] | Floats) -> Floats:
    try:
        numbers = np.array(cast("list[float]", list(column)), dtype=np.float64)
    except (TypeError, ValueError):
        raise AttributionError(f"{name!r} holds something that is not a number") from None
    numbers = np.where(np.isnan(numbers), 0, numbers)
    if not np.isfinite(numbers).all():
        raise AttributionError(f"{name!r} holds an infinite number")
    return numbers


def _with_history(numbers: dict[str, Floats]) -> dict[str, Floats]:
    given = [name for name in HISTORY if name in numbers]
    if len(given) == 1:
        raise AttributionError(f"a history needs {_list(HISTORY)}, and only {given[0]!r} is there")
    return numbers if given else {**numbers, **{name: np.zeros_like(numbers["bad"]) for name in HISTORY}}


def _require_counts(numbers: Mapping[str, Floats]) -> None:
    for name, column in numbers.items():
        if (column < 0).any():
            raise AttributionError(f"{name!r} holds a negative number, and it counts rows")
    for bad, total in (("bad", "total"), HISTORY):
        if bad in numbers and numbers[bad].sum() > numbers[total].sum():
            raise AttributionError(f"{bad!r} is more than {total!r}: are they swapped?")


def _list(names: Sequence[str], word: str = "and") -> str:
    quoted = [repr(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {word} {quoted[-1]}"
