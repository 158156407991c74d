"""Which combination of dimensions explains the failing rows? Entry points, and the answer as a sentence.

The table as leaves is in `cube`, the search for rates in `rates`, that for sums and counts
in `sums`. Why this algorithm: docs/adr/0006.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from incident_ops.core.attribution import rates, sums
from incident_ops.core.attribution.cube import MISSING, AttributionError, Floats, Slice, leaves_of

Measure = Literal["rate", "sum", "count"]

NEEDED: Mapping[str, tuple[str, ...]] = {
    "rate": ("bad", "total"),
    "sum": ("actual", "expected"),
    "count": ("actual", "expected"),
}
HISTORY = ("bad_before", "total_before")
LONGEST_VALUE = 80
MOST_NAMED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What explains the failing rows of one table.

    Attributes:
        slices: alternatives, best first; empty when no single slice explains it.
        dimensions: what was looked at.
        failing, rows: how many rows fail, of how many.
    """

    slices: tuple[Slice, ...]
    dimensions: tuple[str, ...]
    failing: int
    rows: int

    @property
    def sentence(self) -> str:
        """The answer in plain words."""
        return sentence(self.slices, self.dimensions)


def localise(rows: Sequence[Mapping[str, object]], dimensions: Sequence[str], *, measure: str) -> list[Slice]:
    """The slices (conjunctions of one to three `dimension = value`) that explain what went wrong, best first.

    How to read the list depends on the measure:
    - `rate`: **alternatives**. The first is the explanation; the others describe nearly the same rows.
    - `sum`, `count`: **a set of causes** that share no rows and together are the explanation.
    An empty list means that no slice explains it: the failure is spread evenly, or indistinguishable from noise.

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


def sentence(slices: Sequence[Slice], dimensions: Sequence[str] = (), *, measure: Measure = "rate") -> str:
    """The answer in plain words, with the share explained; or that no single slice explains it.

    Of a rate's alternatives only the first is told. `dimensions` are what was looked at.
    """
    if not slices:
        looked = [*dimensions[:MOST_NAMED], *(["…"] if len(dimensions) > MOST_NAMED else [])]
        return "no single slice explains it" + (f" (looked at {', '.join(looked)})" if looked else "")
    if measure == "rate":
        best = slices[0]
        whole = "" if np.isnan(best.share) else f" ({_percent(best.share)} of all rows)"
        return f"{_percent(best.explained)} of the failing rows: {_words(best)}{whole}"
    first, *others = slices
    told = [f"{_percent(first.explained)} of the deviation: {_words(first)}"]
    return "; ".join([*told, *(f"{_percent(other.explained)}: {_words(other)}" for other in others)])


def _words(found: Slice) -> str:
    return " and ".join(
        f"{name} is missing" if value == MISSING else f"{name} = {_shortened(value)}"
        for name, value in found.conditions.items()
    )


def _shortened(value: str) -> str:
    plain = " ".join(value.split()) or "(empty)"
    return plain if len(plain) <= LONGEST_VALUE else plain[: LONGEST_VALUE - 1] + "…"


def _percent(share: float) -> str:
    """Never "100 %" for less than all, never "0 %" for more than nothing."""
    if 0 < share < 0.01:
        return "< 1 %"
    return f"{99 if 0.99 <= share < 1 - 1e-9 else round(share * 100)} %"


def _columns_of(measure: str) -> tuple[str, ...]:
    if measure not in NEEDED:
        raise AttributionError(f"there is no measure {measure!r}: use {_list(tuple(NEEDED), 'or')}")
    return NEEDED[measure]


def _require_dimensions(dimensions: Sequence[str]) -> None:
    if isinstance(dimensions, str):
        raise AttributionError(f"dimensions are a list of names, such as [{dimensions!r}]")
    if not dimensions:
        raise AttributionError("give at least one dimension to look at")


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
