"""Whether a value of a series of minutes or hours is news: beyond what the last weeks have reached.

Three rules with one margin, each an interval, so that `low` and `high` are bounds of the value itself:

- *level*: the range of two weeks, without what a single day has reached alone, with all that the last three days
  have;
- *time of day*, where a day predicts the next: the values of the same time on the seven days before, and as far
  beyond them as earlier days went beyond theirs;
- *for so long*: six values in a row higher (or lower) than any six in a row were. This one sees a pattern: a value
  is anomalous by it only when the five before it were out already.

Bounds are what was reached, not standard deviations: metrics of this kind have heavy tails, and of "beyond three
sigma" there are ten alarms to each event (see the benchmark `intraday`). It is the rule of conformal prediction:
the last of n exchangeable values is the greatest with probability 1/n (Vovk, Gammerman, Shafer: Algorithmic
Learning in a Random World, 2005). That what was seen often is no anomaly is the idea of contextual detectors too
(Smirnov, CAD OSE, 2016).

**What is told is news, and told once.** A value joins the history, so the same value five minutes later is none:
that it is still out is `feedback.Training.still_out`'s to say. What only one day had is forgotten after three, and
told of again when it comes back; two days make a habit, and a level that lasts is learnt. Nothing is kept between
calls.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import floor, inf, isfinite, log10, nextafter

import numpy as np

from incident_ops.core.anomaly.days import DAY, TIME, Days, Values, last_days, numbers_of
from incident_ops.core.anomaly.history import RECENT as RECENT_POINTS
from incident_ops.core.anomaly.history import usual_gap
from incident_ops.core.anomaly.judgement import Judgement, Series
from incident_ops.core.anomaly.outlook import learning, not_a_number
from incident_ops.core.durations import format_duration

INTRADAY_BELOW = timedelta(minutes=90)
"""Series whose usual interval is below this are judged here: hourly ones too."""
HABIT = 2
"""Days that reached a value, until it is usual."""
RECENT = 3
"""Days: what they reached is usual, so that an event is not told of every day."""
SAME_TIME = 7
"""Days before, whose values at the same time are looked at: each day of the week once."""
SEASONAL = 0.5
"""The correlation of days with the days before them, from which on the time of day matters."""
RUN = 6
"""Values in a row."""
MARGIN = 0.07
"""Beyond what was reached, as a share of the range of the level. On NAB .05 to .1 differ little."""
LEAST_RANGE = 0.01
"""The range is at least this share of the size of the level: a constant 5 may become 5.003."""
LEAST = 1e-99
"""The range of what was always nought."""
ENOUGH, ENOUGH_DAYS = 144, 2
"""Points, and days, until something is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """What was reached, and, for a rule about values in a row, between what the ones just before this one lie."""

    low: float
    high: float
    words: str
    least: float = inf
    most: float = -inf

    def beyond(self, value: float) -> float:
        return max(min(value, self.least) - self.high, self.low - max(value, self.most))

    def bounds(self, room: float) -> tuple[float, float]:
        low, high = self.low - room, self.high + room
        return low if self.most < low else -inf, high if self.least > high else inf

    def within(self, other: "_Rule") -> "_Rule":
        """With the range that both have: what is usual at a time of day is not what was never reached."""
        return replace(self, low=max(self.low, other.low), high=min(self.high, other.high))


def is_intraday(times: Sequence[datetime]) -> bool:
    """Whether a series with points at these times, ascending, is judged here, and no more as one of few points."""
    if not times or times[-1] - times[0] < ENOUGH_DAYS * DAY:
        return False
    return usual_gap([time.timestamp() for time in times[-RECENT_POINTS:]]) < INTRADAY_BELOW.total_seconds()


def judge_intraday(
    history: Series, value: float, *, at: datetime, sensitivity: float = 1.0, widen: float = 1.0, unit: str = ""
) -> Judgement:
    """Judge the value at `at` by what was before.

    The score is d / (1 + d), with d how far the value is beyond what was reached, in margins.

    Args:
        history: oldest first, without the value. What is not before `at`, NaN and infinities do not count.
        value: a NaN or infinite one is anomalous.
        sensitivity: above 0; 2 halves the margin.
        widen: above 0; 2 doubles the margin.
        unit: said behind the value in the reason: "rows".

    Takes under half a millisecond for points every five minutes and one for points every minute, however long the
    history is; a gap in the last two weeks costs a little more.
    """
    end = bisect_left(history, at, key=TIME)
    days = last_days(history, lambda start, stop: numbers_of(history[start:stop]), at, end)
    return _judge(days, value, MARGIN * widen / sensitivity, unit)


def replay_intraday(
    series: Series, *, sensitivity: float = 1.0, widen: float = 1.0, unit: str = ""
) -> list[Judgement]:
    """Judge each point by those before it, as `judge_intraday` does; a quarter of a millisecond a point."""
    values = numbers_of(series)
    judgements: list[Judgement] = []
    for number, (at, value) in enumerate(series):
        end = bisect_left(series, at, hi=number, key=TIME)
        days = last_days(series, lambda start, stop: values[start:stop], at, end)
        judgements.append(_judge(days, value, MARGIN * widen / sensitivity, unit))
    return judgements


