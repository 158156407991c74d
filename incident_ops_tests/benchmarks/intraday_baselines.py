"""What people use today for series of minutes: a score for each point by those before, and the usual threshold."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]
Baseline = Callable[[pd.Series, int], pd.Series]
"""Values, and how many of them make a day, in; how far out each is."""

TO_SIGMA = 1.4826  # a median absolute deviation as a standard deviation, of a normal distribution
FIRST = 30  # points until a baseline says something
LEAST = 1e-9


def _before(values: pd.Series) -> pd.Series:
    """At each point the one before."""
    return pd.Series(np.append(np.nan, values.to_numpy()[:-1]))


def _z(values: pd.Series, past: pd.Series, window: int) -> pd.Series:
    rolling = past.rolling(window, min_periods=FIRST)
    return (values - rolling.mean()).abs() / (rolling.std() + LEAST)


def windowed_gaussian(values: pd.Series, per_day: int) -> pd.Series:
    """NAB's: a normal distribution of the last 6,400 points."""
    return _z(values, _before(values), 6400)


def z_score(values: pd.Series, per_day: int) -> pd.Series:
    """Of the 14 days before."""
    return _z(values, _before(values), 14 * per_day)


def elementary(values: pd.Series, per_day: int) -> pd.Series:
    """The formula of Elementary: z over 14 days with the judged value in its own training window."""
    return _z(values, values, 14 * per_day)


def ewma(values: pd.Series, per_day: int) -> pd.Series:
    weighted = _before(values).ewm(span=100, min_periods=FIRST)
    return (values - weighted.mean()).abs() / (weighted.std() + LEAST)


def median_mad(values: pd.Series, per_day: int) -> pd.Series:
    """Of the 14 days before."""
    past = _before(values).rolling(14 * per_day, min_periods=FIRST)
    return _by_mad(values - past.median(), per_day)


def seasonal_median_mad(values: pd.Series, per_day: int) -> pd.Series:
    """The median of the same time on the seven days before."""
    same_time = pd.concat([values.shift(day * per_day) for day in range(1, 8)], axis=1)
    return _by_mad(values - same_time.median(axis=1), per_day)


def _by_mad(deviation: pd.Series, per_day: int) -> pd.Series:
    usual = deviation.abs().shift(1).rolling(14 * per_day, min_periods=FIRST).median()
    return deviation.abs() / (TO_SIGMA * usual + LEAST)


BASELINES: Mapping[str, tuple[Baseline, float, str]] = {
    "windowed Gaussian": (windowed_gaussian, 8.2, "F1 .404, NAB 39.65"),
    "z-score of 14 days": (z_score, 3.0, "F1 .294"),
    "EWMA": (ewma, 3.0, "F1 .230, NAB 40.1"),
    "seasonal median + MAD": (seasonal_median_mad, 3.0, "F1 .274"),
    "median + MAD": (median_mad, 3.0, "F1 .231"),
    "Elementary's formula": (elementary, 3.0, "F1 .228, NAB 3.2"),
}
"""With the threshold people use (that of the Gaussian is NAB's, a tail of 1e-16) and figures of all 58 series."""


def scores_of(baseline: Baseline, seconds: Array, values: Array) -> Array:
    per_day = max(round(86_400 / float(np.median(np.diff(seconds)))), 1)
    return baseline(pd.Series(values), per_day).fillna(0.0).to_numpy()
