"""How far two distributions are apart: the Population Stability Index and the Jensen–Shannon distance.

A distribution is a number of shares by bin, or by category. Where the values are is the detector's.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log, log2, sqrt

SMOOTHING = 1e-4
"""The least share of a bin. An empty bin would make the index infinite; with this one a bin that goes from empty
to 1 % adds .05, and one that goes from 10 % to empty .7."""
NOTABLE = 0.25
"""N. Siddiqi, Credit Risk Scorecards (2006): below .1 no change to speak of, from .25 on a change that matters."""
CHANCE = 3.1
"""The one-sided normal quantile of one in a thousand, to which `by_chance` reaches."""


def psi(expected: Sequence[float], actual: Sequence[float], *, smoothing: float = SMOOTHING) -> float:
    """Σ (a − e) ln(a / e) over the shares of all bins, each share being at least `smoothing` and all of them put
    to a sum of 1 again. It is the symmetric Kullback–Leibler divergence (H. Jeffreys, 1946), 0 for equal shares.

    Raises:
        ValueError: the two have not the same bins, or no mass.
    """
    pairs = zip(_smoothed(expected, smoothing), _smoothed(actual, smoothing), strict=True)
    return sum((a - e) * log(a / e) for e, a in pairs)


def jensen_shannon(expected: Sequence[float], actual: Sequence[float]) -> float:
    """The root of the Jensen–Shannon divergence in bits (J. Lin, 1991; a metric by D. Endres and J. Schindelin,
    2003): 0 for equal shares, 1 for shares that have no bin in common. Empty bins need no smoothing.

    Raises:
        ValueError: the two have not the same bins, or no mass.
    """
    divergence = 0.0
    for e, a in zip(_smoothed(expected, 0.0), _smoothed(actual, 0.0), strict=True):
        middle = (e + a) / 2
        divergence += sum(share * log2(share / middle) / 2 for share in (e, a) if share > 0)
    return sqrt(max(divergence, 0.0))


def by_chance(bins: int, expected_rows: float, actual_rows: float) -> float:
    """The index that equal distributions reach in one of a thousand samples: it is then distributed as (1/n + 1/m)
    times χ² with one degree of freedom less than bins (B. Yurdakul, Statistical Properties of Population Stability
    Index, 2018). The quantile of χ² is that of E. Wilson and M. Hilferty (1931)."""
    freedom = max(bins - 1, 1)
    part = 2 / (9 * freedom)
    quantile = freedom * (1 - part + CHANCE * sqrt(part)) ** 3
    return quantile * (1 / max(expected_rows, 1) + 1 / max(actual_rows, 1))


def aligned(expected: Mapping[str, float], actual: Mapping[str, float]) -> tuple[list[float], list[float]]:
    """Counts or shares by category as two lists with the same bins."""
    names = [*expected, *(name for name in actual if name not in expected)]
    return [expected.get(name, 0.0) for name in names], [actual.get(name, 0.0) for name in names]


def edges_in(quantiles: Sequence[float], bins: int = 10) -> list[float]:
    """Up to `bins` − 1 edges between bins of about equal mass: those of `quantiles` that part it, each once.

    Args:
        quantiles: values at equally spaced ranks, from the least (rank 0) to the greatest (rank 1).
    """
    last = len(quantiles) - 1
    inner = [quantiles[round(last * bin_ / bins)] for bin_ in range(1, bins)]
    return sorted({edge for edge in inner if edge < quantiles[last]})


def shares_in(quantiles: Sequence[float], edges: Sequence[float]) -> list[float]:
    """The mass up to each edge, between them, and after the last, read off the quantiles: as exact as they are
    dense. Between two quantiles the mass is taken as even; that of a value that repeats is in the bin it ends.

    Args:
        quantiles: as in `edges_in`.
    """
    below = [0.0, *(_mass_up_to(quantiles, edge) for edge in edges), 1.0]
    return [high - low for low, high in pairwise(below)]


def _mass_up_to(quantiles: Sequence[float], value: float) -> float:
    last = len(quantiles) - 1
    after = bisect_right(quantiles, value)
    if after == 0:
        return 0.0
    if after > last:
        return 1.0
    low, high = quantiles[after - 1], quantiles[after]
    return (after - 1 + (value - low) / (high - low)) / last


def _smoothed(shares: Sequence[float], least: float) -> list[float]:
    total = sum(shares)
    if not total > 0:
        raise ValueError("a distribution without any mass is compared with nothing")
    raised = [max(share / total, least) for share in shares]
    return [share / sum(raised) for share in raised]
