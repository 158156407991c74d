"""A level that people have accepted: what was before is moved onto it, so that only its shape is left."""

import numpy as np

from incident_ops.core.anomaly.history import Array, Cadence
from incident_ops.core.anomaly.seasonal import forecasts, medians


def on_accepted_level(places: Array, first: int, cadence: Cadence) -> Array | None:
    """The slots with all before `first` moved to the level from there on; None while nothing is known of it.

    The distance is the median, over the first slots of the new level (as many as make a level), from what their
    part of the week was like on the old one. The last slot is the one that is judged, and has no say.
    """
    if first <= 0:
        return places
    before, after = places[:first], places[first:-1]
    told = np.flatnonzero(~np.isnan(after))[: cadence.level]
    if not told.size:
        return None
    old = before[~np.isnan(before)][-cadence.level :]
    if not old.size:
        return places
    surplus = forecasts(before, cadence).surplus
    usual = np.array([_of_season(surplus, first + int(slot), cadence) for slot in told])
    distance = float(np.median(after[told] - usual) - np.median(old))
    return np.concatenate((before + distance, places[first:]))


def _of_season(surplus: Array, slot: int, cadence: Cadence) -> float:
    same = surplus[slot % cadence.season :: cadence.season][-cadence.seasons :]
    return float(np.nan_to_num(medians(same[np.newaxis], least=1))[0])
