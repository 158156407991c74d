"""A deadline learnt from earlier arrivals: false alerts, slack after the usual arrival, and when a miss is told.

On the arrival times of one real table, daily for three years and weekly thereafter: the constants were chosen
here, so the figures claim nothing that held-out times do not confirm. Run with
`python -m incident_ops_tests.benchmarks.arrivals`.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from time import perf_counter
from zoneinfo import ZoneInfo

import numpy as np

from incident_ops.core.anomaly.arrivals import ENOUGH, due
from incident_ops_tests.benchmarks.table import Row, data_folder, print_table, skipped

ZONE = ZoneInfo("Europe/Rome")
TABLE = "dati-regioni"
UNTIL = datetime(2022, 10, 30, tzinfo=ZONE)  # daily until here, then every Friday
WARM_UP = 56
MISSED_EACH = 23  # days, so that every weekday is among them
BURST = 4  # the weekly table began with five arrivals in half an hour
MOST_FALSE_ALERTS = 0.3  # per 100 days
MOST_SLACK = 1.6  # hours
HOUR = timedelta(hours=1)

Deadline = Callable[[Sequence[datetime]], datetime]
"""The arrivals so far → the deadline of the next."""


@dataclass(frozen=True)
class Asked:
    """The arrivals so far, when the next one came (or would have), and the deadline that it had."""

    before: Sequence[datetime]
    came: datetime
    deadline: datetime


@dataclass(frozen=True)
class Measured:
    """Slack (mean) and delay (median, 95 %): hours from the median of the 56 arrivals before to the deadline."""

    days: int
    false_alerts: int
    slack: float
    delay: float
    slow_delay: float
    seconds: float

    @property
    def rate(self) -> float:
        return 100 * self.false_alerts / self.days

    def __str__(self) -> str:
        return f"{self.rate:.2f} @ {self.slack:.2f} h"


def results() -> list[Row]:
    """False alerts per 100 days beside the baselines, then how long after the usual arrival a miss is told."""
    folder = data_folder("daily_table")
    if folder is None:
        return [skipped("arrivals")]
    times = _arrivals(folder)
    daily = [time for time in times if time < UNTIL]
    weekly = [time for time in times if time >= UNTIL]
    ours, normal, quantile = (_measure(daily, each) for each in (_ours, _mean, _quantile))
    cron = _measure(daily, partial(_tomorrow, hour=_fixed(daily, normal.false_alerts)))
    (missed, beside), *others = (_with_misses(daily, each) for each in (_ours, _mean, _quantile))
    early = _measure(daily[: 2 * WARM_UP], _ours, warm_up=ENOUGH + BURST)
    fridays = _measure(weekly, _ours, warm_up=ENOUGH + BURST)
    baselines = f"mean + 3 sd of 14 days {normal}; fixed cron {cron}; q95 of 56 days + 1 h {quantile}"
    return [
        Row(
            f"arrivals, false alerts per 100 days @ slack, {ours.days} real days",
            str(ours),
            f"at most {MOST_FALSE_ALERTS} @ {MOST_SLACK} h",
            baselines,
            ours.rate <= MOST_FALSE_ALERTS and ours.slack <= MOST_SLACK,
        ),
        Row(
            f"arrivals, {missed.days} builds taken out, told after their hour: median, 95 % (h)",
            f"{missed.delay:.2f}, {missed.slow_delay:.2f}",
            "",
            "; ".join(f"{each.delay:.2f}, {each.slow_delay:.2f}" for each, _ in others),
            None,
        ),
        Row(
            "arrivals, false alerts beside what was taken out",
            str(beside),
            "",
            "; ".join(str(each) for _, each in others),
            None,
        ),
        Row(f"arrivals, from the second week on, {early.days} days", str(early), "", "", None),
        Row(f"arrivals, weekly, {fridays.days} builds", str(fridays), "", "", None),
        Row("arrivals, one deadline (ms)", f"{1000 * ours.seconds / ours.days:.2f}", "", "", None),
    ]


def _ours(before: Sequence[datetime]) -> datetime:
    found = due(before, at=before[-1], timezone=ZONE).deadline
    assert found is not None, "the warm-up is too short"
    return found


def _mean(before: Sequence[datetime]) -> datetime:
    hours = _hours(before[-14:])
    return _tomorrow(before, float(np.mean(hours) + 3 * np.std(hours, ddof=1)))


def _quantile(before: Sequence[datetime]) -> datetime:
    return _tomorrow(before, float(np.quantile(_hours(before[-56:]), 0.95)) + 1)


def _fixed(times: Sequence[datetime], false_alerts: int) -> float:
    """The earliest hour with no more false alerts than these: known afterwards only."""
    return sorted(_hours(times[WARM_UP:]))[-1 - false_alerts]


def _tomorrow(before: Sequence[datetime], hour: float) -> datetime:
    """At that hour of the day after the newest arrival: the table skips none."""
    midnight = before[-1].astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return midnight + hour * HOUR


def _hours(times: Sequence[datetime]) -> list[float]:
    local = [time.astimezone(ZONE) for time in times]
    return [each.hour + each.minute / 60 + each.second / 3600 for each in local]


def _measure(times: Sequence[datetime], deadline: Deadline, *, warm_up: int = WARM_UP) -> Measured:
    started = perf_counter()
    asked = [Asked(times[:n], times[n], deadline(times[:n])) for n in range(warm_up, len(times))]
    return _measured(asked, perf_counter() - started)


def _with_misses(times: Sequence[datetime], deadline: Deadline) -> tuple[Measured, Measured]:
    """The builds that were taken out, and those that were left, without the first after each."""
    left = list(times[:WARM_UP])
    missed: list[Asked] = []
    kept: list[Asked] = []
    for n in range(WARM_UP, len(times)):
        asked = Asked(tuple(left), times[n], deadline(left))
        if n % MISSED_EACH == 0:
            missed.append(asked)
            continue
        if n % MISSED_EACH > 1:
            kept.append(asked)
        left.append(times[n])
    return _measured(missed), _measured(kept)


def _measured(asked: Sequence[Asked], seconds: float = 0.0) -> Measured:
    slack = [
        (each.deadline - _midnight(each.came)) / HOUR - float(np.median(_hours(each.before[-56:])))
        for each in asked
    ]
    return Measured(
        days=len(asked),
        false_alerts=sum(each.came > each.deadline for each in asked),
        slack=float(np.mean(slack)),
        delay=float(np.median(slack)),
        slow_delay=float(np.quantile(slack, 0.95)),
        seconds=seconds,
    )


def _midnight(time: datetime) -> datetime:
    return time.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)


def _arrivals(folder: Path) -> list[datetime]:
    """First commit of each day's file, one per commit; those that came with the repository are left out."""
    with (folder / "arrival_times.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["table"] == TABLE]
    return sorted({datetime.fromisoformat(row["first_commit"]) for row in rows})


if __name__ == "__main__":
    print_table(results())
