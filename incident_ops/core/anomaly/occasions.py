"""Bursts of arrivals as one: a backfill of a hundred partitions, or a run that is started again at once, says no
more of an asset's cadence than a single build.

When the next one is due is `arrivals`' business.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Hours: TypeAlias = npt.NDArray[np.float64]
"""Shape (n,), ascending: hours since the start of 1970 on some clock."""

BURST = 0.5
"""Hours. Arrivals closer than this are one occasion, unless the asset arrives that often all day long."""
SHORT = 0.05
"""A burst is short beside the time to the next one; an hour of builds every five minutes of each working day is
none."""


def occasions(hours: Hours) -> Hours:
    """The first arrival of each burst."""
    bursts = _first_of_each(hours, BURST)
    if len(bursts) < 2 or len(bursts) == len(hours):
        return _steady(hours) if len(bursts) < 2 else bursts
    last = np.append(hours[np.searchsorted(hours, bursts[1:]) - 1], hours[-1])
    is_short = np.median(last - bursts) <= SHORT * np.median(np.diff(bursts))
    return bursts if is_short else _steady(hours)


def _steady(hours: Hours) -> Hours:
    """Of an asset that arrives every few minutes: closer than a quarter of the gap in which half of the time is
    spent is a burst. A backfill has many gaps and little time."""
    gaps = np.sort(np.diff(hours))
    gaps = gaps[gaps <= BURST]
    if not len(gaps):
        return hours
    spent = np.cumsum(gaps)
    return _first_of_each(hours, float(gaps[np.searchsorted(spent, spent[-1] / 2)]) / 4)


def _first_of_each(hours: Hours, closer: float) -> Hours:
    return hours[np.append(True, np.diff(hours) > closer)] if len(hours) else hours
