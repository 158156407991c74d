"""A table as leaves and cuboids: dimensions encoded once, equal rows added up, every group-by a `bincount`.

A leaf is one combination of all dimensions; a cuboid groups the leaves by one to three of them; each of its groups
is a candidate slice. What makes a good slice is not here, see `rates` and `sums`.
"""

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import combinations
from typing import cast

import numpy as np
from numpy.typing import NDArray

from incident_ops.core.errors import IncidentOpsError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]

MISSING = "(missing)"  # how None and NaN are called in a condition
MOST_CONDITIONS = 3  # of the published real causes none has more (RobustSpot, Squeeze); people read no more


class Folded(Enum):
    """Many rare values in one: counted, never named as a cause. No text, since a value may be called anything."""

    OTHER = "other"


OTHER = Folded.OTHER


class AttributionError(IncidentOpsError, ValueError):
    """The table cannot be attributed: a column is absent, a number is impossible, or the measure is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The rows on which all conditions hold.

    Attributes:
        conditions: dimension → value as text; None and NaN are `MISSING`.
        explained: share of what went wrong that lies in the slice, 0 to 1. Rates: of the failing rows that are too
            many (without history: of the failing rows). Sums and counts: of the deviation.
        score: share of the weighted squared deviation of all leaves that the slice accounts for, after the penalty
            for its conditions, 0 to 1. It orders slices of one table; it is no probability.
        share: part of the whole table that the slice is, 0 to 1: of its rows (rates) or of what was expected.
    """

    conditions: Mapping[str, str]
    explained: float
    score: float
    share: float = field(default=math.nan, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuboid:
    """The leaves grouped by some dimensions: `group[i]` is the candidate slice (0 … `size` − 1) of leaf i."""

    dimensions: tuple[int, ...]
    group: Codes
    size: int
    keys: Codes | None  # the mixed-radix key of each group, where groups were renumbered

    def total(self, values: Floats) -> Floats:
        """Sums by group, shape (size,)."""
        return group_sums(self.group, values, self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaves:
    """One row for each combination of dimension values that occurs. Dimensions with one value only are left out.

    Attributes:
        labels: for each dimension its values as text, and `OTHER`.
        codes: for each dimension the index into `labels` of each leaf, shape (leaves,).
        measures: summed by leaf, shape (leaves,) each.
    """

    names: tuple[str, ...]
    labels: tuple[tuple[str | Folded, ...], ...]
    codes: tuple[Codes, ...]
    measures: Mapping[str, Floats]

    def cuboids(self) -> Iterator[Cuboid]:
        """All group-bys of one to `MOST_CONDITIONS` dimensions, fewest first."""
        for count in range(1, MOST_CONDITIONS + 1):
            for dimensions in combinations(range(len(self.names)), count):
                yield self._cuboid(dimensions)

    def _cuboid(self, dimensions: tuple[int, ...]) -> Cuboid:
        cells = math.prod(len(self.labels[d]) for d in dimensions)
        key = _mixed_radix([self.codes[d] for d in dimensions], [len(self.labels[d]) for d in dimensions])
        if cells <= 2 * len(key) + 1000:  # dense enough: empty groups cost less than a sort
            return Cuboid(dimensions=dimensions, group=key, size=cells, keys=None)
        keys, group = np.unique(key, return_inverse=True)
        return Cuboid(dimensions=dimensions, group=group, size=len(keys), keys=keys)

    def conditions(self, cuboid: Cuboid, group: int) -> dict[str, str]:
        """The conditions of one group, in the order of the dimensions."""
        key = group if cuboid.keys is None else int(cuboid.keys[group])
        values: dict[str, str] = {}
        for d in reversed(cuboid.dimensions):
            key, code = divmod(key, len(self.labels[d]))
            values[self.names[d]] = str(self.labels[d][code])
        return dict(reversed(values.items()))

    def nameable(self, cuboid: Cuboid) -> Flags:
        """Which groups may be named: those without `OTHER` among their values; shape (size,)."""
        keys = np.arange(cuboid.size) if cuboid.keys is None else cuboid.keys
        fine = np.ones(cuboid.size, dtype=np.bool_)
        for d in reversed(cuboid.dimensions):
            keys, code = np.divmod(keys, len(self.labels[d]))
            if OTHER in self.labels[d]:
                fine &= code != self.labels[d].index(OTHER)
        return fine


def leaves_of(dimensions: Mapping[str, Sequence[object]], measures: Mapping[str, Floats]) -> Leaves:
    """Encode the columns and add up rows with equal dimensions.

    Raises:
        AttributionError: columns of unequal length.
    """
    lengths = {len(column) for column in (*dimensions.values(), *measures.values())}
    if len(lengths) > 1:
        raise AttributionError("the columns have unequal lengths")
    encoded = {name: encode(name, column) for name, column in dimensions.items()}
    varying = {name: pair for name, pair in encoded.items() if len(pair[0]) > 1}
    names, labels = tuple(varying), tuple(pair[0] for pair in varying.values())
    codes = [pair[1] for pair in varying.values()]
    if not codes:
        return Leaves(names=(), labels=(), codes=(), measures=measures)
    _, first, leaf = np.unique(_identity(codes, labels), return_index=True, return_inverse=True)
    return Leaves(
        names=names,
        labels=labels,
        codes=tuple(column[first] for column in codes),
        measures={name: group_sums(leaf, column, len(first)) for name, column in measures.items()},
    )


def encode(name: str, column: Sequence[object]) -> tuple[tuple[str | Folded, ...], Codes]:
    """The distinct values as text, and for each row the index of its value.

    Raises:
        AttributionError: a value is a list, a mapping or another thing that cannot be grouped by.
    """
    values: Iterable[object] = (
        cast(Iterable[object], column.tolist()) if isinstance(column, np.ndarray) else column
    )
    rows = cast("list[Hashable]", list(values))
    try:
        codes = {value: code for code, value in enumerate(dict.fromkeys(rows))}
    except TypeError:
        message = (
            f"dimension {name!r} holds a value that cannot be grouped by, such as a list: give text or numbers"
        )
        raise AttributionError(message) from None
    texts = [value if isinstance(value, Folded) else text_of(value) for value in codes]
    labels = {text: code for code, text in enumerate(dict.fromkeys(texts))}
    merged = np.array([labels[text] for text in texts], dtype=np.int64)
    raw = np.fromiter(map(codes.__getitem__, rows), dtype=np.int64, count=len(rows))
    return tuple(labels), merged[raw] if len(rows) else raw


def text_of(value: object) -> str:
    """How a value is called in a condition: 2000.0, as data frames make of 2000 beside a null, is `2000`; a text
    that reads like `MISSING` is in quotes."""
    if value is None or value != value:  # NaN, NaT and pandas' NA are unequal to themselves
        return MISSING
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return repr(value) if value == MISSING else str(value)


def group_sums(group: Codes, values: Floats, size: int) -> Floats:
    """Sum of `values` for each group number 0 … `size` − 1."""
    return np.bincount(group, values, size).astype(np.float64, copy=False)


def dot(left: Floats, right: Floats) -> float:
    """Inner product without BLAS, whose threads cost more than they bring when the cores are busy."""
    return float((left * right).sum())


def _mixed_radix(codes: Sequence[Codes], cards: Sequence[int]) -> Codes:
    key = codes[0]
    for column, card in zip(codes[1:], cards[1:], strict=True):
        key = key * card + column
    return key


def _identity(codes: Sequence[Codes], labels: Sequence[Sequence[object]]) -> Codes:
    """One number for each combination of all dimensions; renumbered on the way where 64 bits would not do."""
    key, cells = codes[0], len(labels[0])
    for column, values in zip(codes[1:], labels[1:], strict=True):
        if cells * len(values) >= 2**62:
            distinct, key = np.unique(key, return_inverse=True)
            cells = len(distinct)
        key, cells = key * len(values) + column, cells * len(values)
    return key
