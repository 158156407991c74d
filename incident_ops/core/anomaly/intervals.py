"""Assets that go by no clock: every second day, monthly, every few minutes, or when somebody sends something."""

from datetime import timedelta

import numpy as np

from incident_ops.core.anomaly.appointments import DAY, Appointment, grace
from incident_ops.core.anomaly.habit import FAR, habit_of
from incident_ops.core.anomaly.occasions import Hours
from incident_ops.core.durations import format_duration

WEEK = 7 * DAY
WEEKS = 8


def next_by_interval(hours: Hours, last: float, *, slack: float = 1.0) -> Appointment:
    """When the next arrival after `last` is due by the gaps between the earlier ones, and not before it would have
    come after the same hour of earlier weeks: nights and weekends are no delay.

    Args:
        hours: occasions, two at least.
        slack: factor for the margin.
    """
    gaps = np.diff(hours)
    habit = habit_of(gaps)
    patience = grace(habit.middle)
    deadline = max(habit.middle + slack * habit.margin(patience), _silence(hours, last) + slack * patience)
    return Appointment(
        middle=last + habit.middle,
        early=last + habit.early,
        late=last + habit.late,
        deadline=last + deadline,
        every=_every(habit.early, habit.late),
    )


def _silence(hours: Hours, last: float) -> float:
    """How long the asset was silent from the same hour of earlier weeks on, at most, in four weeks of five; 0
    where nothing is known of them."""
    then = last - WEEK * np.arange(1, WEEKS + 1)
    then = then[(then >= hours[0]) & (then < hours[-1])]
    following = np.searchsorted(hours, then, side="right")
    return float(np.quantile(hours[following] - then, FAR)) if len(then) else 0.0


def _every(shortest: float, longest: float) -> str:
    low, high = (format_duration(timedelta(hours=hours)) for hours in (shortest, longest))
    return f"every {low}" if low == high else f"every {low} to {high}"
