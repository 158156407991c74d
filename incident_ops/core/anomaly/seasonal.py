"""What a slot is usually like, and how far forecasts usually miss: rolling medians over the past of each slot.

    forecast(t) = level(t) + season(t)
    rough(t)    = median of the last `level` slots (a week of days: each weekday once, so no weekday weighs more)
    season(t)   = median, over the last `seasons` slots of the same season, of value minus rough(t)
    level(t)    = median of the last `level` slots without their season: value − season + the week's median season

The season so carries weekday and trend: what the level lags behind by, it lagged behind by last week too. A single
bad day moves neither median, a lasting change of level moves the level after half its window. The spread is the
root mean square of the forecast errors of the last four weeks, each cut at five times their upper quartile: errors
that were made, and not the spread of the values, so that what can't be forecast well gets wide bounds.
Every row depends on the slots before it only, so that one slot and all slots of two years come out alike.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from incident_ops.core.anomaly.history import Array, Cadence

LEAST_LEVEL = 3  # values that make a level
LEAST_SEASON = 2  # earlier slots of the same season that make a season
LEAST_ERRORS = 5
CUT = 5.0


class Forecasts(NamedTuple):
    """Per slot: the level before it, what its season adds, and how far its value lay above the rough level."""

    level: Array
    season: Array
    surplus: Array


def windows(slots: Array, width: int) -> Array:
    """Before each slot of the last axis its `width` slots before, oldest first: shape (…, slots, width)."""
    padded = np.full((*slots.shape[:-1], width + slots.shape[-1]), np.nan)
    padded[..., width:] = slots
    strides = (*padded.strides, padded.itemsize)  # numpy's sliding_window_view takes ten times as long
    return np.ndarray((*slots.shape, width), padded.dtype, padded, strides=strides)


def medians(rows: Array, *, least: int) -> Array:
    """The median of what is not NaN in each row of the last axis; NaN where that is fewer than `least`."""
    ordered = np.array(rows, order="C")
    ordered.sort(axis=-1)  # NaN go last
    width = ordered.shape[-1]
    middle = ordered[..., width >> 1] + ordered[..., (width - 1) >> 1]
    middle *= 0.5
    short = np.isnan(ordered[..., -1]) if width >= least else np.ones(middle.shape, bool)
    if short.any():
        middle[short] = _medians_of_short(ordered[short], least)
    return middle


def _medians_of_short(ordered: Array, least: int) -> Array:
    """Of sorted rows with NaN at their ends, shape (rows, width)."""
    count, flat = _counts(ordered), ordered.reshape(-1)
    start = _starts(count, ordered.shape[-1])
    middle = flat.take(start + (count >> 1))
    middle += flat.take(start + ((count - 1) >> 1))  # of a row without a number some other's; it is not kept
    middle *= 0.5
    middle[count < least] = np.nan
    return middle


def forecasts(places: Array, cadence: Cadence) -> Forecasts:
    """Level and season before each slot of the last axis; NaN where too little is known."""
    rough = medians(windows(places, cadence.level), least=LEAST_LEVEL)
    surplus = places - rough
    reach = cadence.season * cadence.seasons
    season = medians(windows(surplus, reach)[..., :: cadence.season], least=LEAST_SEASON)
    if cadence.season == 1:
        return Forecasts(rough, season, surplus)
    even = places - season + medians(windows(season, cadence.level), least=1)
    level = medians(windows(even, cadence.level), least=LEAST_LEVEL)
    return Forecasts(np.where(np.isnan(level), rough, level), season, surplus)


def spreads(rows: Array) -> Array:
    """The usual size of the errors in each row of the last axis (NaN: none); NaN for fewer than five.

    A root mean square with a cut, widened by 2/n for what few errors can't tell (near the quotient of Student's
    and the normal 99 % point).
    """
    ordered = np.abs(rows)
    ordered.sort(axis=-1)
    is_short = np.isnan(ordered[..., -1])
    count = np.full(is_short.shape, ordered.shape[-1])
    if has_short := bool(is_short.any()):
        count[is_short] = _counts(ordered[is_short])
    cut = CUT * ordered.reshape(-1).take(_starts(count, ordered.shape[-1]) + np.maximum(3 * (count - 1) // 4, 0))
    squares = ordered  # in place: to fetch fresh memory for each step takes longer than all the reckoning
    np.minimum(squares, cut[..., np.newaxis], out=squares)
    np.square(squares, out=squares)
    if has_short:
        squares[np.isnan(squares)] = 0.0
    enough = np.maximum(count, 1)
    found = np.sqrt(squares.sum(axis=-1) / enough) * (1 + 2 / enough)
    found[count < LEAST_ERRORS] = np.nan
    return found


def _counts(rows: Array) -> NDArray[np.int64]:
    """How many in each row of the last axis are not NaN."""
    return np.asarray(np.add.reduce(rows == rows, axis=-1, dtype=np.int64))


def _starts(count: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Where each of so many rows of this width begins, counted over all; of the shape of `count`."""
    return np.arange(count.size).reshape(count.shape) * width
