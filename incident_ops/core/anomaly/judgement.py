"""What is said of one value of a metric: the values of `judge`, and the words for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

Series = Sequence[tuple[datetime, float]]
"""Times (aware) and values, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Whether a value is out of what its history lets expect.

    Attributes:
        anomalous: outside `low` … `high`. Never while learning.
        score: 0 to below 1, how far out; one half at the bounds, so `anomalous` is `score >= 0.5` (0 while
            learning). Comparable between series.
        low: the least value that is as usual, in the unit of the series; -inf while learning or where there is no
            lower bound.
        high: the greatest such value; inf likewise.
        reason: one sentence for people: "3 rows, usually 940–1,060 on Mondays", without the name of the metric's
            unit when none is given.
        learning: the history is too short to tell: "learning, 3 of 8".
    """

    anomalous: bool
    score: float
    low: float
    high: float
    reason: str
    learning: bool
