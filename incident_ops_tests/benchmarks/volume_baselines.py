"""What others do with a daily volume: six rules as scores per day, 1 at their own bound. NaN: nothing is said.

Formulas: Elementary's volume anomaly test (z-score of the last 14 days, the judged one among them, beyond 3); the
textbook z-score, EWMA control chart and median ± MAD of the days before; ±40 % of the same weekday; and a
logarithmic level with weekday medians and the MAD of what is left.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NORMAL = 1.4826  # MAD to standard deviation


def elementary(values: Array) -> Array:
    scores = np.full(values.size, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(values, 14)
    scores[13:] = _ratio(np.abs(values[13:] - windows.mean(1)), windows.std(1, ddof=1)) / 3
    return scores


def z_score(values: Array, days: int = 28) -> Array:
    scores = np.full(values.size, np.nan)
    windows = _before(values, days)
    scores[days:] = _ratio(np.abs(values[days:] - windows.mean(1)), windows.std(1, ddof=1)) / 3
    return scores


def ewma(values: Array, weight: float = 0.3) -> Array:
    """Exponentially weighted mean and variance, three standard deviations."""
    scores = np.full(values.size, np.nan)
    mean, variance = float(values[0]), 0.0
    for day in range(1, values.size):
        distance = float(values[day]) - mean
        if day >= 14:
            scores[day] = abs(distance) / max(3 * variance**0.5, 1e-9)
        mean += weight * distance
        variance = (1 - weight) * (variance + weight * distance**2)
    return scores


def mad(values: Array, days: int = 28) -> Array:
    scores = np.full(values.size, np.nan)
    windows = _before(values, days)
    middle = np.median(windows, axis=1)
    spread = NORMAL * np.median(np.abs(windows - middle[:, None]), axis=1)
    scores[days:] = _ratio(np.abs(values[days:] - middle), spread) / 3.5
    return scores


def same_weekday(values: Array) -> Array:
    scores = np.full(values.size, np.nan)
    scores[7:] = np.abs(values[7:] / np.maximum(values[:-7], 1.0) - 1) / 0.4
    return scores


def log_weekday(values: Array, weeks: int = 8) -> Array:
    days = 7 * weeks
    logs = np.log1p(values)
    scores = np.full(values.size, np.nan)
    windows = _before(logs, days).reshape(-1, weeks, 7)  # the judged day is of the weekday of column 0
    level = np.median(windows[:, -2:].reshape(-1, 14), axis=1)
    weekday = np.median(windows, axis=1)
    typical = np.median(windows.reshape(-1, days), axis=1)
    left = (windows - weekday[:, None]).reshape(-1, days)
    spread = NORMAL * np.median(np.abs(left - np.median(left, axis=1, keepdims=True)), axis=1)
    scores[days:] = _ratio(np.abs(logs[days:] - level - weekday[:, 0] + typical), np.maximum(spread, 0.01)) / 5
    return scores


BASELINES: dict[str, Callable[[Array], Array]] = {
    "Elementary's formula": elementary,
    "z over the 28 days before": z_score,
    "EWMA": ewma,
    "median ± MAD": mad,
    "±40 % of the same weekday": same_weekday,
    "log level + weekday median + MAD": log_weekday,
}


def _before(values: Array, days: int) -> Array:
    """The days before each day from the day `days` on, shape (days judged, days)."""
    return np.lib.stride_tricks.sliding_window_view(values, days)[:-1]


def _ratio(distance: Array, spread: Array) -> Array:
    return distance / np.maximum(spread, 1e-9)
