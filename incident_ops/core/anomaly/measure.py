"""On which scale the values of a series are compared: by ratio where nothing is negative, else by difference."""

from dataclasses import dataclass
from math import exp, floor, inf, isfinite, log, log10

import numpy as np

from incident_ops.core.anomaly.history import Array

HALF = 0.5  # a count of 0 is compared as half a row: the usual start of a logarithmic scale of counts
SMALLEST = 0.01  # of an amount that is no count, the part of its usual size that counts as nothing
LARGEST = 700.0  # exp overflows beyond
DEEPEST = log(3)  # less than a third of what was expected counts as a third: see `Measure.deepest`
LEAST_RATIO = 0.015  # no spread is taken for less than 1.5 %: a table that never changed may begin to


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A scale: `log(value + start)` for counts and amounts, the value itself where there are negative ones.

    Attributes:
        start: what is added before the logarithm; 0 for the plain scale.
        least: the least spread on this scale.
        is_count: only whole numbers were seen.
    """

    start: float
    least: float = LEAST_RATIO
    is_count: bool = False

    @property
    def deepest(self) -> float:
        """How far below its forecast a value counts at most.

        On a logarithmic scale a day of no rows is endlessly far away. A series that has such days now and then
        would get endless bounds, and nothing else would ever be told of. Whether zero itself is as usual is a
        question of its own, asked in `outlook`.
        """
        return DEEPEST if self.start else inf

    def of(self, values: Array) -> Array:
        """Onto the scale; what is negative on a scale without negatives lies straight on below zero."""
        if not self.start:
            return values
        return np.log(np.maximum(values, 0.0) + self.start) + np.minimum(values, 0.0) / self.start

    def back(self, place: float) -> float:
        """From the scale to a value, at least 0 where nothing is negative."""
        if not self.start:
            return place
        if place > LARGEST:
            return inf
        return max(exp(place) - self.start, 0.0) if isfinite(place) else 0.0

    def small_counts(self, place: float) -> float:
        """The variance that a count near `place` may have by chance alone, on this scale.

        A quarter of Poisson's (that is 1/n on a logarithmic scale): most tables vary less than pure chance, and
        with few rows their history can't tell. One that never varies at all has no such chance.
        """
        return 0.25 * exp(-max(place, log(HALF))) if self.is_count else 0.0


COUNTS = Measure(start=HALF, is_count=True)


def measure_of(history: Array, value: float) -> Measure:
    """The scale for a value after its history (without NaN, not empty)."""
    if history.min() < 0:
        return Measure(start=0.0, least=max(LEAST_RATIO * float(np.median(np.abs(history))), 1e-12))
    if are_counts(history) and float(value).is_integer():
        return COUNTS
    positive = history[history > 0]
    usual = float(np.median(positive)) if positive.size else 1.0
    return Measure(start=SMALLEST * 10.0 ** floor(log10(usual)))


def are_counts(values: Array) -> bool:
    """Whether all (finite) values are whole and none is negative."""
    return bool(((values == np.floor(values)) & (values >= 0)).all())
