"""What the columns of a table look like: rates, extremes, and the shape of their values.

A profile is plain numbers, kept as a document beside a check's result: the next one is compared with it.
How it is read from a table is the detector's, how two shapes are compared `drift`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from math import isfinite
from typing import Any, cast

from incident_ops.core.drift import aligned, by_chance, edges_in, jensen_shannon, psi, shares_in
from incident_ops.core.errors import IncidentOpsError

PROFILE_METADATA = "incident_ops/profile"
"""Where an evaluation carries the document."""
VERSION = 1
MOST_CATEGORIES = 50
"""A column with more distinct values is told by its quantiles or not at all."""


class ProfileError(IncidentOpsError, ValueError):
    """The document is not one of a profile; the message says what is wrong with it."""


class Kind(StrEnum):
    """What can be asked of a column's values."""

    NUMBER = "number"
    TEXT = "text"
    FLAG = "flag"
    TIME = "time"
    OTHER = "other"


class Metric(StrEnum):
    """What is measured of a column. Rates are of all its rows, 0 to 1."""

    NULL_RATE = "null_rate"
    BLANK_RATE = "blank_rate"
    """Texts of nothing but spaces."""
    ZERO_RATE = "zero_rate"
    NEGATIVE_RATE = "negative_rate"
    NAN_RATE = "nan_rate"
    INFINITE_RATE = "infinite_rate"
    """Infinite, or so large that no mean and no deviation can be told with them (1e150 and beyond)."""
    TRUE_RATE = "true_rate"
    DISTINCT_COUNT = "distinct_count"
    UNIQUE_RATE = "unique_rate"
    """Distinct values by values that are there: 1 where none repeats."""
    MIN = "min"
    MAX = "max"
    MEAN = "mean"
    STDDEV = "stddev"
    P05 = "p05"
    P25 = "p25"
    MEDIAN = "median"
    P75 = "p75"
    P95 = "p95"
    MIN_LENGTH = "min_length"
    MAX_LENGTH = "max_length"
    NEW_CATEGORY_RATE = "new_category_rate"
    """Rows whose value the last good profile did not have."""
    PSI = "psi"
    """Population Stability Index against the last good profile."""
    JS = "js"
    """Jensen–Shannon distance likewise."""


RATES = frozenset(metric for metric in Metric if metric.value.endswith("_rate"))
QUANTILES = {Metric.P05: 5, Metric.P25: 25, Metric.MEDIAN: 50, Metric.P75: 75, Metric.P95: 95}
"""Their percents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a column's values are distributed: by category, or by bins between edges.

    Attributes:
        values: how many there are (without nulls, NaN and infinities).
        categories: share of each category; empty for bins.
        edges: of the bins, ascending, one less than `shares`.
        shares: of the bins.
    """

    values: float
    categories: Mapping[str, float] = field(default_factory=dict[str, float])
    edges: Sequence[float] = ()
    shares: Sequence[float] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far a shape is from another one.

    Attributes:
        chance: the index that chance alone reaches.
        new: categories that the other one had not, by falling share.
        new_rate: their share.
    """

    psi: float
    js: float
    chance: float
    new: Sequence[str] = ()
    new_rate: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """
    Attributes:
        metrics: what was measured; what has no answer (the mean of no values) is absent.
        quantiles: of a number, at equally spaced ranks from the least to the greatest; empty where there are none,
            and for personal data.
        categories: rows of each value, where there are few; None where there are many, and for personal data.
        others: rows of values beside these, where an earlier profile had few and there are many now.
        values: that the quantiles were told from: how exact they are. Of what is exact, all.
        newest: of times.
    """

    name: str
    kind: Kind
    metrics: Mapping[Metric, float]
    quantiles: Sequence[float] = ()
    categories: Mapping[str, int] | None = None
    others: int = 0
    values: float = 0
    newest: date | None = None

    @property
    def shape(self) -> Shape | None:
        """None where the values are not told, or there are none."""
        if self.categories and not self.others:
            values = sum(self.categories.values())
            return Shape(values=values, categories={name: n / values for name, n in self.categories.items()})
        if len(self.quantiles) > 1 and self.quantiles[0] < self.quantiles[-1]:
            edges = edges_in(self.quantiles)
            return Shape(values=self.values, edges=edges, shares=shares_in(self.quantiles, edges))
        return None

    def drift_from(self, before: Shape) -> Drift | None:
        """None where the two cannot be compared: no values, or categories on one side only."""
        if self.categories is not None and before.categories:
            return self._categories_drift(self.categories, before)
        if self.quantiles and before.shares:
            actual = shares_in(self.quantiles, before.edges)
            return Drift(
                psi=psi(before.shares, actual),
                js=jensen_shannon(before.shares, actual),
                chance=by_chance(len(actual), before.values, self.values),
            )
        return None

    def _categories_drift(self, categories: Mapping[str, int], before: Shape) -> Drift | None:
        """Other values count as one new category, which has no name."""
        values = sum(categories.values()) + self.others
        if not values:
            return None
        new = {name: n / values for name, n in categories.items() if name not in before.categories}
        expected, actual = aligned(before.categories, {name: n / values for name, n in categories.items()})
        if self.others:
            expected, actual = [*expected, 0.0], [*actual, self.others / values]
        return Drift(
            psi=psi(expected, actual),
            js=jensen_shannon(expected, actual),
            chance=by_chance(len(expected), before.values, values),
            new=sorted(new, key=lambda name: (-new[name], name)),
            new_rate=sum(new.values()) + self.others / values,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProfile:
    """
    Attributes:
        rows: looked at, which are all of them unless `note` says that they are a sample.
    """

    rows: int
    columns: Mapping[str, ColumnProfile]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What is kept of a profile: the names of the columns, and the shapes of those whose values may be told."""

    rows: int
    columns: Sequence[str]
    shapes: Mapping[str, Shape]