def _judge(days: Days, value: float, margin: float, unit: str) -> Judgement:
    value = float(value)
    if not isfinite(value):
        return not_a_number(value)
    known, needed = _learnt(days)
    if known < needed:
        return learning(known, needed)
    level = _level(days.grid)
    room = margin * max(level.high - level.low, LEAST_RANGE * max(abs(level.high), abs(level.low)), LEAST)
    (low, high), rules = level.bounds(room), [level]
    if level.low >= 0:  # a count, a size, a duration: less than none is no matter of margins
        low = max(low, 0.0)
    for rule in (_time_of_day(days), _for_so_long(days)):
        lower, upper = rule.bounds(room) if rule else (inf, -inf)
        if rule and max(low, lower) <= min(high, upper):  # else it contradicts the ones before, which have it
            low, high = max(low, lower), min(high, upper)
            rules.append(rule)
    anomalous = not low <= value <= high
    told = max(rules, key=lambda rule: rule.beyond(value))
    return Judgement(
        anomalous=anomalous,
        score=_score(max(told.beyond(value), 0.0) / room, anomalous=anomalous),
        low=low,
        high=high,
        reason=_reason(value, told.within(level) if anomalous else level, room, unit),
        learning=False,
    )


def _learnt(days: Days) -> tuple[int, int]:
    """How many points there are, of how many that are needed."""
    rhythm = days.rhythm
    if days.since >= ENOUGH_DAYS * rhythm.slots * rhythm.step:
        return days.known, ENOUGH
    return max(min(days.known, -(-days.since // rhythm.step)), 0), max(ENOUGH_DAYS * rhythm.slots, ENOUGH)


def _level(grid: Values) -> _Rule:
    return _Rule(low=-_reached(-grid), high=_reached(grid), words="usually {range}")


def _time_of_day(days: Days) -> _Rule | None:
    """None where a day does not predict the next, or the same time of fewer than two days is known.

    What was one slot earlier or later counts as at the same time: jobs are not that punctual.
    """
    slots, flat = days.rhythm.slots, days.grid.ravel()
    known = np.isfinite(days.grid[:SAME_TIME, -1]).sum()
    if not days.rhythm.is_daily or known < 2 or not _is_seasonal(flat[:-slots], flat[slots:]):
        return None
    highest, lowest = (  # of the value that is judged, then of the newest before it, and so on
        _over(extreme, _over(extreme, flat, 3, 1)[slots - 2 :], SAME_TIME, slots) for extreme in (np.fmax, np.fmin)
    )
    has_two = np.isfinite(flat[2 * slots :])  # a single day before it is no range
    past = np.where(has_two, flat[: -2 * slots], np.nan)
    above, below = past - highest[1 : len(past) + 1], lowest[1 : len(past) + 1] - past
    return _Rule(
        low=float(lowest[0]) - max(_reached(below.reshape(-1, slots)), 0.0),
        high=float(highest[0]) + max(_reached(above.reshape(-1, slots)), 0.0),
        words="usually {range} at this time of day",
    )


def _for_so_long(days: Days) -> _Rule | None:
    """None where one of the values just before this one is not known."""
    flat = days.grid.ravel()
    before = flat[: RUN - 1]
    if not np.isfinite(before).all():
        return None
    least, most = (_over(extreme, flat, RUN, 1).reshape(days.grid.shape) for extreme in (np.fmin, np.fmax))
    duration = format_duration(RUN * days.rhythm.step)
    return _Rule(
        low=-_reached(-most),
        high=_reached(least),
        words=f"{{side}} for {duration}, usually not for so long",
        least=float(before.min()),
        most=float(before.max()),
    )


def _reached(grid: Values) -> float:
    """The greatest value that `HABIT` days or the last ones have reached; -inf where nothing is known."""
    greatest = np.fmax.reduce(grid, axis=1)
    known = np.sort(greatest[np.isfinite(greatest)])
    recent = greatest[:RECENT][np.isfinite(greatest[:RECENT])]
    habit = float(known[-min(HABIT, len(known))]) if len(known) else -inf
    return max(habit, float(recent.max())) if len(recent) else habit


def _over(extreme: np.ufunc, flat: Values, count: int, distance: int) -> Values:
    """The extreme of each value and the `count - 1` older ones that are `distance` apart, in log2(count) steps."""
    result, done = np.append(flat, np.full((count - 1) * distance, np.nan)), 1
    while done < count:
        more = min(done, count - done)
        result = extreme(result[: -more * distance], result[more * distance :])
        done += more
    return result


def _is_seasonal(values: Values, day_before: Values) -> bool:
    both = np.isfinite(values) & np.isfinite(day_before)
    if not both.any():
        return False
    these, those = values[both], day_before[both]
    these, those = these - these.mean(), those - those.mean()
    spread = float(these @ these) * float(those @ those)
    return spread > 0 and float(these @ those) >= SEASONAL * spread**0.5


def _score(distance: float, *, anomalous: bool) -> float:
    """d / (1 + d), never 1, and on its side of one half whatever the rounding."""
    score = 1 - 1 / (1 + distance)
    return min(max(score, 0.5), nextafter(1, 0)) if anomalous else min(score, nextafter(0.5, 0))


def _reason(value: float, rule: _Rule, room: float, unit: str) -> str:
    low, high = _number(rule.low, room), _number(rule.high, room)
    span = low if low == high else f"{low} to {high}" if rule.low < 0 else f"{low}–{high}"
    side = f"below {low}" if value < rule.low else f"above {high}"
    return f"{_number(value, room)} {unit}".rstrip() + f", {rule.words.format(range=span, side=side)}"


def _number(number: float, room: float) -> str:
    """With as many digits as the margin has meaning: "1,204", "0.35"."""
    if abs(number) >= 1e15:
        return f"{number:.4g}"
    digits = min(max(-floor(log10(room)), 0), 12)
    text = f"{number:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if digits else text
