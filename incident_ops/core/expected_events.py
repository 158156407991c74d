"""Events that people announced: numbers may jump in this time on these assets, and nobody is to be woken for it.

Only a check that says what it measured can be excused, and only as far as was announced. What is not known is
taken for more than that.
"""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from incident_ops.core.alert import Alert, AlertKind, Nature
from incident_ops.core.error_text import shorten
from incident_ops.core.metrics import Measured

_LINE = 300  # names of metrics and columns come from outside


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedEvent:
    """One entry of `expected_events`.

    Attributes:
        assets: keys (`a/b`) and patterns like `marketing/*`.
        natures: of the checks; empty for any.
        begins, ends: the time that the values stand for (aware UTC; the end is excluded). A value of the last day
            is expected however late it is looked at.
        up_to: how many times the usual is expected, and as many times less; None for any number.
    """

    name: str
    assets: tuple[str, ...]
    natures: frozenset[Nature]
    begins: datetime
    ends: datetime
    up_to: float | None = None

    def speaks_of(self, alert: Alert) -> bool:
        measured = alert.measurement
        if alert.kind is not AlertKind.CHECK_FAILED or alert.asset is None or measured is None:
            return False
        key = alert.asset.key
        return (
            (not self.natures or alert.nature in self.natures)
            and self.begins <= measured.at < self.ends
            and any(key == asset or fnmatch.fnmatchcase(key, asset) for asset in self.assets)
        )

    def is_within(self, points: Iterable[Measured]) -> bool:
        """All of them are out by no more than was announced."""
        if self.up_to is None:
            return True
        factors = [point.factor for point in points]
        return all(factor is not None and factor <= self.up_to for factor in factors)


def excuse_of(alert: Alert, events: Iterable[ExpectedEvent]) -> str | None:
    """Why the alert is no trouble, in words: `expected event black friday: row_count is 4.0 times the usual, up to
    6 is expected`. None if it is trouble, or might be."""
    out = [point for point in alert.measurement.points if point.is_out] if alert.measurement is not None else []
    event = next((event for event in events if out and event.speaks_of(alert) and event.is_within(out)), None)
    if event is None:
        return None
    allowed = f", up to {event.up_to:g} is expected" if event.up_to is not None else ""
    said = f"expected event {event.name}: {_words(max(out, key=_distance))}{allowed}"
    return shorten(" ".join(said.split()), _LINE)


def _distance(point: Measured) -> float:
    return point.factor or 0.0


def _words(point: Measured) -> str:
    name = f"{point.metric} of {point.column}" if point.column else point.metric
    if point.factor is None:
        return f"{name} is {point.value:g}"
    is_more = point.value > (point.low + point.high) / 2
    return f"{name} is {point.factor:,.1f} times {'the usual' if is_more else 'less than usual'}"