def document_of(profile: TableProfile) -> dict[str, Any]:
    """What is kept, as JSON knows it."""
    return {
        "version": VERSION,
        "rows": profile.rows,
        "columns": {name: _shape_document(column.shape) for name, column in profile.columns.items()},
    }


def remembered_in(document: object) -> Remembered:
    """The opposite of `document_of`.

    Raises:
        ProfileError: it has another form, or comes from a later version.
    """
    if not isinstance(document, Mapping):
        raise ProfileError(f"a profile is a JSON object, not {type(document).__name__}")
    record = cast("Mapping[str, Any]", document)
    if record.get("version") != VERSION:
        raise ProfileError(f"a profile of version {record.get('version')!r} is not known here, only {VERSION}")
    try:
        rows = int(record["rows"])
        shapes = {str(name): _shape(shape) for name, shape in record["columns"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ProfileError(f"a profile lacks or misstates a field: {error!r}") from error
    return Remembered(
        rows=rows, columns=list(shapes), shapes={name: shape for name, shape in shapes.items() if shape}
    )


def _shape_document(shape: Shape | None) -> dict[str, Any] | None:
    if shape is None:
        return None
    if shape.categories:
        return {"values": shape.values, "categories": {name: _short(s) for name, s in shape.categories.items()}}
    return {"values": shape.values, "edges": list(shape.edges), "shares": [_short(s) for s in shape.shares]}


def _short(share: float) -> float:
    return float(f"{share:.4g}")


def _shape(record: Mapping[str, Any] | None) -> Shape | None:
    if record is None:
        return None
    shape = Shape(
        values=float(record["values"]),
        categories={str(name): float(share) for name, share in record.get("categories", {}).items()},
        edges=[float(edge) for edge in record.get("edges", ())],
        shares=[float(share) for share in record.get("shares", ())],
    )
    masses = [*shape.categories.values(), *shape.shares]
    if not all(isfinite(mass) and mass >= 0 for mass in masses) or not sum(masses) > 0:
        raise ValueError("shares are not negative, and not all of them nothing")
    if shape.shares and len(shape.shares) != len(shape.edges) + 1:
        raise ValueError(f"{len(shape.edges)} edges make {len(shape.edges) + 1} bins, not {len(shape.shares)}")
    return shape
