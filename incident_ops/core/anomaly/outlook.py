"""What is expected of one value, and what is said of the value that came."""

from math import exp, hypot, inf, isfinite, log, nan, sqrt
from typing import NamedTuple

import numpy as np

from incident_ops.core.anomaly.history import Array
from incident_ops.core.anomaly.judgement import Judgement
from incident_ops.core.anomaly.measure import LEAST_RATIO, Measure
from incident_ops.core.anomaly.wording import reason

LEAST = 8  # points: from here on a value is judged
WIDTH = 2.85  # spreads to the bound. Measured on real daily tables: about one false alarm in 100 series-days
MANY = log(5)  # a table of so many rows is empty by chance once in 150 days
SHARE_VARIES = 0.125  # of what the peers' movement lets expect: a table may follow them fully
RECENT = 28
BEYOND = 0.3  # at least, of the range that was reached by a series too short for a forecast
STRETCHES = 3  # of empty days among them: a table that is empty every Sunday has four
NOTHING = 1.25  # the deviation, at least, of a zero that is unusual
CERTAIN = 0.999


class Outlook(NamedTuple):
    """What is expected of a value, on the scale of `measure`. (Thousands are made in a replay, and a tuple is made
    in a quarter of the time of a frozen dataclass.)

    Attributes:
        forecast: from the series' own past; NaN where the season is too short for one.
        spread: the usual size of a forecast error; NaN likewise.
        moved: the common movement of the peers.
        share: what of it is added to the forecast.
        widening: the factor on the bounds that the peers ask for.
        lower: how far below the forecast (0 or less) days of its kind may lie.
        upper: how far above.
        values: the known values before it, oldest first.
        when: "on Mondays", or nothing.
    """

    measure: Measure
    values: Array
    forecast: float = nan
    spread: float = nan
    moved: float = 0.0
    share: float = 0.0
    widening: float = 1.0
    lower: float = 0.0
    upper: float = 0.0
    when: str = ""

    @property
    def is_seasonal(self) -> bool:
        return isfinite(self.forecast + self.spread)


def judged(
    value: float, outlook: Outlook, *, sensitivity: float = 1.0, widen: float = 1.0, unit: str = ""
) -> Judgement:
    """What is said of a finite value."""
    width = WIDTH * widen / sensitivity
    measure = outlook.measure
    place = _place(measure, value)
    lowest, highest, margin = _bounds(outlook, width) if outlook.is_seasonal else _reached(outlook, width)
    deepest, below = measure.deepest, lowest - place
    deviation = max(below if below < deepest else deepest, place - highest, 0.0) / margin
    low = measure.back(lowest - margin if margin < deepest else -inf)
    high = measure.back(highest + margin)
    if value <= 0 and _nothing_is_unusual(value, outlook, width):
        deviation = max(deviation, NOTHING)
        low = max(low, 1.0 if measure.is_count else measure.start)
    score = deviation / (1 + deviation)
    return Judgement(
        anomalous=score >= 0.5,
        score=min(score, CERTAIN),
        low=low,
        high=high,
        reason=reason(value, low, high, measure=measure, unit=unit, when=outlook.when, moved=outlook.moved),
        learning=False,
    )


def learning(count: int, needed: int = LEAST, *, of_what: str = "") -> Judgement:
    return Judgement(
        anomalous=False,
        score=0.0,
        low=-inf,
        high=inf,
        reason=f"learning{of_what}, {count} of {needed}",
        learning=True,
    )


def not_a_number(value: float) -> Judgement:
    """A value that is not finite is out of whatever was before."""
    return Judgement(
        anomalous=True,
        score=CERTAIN,
        low=-inf,
        high=inf,
        reason=f"{'not a number' if value != value else 'infinite'}, where a finite value is expected",
        learning=False,
    )


def _bounds(outlook: Outlook, width: float) -> tuple[float, float, float]:
    """The least and greatest forecast, and how far beyond them a value may lie."""
    centre = outlook.forecast + outlook.share
    by_chance = min(outlook.measure.small_counts(outlook.forecast), 4 * outlook.spread**2)
    by_peers = (SHARE_VARIES * outlook.share) ** 2
    spread = sqrt(outlook.spread**2 + outlook.measure.least**2 + by_chance + by_peers)
    return centre + outlook.lower, centre + outlook.upper, width * outlook.widening * spread


def _reached(outlook: Outlook, width: float) -> tuple[float, float, float]:
    """Without a season yet: the range that was reached, and half of it more at the usual width, 30 % at least."""
    places = outlook.measure.of(outlook.values)
    lowest, highest = float(places.min()), float(places.max())
    by_chance = 4 * outlook.measure.small_counts((lowest + highest) / 2)
    least = BEYOND / LEAST_RATIO * outlook.measure.least + sqrt(by_chance)
    return lowest, highest, max((highest - lowest) / 2, least) * width / WIDTH


def _nothing_is_unusual(value: float, outlook: Outlook, width: float) -> bool:
    """No rows, where few of the last days were without, and the others had either many or always as many.

    Asked without the peers and without the chance of small counts: neither makes an empty table usual. Less than
    nothing is unusual wherever it never was.
    """
    recent = outlook.values[-RECENT:]
    if value < 0 or not outlook.measure.start:
        return outlook.measure.start > 0
    is_empty = recent == 0
    if is_empty[0] + np.count_nonzero(is_empty[1:] & ~is_empty[:-1]) > STRETCHES:
        return False
    if not outlook.is_seasonal:
        return float(recent.min()) >= exp(MANY) or recent.min() == recent.max() > 0
    lowest = outlook.forecast + outlook.lower
    least = width * hypot(outlook.spread, outlook.measure.least)
    nothing = _place(outlook.measure, 0.0)
    return nothing < lowest - least or (outlook.measure.is_count and lowest >= MANY)


def _place(measure: Measure, value: float) -> float:
    if not measure.start:
        return value
    return log(max(value, 0.0) + measure.start) + min(value, 0.0) / measure.start
