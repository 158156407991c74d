"""A judgement in words: "3 rows, usually 940–1,060 on Mondays"."""

from datetime import datetime
from math import ceil, exp, floor, isfinite

from incident_ops.core.anomaly.history import DAILY, SEQUENCE, Cadence
from incident_ops.core.anomaly.measure import Measure

DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
WORTH_TELLING = 0.1  # of the peers' common movement


def reason(
    value: float, low: float, high: float, *, measure: Measure, unit: str = "", when: str = "", moved: float = 0.0
) -> str:
    """One sentence: the value, its bounds, when they hold, and the common movement of the peers."""
    if measure.is_count:
        low, high = (ceil(low) if isfinite(low) else low), (floor(high) if isfinite(high) else high)
    least, most = spoken(low), spoken(high)
    usual = least if least == most else f"{least}–{most}" if isfinite(high) else f"{least} or more"
    change = exp(moved) - 1 if measure.start else 0.0
    peers = f" when its peers are at {change:+.0%}".replace("-", "−") if abs(change) >= WORTH_TELLING else ""
    return f"{spoken(value)} {unit}".rstrip() + f", usually {usual}{when}{peers}"


def spoken(number: float) -> str:
    """A number as people read it: with commas, and with three digits that count when it is no whole number, or one
    that nobody reads in digits."""
    if abs(number) >= 1e15:
        return f"{number:.3g}"
    if isinstance(number, int):
        return f"{number:,}"
    if abs(number) >= 1000 or number % 1 == 0:
        return f"{number:,.0f}"
    return f"{number:.3g}"


def at_such_times(at: datetime, cadence: Cadence, *, is_special: bool = False) -> str:
    """When the bounds hold: "on Mondays", "on Mondays at 14:00", or nothing for a series without a season."""
    if cadence is SEQUENCE:
        return ""
    day = " on such a day" if is_special else f" on {DAYS[at.weekday()]}"
    return day if cadence is DAILY else f"{day} at {at:%H:%M}"
