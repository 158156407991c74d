"""One value against its history: `judge`. Series of minutes and hours are judged in `intraday`."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from math import isfinite

import numpy as np

from incident_ops.core.anomaly.acceptance import on_accepted_level
from incident_ops.core.anomaly.course import Company, Course
from incident_ops.core.anomaly.history import (
    DAILY,
    DAY,
    RECENT,
    SEQUENCE,
    Array,
    Cadence,
    cadence_of,
    in_order,
    known,
    usual_gap,
    workable_number,
)
from incident_ops.core.anomaly.intraday import INTRADAY_BELOW, judge_intraday
from incident_ops.core.anomaly.judgement import Judgement, Series
from incident_ops.core.anomaly.measure import measure_of
from incident_ops.core.anomaly.outlook import LEAST, judged, learning, not_a_number
from incident_ops.core.anomaly.slots import Grid, Row, slots_of
from incident_ops.core.anomaly.special_days import SpecialDays, is_month_edge


def judge(
    history: Series,
    value: float,
    *,
    at: datetime,
    peers: Sequence[Series] = (),
    sensitivity: float = 1.0,
    widen: float = 1.0,
    holidays: Collection[date] = (),
    accepted_from: datetime | None = None,
    unit: str = "",
) -> Judgement:
    """Say whether a value is out of what its history lets expect. One default for all series.

    Args:
        history: the series before the value: times (aware) and values, oldest first. What is not before `at`, NaN
            and infinities are left out, of several values of one time the last counts, any order will do.
        value: a number of any kind; a NaN or infinite one is anomalous. Beyond 1e100 all are taken to be alike.
        at: the time of the value.
        peers: other series of the same kind, such as the tables that the same job loads, each with its value at
            `at`. Three of them make a common movement, which the series is expected to share, down to a quarter
            and up to the fourfold: when all tables are empty at once, all are anomalous. Without peers the bounds
            are wider by two fifths.
        sensitivity: above 0; bounds are 1/sensitivity as far from the forecast.
        widen: above 0; bounds are `widen` times as far: what the feedback "false positive" has taught.
        holidays: days (of the time zone of `at`) that may be like Sundays instead of their weekday.
        accepted_from: the level from here on is the accepted one: the level before is forgotten, the pattern of
            the week and the spread are kept.
        unit: said behind the value in the reason: "rows".

    Without `accepted_from` a lasting change of level is told of for about four slots (until it is half of the
    window of the level) and then learnt. In the first two days of a series of minutes and hours its points are
    taken one after another, whatever the time; later (`intraday`) peers, holidays and accepted levels have no say.

    Raises:
        ValueError: a sensitivity or widening that is not positive.
    """
    if not (sensitivity > 0 and widen > 0):
        raise ValueError(f"sensitivity {sensitivity} and widening {widen} must be positive")
    value = workable_number(value)
    if not isfinite(value):
        return not_a_number(value)
    points = in_order(history, at)
    gap = usual_gap([when.timestamp() for when, _ in points[-RECENT:]])
    cadence = cadence_of(gap)
    if gap < INTRADAY_BELOW.total_seconds():
        judgement = judge_intraday(points, value, at=at, sensitivity=sensitivity, widen=widen, unit=unit)
        if not judgement.learning:
            return judgement
        cadence = SEQUENCE  # builds by hand, minutes apart, have no days to learn, and tell enough
    reach = cadence.reach
    length = cadence.long_reach if cadence is DAILY and is_month_edge(at.date()) else reach
    tail = known(points[-length:])
    values = tail.values
    if length > reach and len(points) > reach:
        values = values[np.searchsorted(tail.seconds, points[-reach][0].timestamp()) :]
    if values.size < LEAST:
        return learning(values.size)
    slots = slots_of(tail, at.timestamp(), cadence, length + 1)
    measure = measure_of(values, value)
    own = slots.filled(tail)
    own[-1] = value
    places = measure.of(own)
    if accepted_from is not None:
        first = slots.first_from(accepted_from.timestamp())
        moved = on_accepted_level(places, first, cadence)
        if moved is None:
            return learning(0, 1, of_what=" the accepted level")
        if moved is not places:
            places, before = moved, moved[:-1]
            values = np.array([measure.back(place) for place in before[~np.isnan(before)].tolist()])
    company = _company(peers if measure.start else (), slots, cadence, at, length + 1)
    special = SpecialDays.until(at.date(), length + 1, frozenset(holidays)) if cadence is DAILY else None
    outlook = Course.of(places, measure, cadence, company, special).outlook(length, values, at=at)
    return judged(value, outlook, sensitivity=sensitivity, widen=widen, unit=unit)


def _company(peers: Sequence[Series], slots: Grid | Row, cadence: Cadence, at: datetime, length: int) -> Company:
    """What the peers did in these slots. Those with negative values move on another scale and are left out."""
    until = at + timedelta(seconds=cadence.step or DAY / 2)
    rows: list[Array] = []
    for peer in peers:
        tail = known(in_order(peer, until)[-length - 1 :])
        if tail.values.size:
            measure = measure_of(tail.values, tail.values.item(-1))
            if measure.start:
                rows.append(measure.of(slots.filled(tail)))
    return Company.of(np.array(rows), cadence, asked=1) if rows else Company.none(length, asked=1)
