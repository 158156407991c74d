"""A series cut into equal slots, its peers into the same."""

from dataclasses import dataclass

import numpy as np

from incident_ops.core.anomaly.history import Array, Cadence, Points, usual_gap

EDGE = 0.125  # points within an eighth of a slot on both sides of a border: the borders are moved by half a slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """`length` slots of `step` seconds, the last of them of the number `last`; borders are moved by `shift`."""

    step: float
    shift: float
    last: int
    length: int

    def filled(self, points: Points) -> Array:
        """The values of the slots, of several in one the last; NaN for none."""
        slots = np.full(self.length, np.nan)
        places = ((points.seconds + self.shift) // self.step).astype(np.int64) - (self.last - self.length + 1)
        inside = (places >= 0) & (places < self.length)
        slots[places[inside]] = points.values[inside]
        return slots

    def first_from(self, seconds: float) -> int:
        """The slot of this time; negative before all slots."""
        return int((seconds + self.shift) // self.step) - self.last + self.length - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A slot for each of these times, of a series without a step; at the front slots of nothing (NaN)."""

    times: Array
    tolerance: float

    def filled(self, points: Points) -> Array:
        """The values of the points that are nearest to the slots, within half a usual distance."""
        slots = np.full(self.times.size, np.nan)
        seconds, values = points
        if seconds.size:
            after = np.searchsorted(seconds, self.times).clip(max=seconds.size - 1)
            before = (after - 1).clip(min=0)
            nearest = np.where(self.times - seconds[before] < seconds[after] - self.times, before, after)
            near = np.abs(seconds[nearest] - self.times) <= self.tolerance
            slots[near] = values[nearest[near]]
        return slots

    def first_from(self, seconds: float) -> int:
        return int(np.count_nonzero(~(self.times >= seconds)))


def straddles(seconds: Array, step: float) -> bool:
    """Whether points fall just before and just after the borders of slots: loads at midnight, some early."""
    inside = seconds % step
    return bool(inside.min() < EDGE * step and inside.max() >= (1 - EDGE) * step)


def slots_of(points: Points, at: float, cadence: Cadence, length: int) -> Grid | Row:
    """The slots of a series that has these points and is judged at `at`, the last of its slots."""
    seconds = np.append(points.seconds, at)
    if cadence.step:
        shift = cadence.step / 2 if straddles(seconds, cadence.step) else 0.0
        last = int((at + shift) // cadence.step)
        return Grid(step=cadence.step, shift=shift, last=last, length=length)
    times = np.full(length, np.nan)
    kept = seconds[-length:]
    times[-kept.size :] = kept
    return Row(times=times, tolerance=usual_gap(kept.tolist()) / 2)
