"""What was recorded → what happened, in order: alerts as they were observed, recoveries as far as they are known,
and what people did.

A store keeps of a member only its last recovery; of those before it tells the timeline, when the incident had one
member or ended by itself. What people did is read from the sentences of the timeline.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from incident_ops.core.alert import Alert, Observation, Recovery, RetrySucceeded
from incident_ops.core.incident import Incident
from incident_ops.core.severity import Severity
from incident_ops.core.status import SYSTEM, EntryKind, Resolution, TimelineEntry
from incident_ops.engine.ports import MemberKey
from incident_ops.engine.ports.simulation import Recorded

Verb = Callable[[Incident], Incident]

_JUST_BEFORE = timedelta(microseconds=1)
_WELL_AGAIN = frozenset({EntryKind.RECOVERY, EntryKind.RESOLVED})
_FLAKY, _EXCUSED = "a retry passed", "no incident: "
"""How the sentences of `Incident.found_flaky` and `Incident.excused` begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a person did to the incident that held the alerts of these events.

    Attributes:
        verb: the change; None where it is a snooze, until `until`, or, without, its end.
    """

    by: str
    events: tuple[str, ...]
    verb: Verb | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """All that was observed in one pass, or done in one moment."""

    at: datetime
    observations: tuple[Observation, ...] = ()
    deeds: tuple[Deed, ...] = ()

    @property
    def alerts(self) -> int:
        return sum(isinstance(each, Alert) for each in self.observations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happenings:
    """Attributes:
    in_order: by time, each time once.
    alerts, recoveries, deeds: how many of each.
    not_replayed: what people did that cannot be done again: merging, splitting.
    """

    in_order: tuple[Happening, ...]
    alerts: int
    recoveries: int
    deeds: int
    not_replayed: int


def happenings(recorded: Recorded) -> Happenings:
    """What is to be replayed."""
    stories = _stories(recorded)
    seen: list[tuple[datetime, Observation]] = [(alert.observed_at, alert) for _, alert in recorded.alerts]
    healed = [each for story in stories for each in _once(story.recoveries())]
    done = [each for story in stories for each in story.deeds()]
    observed: defaultdict[datetime, list[Observation]] = defaultdict(list)
    for at, observation in [*seen, *healed]:
        observed[at].append(observation)
    acted: defaultdict[datetime, list[Deed]] = defaultdict(list)
    for at, deed in done:
        acted[at].append(deed)
    return Happenings(
        in_order=tuple(
            Happening(at=at, observations=tuple(_as_they_came(observed[at])), deeds=tuple(acted[at]))
            for at in sorted({*observed, *acted})
        ),
        alerts=len(seen),
        recoveries=len(healed),
        deeds=len(done),
        not_replayed=sum(entry.kind in _BEYOND and entry.by != SYSTEM for _, entry in recorded.timeline),
    )


_BEYOND = frozenset({EntryKind.MERGED, EntryKind.SPLIT})


def _once(seen: Iterable[tuple[datetime, Observation]]) -> Iterable[tuple[datetime, Observation]]:
    """A recovery and the end that it brings are two lines of the timeline."""
    return {observation.event_id: (at, observation) for at, observation in seen}.values()


def _as_they_came(observations: Iterable[Observation]) -> list[Observation]:
    """By the time at which they happened; that a retry passed is known when all is well."""
    return sorted(observations, key=lambda each: (isinstance(each, RetrySucceeded), each.occurred_at))


def _stories(recorded: Recorded) -> list["_Story"]:
    """One for each incident that is told of; the alerts of a merged one are with the incident it ended in."""
    alerts: defaultdict[int, list[Alert]] = defaultdict(list)
    for number, alert in recorded.alerts:
        alerts[number].append(alert)
    entries: defaultdict[int, list[TimelineEntry]] = defaultdict(list)
    for number, entry in recorded.timeline:
        entries[number].append(entry)
    return [
        _Story(incident, _alerts_of(incident, recorded, alerts), entries[number])
        for number, incident in sorted(recorded.incidents.items())
    ]


def _alerts_of(incident: Incident, recorded: Recorded, alerts: defaultdict[int, list[Alert]]) -> Sequence[Alert]:
    if incident.merged_into is None:
        return alerts[incident.number]
    keys = {member.key for member in incident.members}
    survivor = incident
    while survivor.merged_into is not None and survivor.merged_into in recorded.incidents:
        survivor = recorded.incidents[survivor.merged_into]
    return [alert for alert in alerts[survivor.number] if _key(alert) in keys]


def _key(alert: Alert) -> MemberKey:
    return (alert.fingerprint, alert.partition or "")


class _Story:
    """One incident: its alerts as they were observed, and its timeline."""

    def __init__(self, incident: Incident, alerts: Sequence[Alert], entries: Sequence[TimelineEntry]) -> None:
        self._incident, self._entries = incident, entries
        self._of: defaultdict[MemberKey, list[Alert]] = defaultdict(list)
        for alert in alerts:
            self._of[_key(alert)].append(alert)

    # ---- recoveries

    def recoveries(self) -> Iterator[tuple[datetime, Observation]]:
        """(when it was observed, it)."""
        if self._incident.merged_into is not None:
            return
        last: dict[MemberKey, datetime] = {}
        for member in self._incident.members:
            if member.healthy_at is not None and member.key in self._of:
                at = self._noted_at(member.healthy_at)
                last[member.key] = at
                yield at, self._recovery(member.key, member.healthy_at)
        for entry in self._entries:
            if entry.kind in _WELL_AGAIN and entry.by == SYSTEM and not entry.text.startswith(_EXCUSED):
                yield from self._earlier(entry, last)

    def _noted_at(self, healthy_at: datetime) -> datetime:
        noted = (entry.at for entry in self._entries if entry.kind in _WELL_AGAIN and entry.at >= healthy_at)
        return next(noted, healthy_at)

    def _earlier(
        self, entry: TimelineEntry, last: dict[MemberKey, datetime]
    ) -> Iterator[tuple[datetime, Observation]]:
        """What the line tells of: every member when the incident ended, else the only one."""
        if entry.text.startswith(_FLAKY):
            groups = [a.run_group for alerts in self._of.values() for a in alerts if a.observed_at <= entry.at]
            for group in dict.fromkeys(filter(None, groups)):
                retry = f"retry of {group}"
                yield entry.at, RetrySucceeded(event_id=retry, run_group=group, run_id=retry, occurred_at=entry.at)
            return
        if entry.kind is EntryKind.RECOVERY and len(self._of) > 1:
            return
        for key, alerts in self._of.items():
            before = [alert for alert in alerts if alert.observed_at <= entry.at]
            after = [alert.occurred_at for alert in alerts if alert.observed_at > entry.at]
            if not before or (not after and last.get(key, entry.at) <= entry.at and key in last):
                continue
            at = min([entry.at, *(each - _JUST_BEFORE for each in after)])
            if at > max(alert.occurred_at for alert in before):
                yield entry.at, self._recovery(key, at)

    def _recovery(self, key: MemberKey, at: datetime) -> Recovery:
        fingerprint, partition = key
        name = f"recovery of INC-{self._incident.number} {fingerprint} {partition} {at.isoformat()}"
        text = "it is healthy again"
        return Recovery(
            event_id=name, fingerprint=fingerprint, occurred_at=at, summary=text, partition=partition or None
        )

    # ---- people

    def deeds(self) -> Iterator[tuple[datetime, Deed]]:
        for entry in self._entries:
            if entry.by == SYSTEM or (events := self._held_at(entry.at)) == ():
                continue
            if entry.kind is EntryKind.SNOOZED:
                yield entry.at, Deed(by=entry.by, events=events, until=_until(entry.text))
            elif (verb := self._verb(entry)) is not None:
                yield entry.at, Deed(by=entry.by, events=events, verb=verb)

    def _held_at(self, at: datetime) -> tuple[str, ...]:
        """Of each member the newest event that was known then."""
        newest = (
            [alert.event_id for alert in alerts if alert.observed_at <= at][-1:] for alerts in self._of.values()
        )
        return tuple(event_id for found in newest for event_id in found)

    def _verb(self, entry: TimelineEntry) -> Verb | None:
        by, at = entry.by, entry.at
        match entry.kind:
            case EntryKind.ACKNOWLEDGED:
                return lambda incident: incident.acknowledged(by=by, at=at)
            case EntryKind.MITIGATED:
                return lambda incident: incident.mitigated(by=by, at=at)
            case EntryKind.ASSIGNED:
                to = entry.text.removeprefix("assigned to ")
                return lambda incident: incident.assigned(to, by=by, at=at)
            case EntryKind.SEVERITY:
                severity = _SEVERITY.search(entry.text)
                return _graded(Severity(severity[1]), by, at) if severity else None
            case EntryKind.RESOLVED | EntryKind.CLASSIFIED:
                said = _REASON.search(entry.text.removeprefix(f"{entry.kind} by {by}"))
                return _ended(Resolution(said[1]) if said else Resolution.FIXED, by, at)
            case _:
                return None


_REASON = re.compile(rf"^ as ({'|'.join(Resolution)})\b")
_SEVERITY = re.compile(rf"→ ({'|'.join(Severity)}) by ")
_UNTIL = re.compile(r" until (\d{4}-\d\d-\d\d \d\d:\d\d) UTC$")


def _graded(severity: Severity, by: str, at: datetime) -> Verb:
    return lambda incident: incident.graded(severity, by=by, at=at)


def _ended(reason: Resolution, by: str, at: datetime) -> Verb:
    """As `incident-ops resolve` does it."""

    def end(incident: Incident) -> Incident:
        if incident.is_open:
            return incident.resolved(at=at, by=by, reason=reason)
        return incident.classified(reason, by=by, at=at)

    return end


def _until(text: str) -> datetime | None:
    found = _UNTIL.search(text)
    return datetime.strptime(found[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC) if found else None
