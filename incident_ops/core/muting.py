"""Every kind of quiet: why nobody is pushed now, and until when.

Silences, inhibition and time intervals mean what they mean to Alertmanager, maintenance windows and snoozing what
they mean to PagerDuty. What waits for office hours is `urgency`'s, what was said too often `budget`'s.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from incident_ops.core.hours import Hours
from incident_ops.core.matching import Matcher, matches_all


class QuietKind(StrEnum):
    """Why nobody is pushed."""

    RECORDED = "recorded"  # merged, announced, backlog: kept and listed, nothing more
    SILENCED = "silenced"
    MAINTENANCE = "maintenance"
    INHIBITED = "inhibited"
    SNOOZED = "snoozed"
    GROUPED = "grouped"  # told with the next notice of its group
    MUTED = "muted"  # by a time interval of the route
    FLAPPING = "flapping"
    DIGESTED = "digested"
    HELD = "held"  # until somebody works
    OVER_BUDGET = "over_budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """A reason why nobody is pushed.

    Attributes:
        text: the reason as a sentence without its full stop.
        until: when it ends by the clock; None where only an event can end it.
    """

    kind: QuietKind
    text: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Somebody wants not to be pushed for what matches, from `begins` (included) until `ends` (excluded)."""

    id: int
    matchers: tuple[Matcher, ...]
    begins: datetime
    ends: datetime
    author: str
    comment: str = ""

    def is_active(self, at: datetime) -> bool:
        return self.begins <= at < self.ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A window in which work is going on at what matches: no first sends, no escalations, no repeats."""

    matchers: tuple[Matcher, ...]
    begins: datetime
    ends: datetime
    comment: str = ""

    def is_active(self, at: datetime) -> bool:
        return self.begins <= at < self.ends


@dataclass(frozen=True, slots=True, kw_only=True)
class InhibitRule:
    """While a source fires, targets that agree with it in the labels `equal` are not pushed."""

    sources: tuple[Matcher, ...]
    targets: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()

    def inhibits(self, source: Mapping[str, str], target: Mapping[str, str]) -> bool:
        """Labels missing on both sides are equal. A target that is itself a source is not inhibited by a source
        that is a target as well, so that two cannot keep each other quiet (Alertmanager's rule)."""
        if not matches_all(self.targets, target) or not matches_all(self.sources, source):
            return False
        if any(source.get(label, "") != target.get(label, "") for label in self.equal):
            return False
        return not (matches_all(self.sources, target) and matches_all(self.targets, source))


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """An open incident that may inhibit others."""

    id: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietRules:
    """What may keep an incident quiet wherever it is routed."""

    silences: tuple[Silence, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    inhibit: tuple[InhibitRule, ...] = ()


def quiet_by_rule(
    id: str,
    labels: Mapping[str, str],
    rules: QuietRules,
    *,
    firing: Iterable[Firing] = (),
    snoozed_until: datetime | None = None,
    now: datetime,
) -> Quiet | None:
    """The reason why the incident is quiet wherever it is routed; of several that which ends last."""
    found = [
        *(_silenced(silence) for silence in rules.silences if _applies(silence, labels, now)),
        *(_maintained(window) for window in rules.maintenance if _applies(window, labels, now)),
        *_inhibited(id, labels, rules.inhibit, firing),
    ]
    if snoozed_until is not None and now < snoozed_until:
        found.append(
            Quiet(kind=QuietKind.SNOOZED, text=f"snoozed until {_clock(snoozed_until)}", until=snoozed_until)
        )
    return _ending_last(found)


def quiet_by_hours(
    mute: Iterable[str], active: Iterable[str], intervals: Mapping[str, tuple[Hours, ...]], *, now: datetime
) -> Quiet | None:
    """The reason why a route is quiet at this time: inside one of `mute`, or outside of all of `active`; of
    several that which ends last."""
    found = [
        _muted(name, hours.end_of(now))
        for name in mute
        for hours in intervals.get(name, ())
        if hours.contains(now)
    ]
    named = [hours for name in active for hours in intervals.get(name, ())]
    if named and not any(hours.contains(now) for hours in named):
        begins = min(hours.next_begin(now) for hours in named)
        text = f"outside of the active time intervals {', '.join(active)}, until {_clock(begins)}"
        found.append(Quiet(kind=QuietKind.MUTED, text=text, until=begins))
    return _ending_last(found)


def _ending_last(found: Iterable[Quiet]) -> Quiet | None:
    """What only an event can end is taken to end last."""
    return max(found, key=lambda quiet: (quiet.until is None, quiet.until), default=None)


def _muted(name: str, ends: datetime | None) -> Quiet:
    text = f"muted by the time interval {name}" + (f" until {_clock(ends)}" if ends else "")
    return Quiet(kind=QuietKind.MUTED, text=text, until=ends)


def _applies(span: Silence | Maintenance, labels: Mapping[str, str], now: datetime) -> bool:
    return span.is_active(now) and matches_all(span.matchers, labels)


def _silenced(silence: Silence) -> Quiet:
    why = f"(silence {silence.id}{_because(silence.comment)})"
    text = f"silenced by {silence.author} until {_clock(silence.ends)} {why}"
    return Quiet(kind=QuietKind.SILENCED, text=text, until=silence.ends)


def _maintained(window: Maintenance) -> Quiet:
    text = f"maintenance window until {_clock(window.ends)}{_because(window.comment)}"
    return Quiet(kind=QuietKind.MAINTENANCE, text=text, until=window.ends)


def _inhibited(
    id: str, labels: Mapping[str, str], rules: Iterable[InhibitRule], firing: Iterable[Firing]
) -> Iterable[Quiet]:
    others = [other for other in firing if other.id != id]
    for rule in rules:
        for other in others:
            if rule.inhibits(other.labels, labels):
                yield Quiet(kind=QuietKind.INHIBITED, text=f"inhibited while {other.id} is open")
                break


def _because(comment: str) -> str:
    return f": {comment}" if comment else ""


def _clock(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
