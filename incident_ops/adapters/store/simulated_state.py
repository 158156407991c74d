"""The state of a simulated store in plain dictionaries, and the transaction on it.

It keeps what triage and timers ask for, with the meaning that the tables give it (a test compares the two).
Nothing is undone by an exception: the engine decides before it writes.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from incident_ops.adapters.store.history import SqlHistory
from incident_ops.adapters.store.transaction import SqlTransaction
from incident_ops.core.alert import Alert
from incident_ops.core.digest import DigestItem
from incident_ops.core.errors import NotFound
from incident_ops.core.feedback import Taught
from incident_ops.core.findings import Findings
from incident_ops.core.incident import Incident
from incident_ops.core.notices import Action, Notice, Told
from incident_ops.core.provenance import Evaluation, Materialization, Ref
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Severity
from incident_ops.core.status import EntryKind
from incident_ops.engine.ports import MemberKey, OpenPlace, Unassessed

_ALERTS_OF_A_KIND = 3


@dataclass(slots=True)
class Owed:
    """A post, a push or a digest; nothing else makes a difference here."""

    notice: Notice
    number: int | None
    created_at: datetime
    accepted_at: datetime | None = None


def is_digest(notice: Notice) -> bool:
    return notice.number is None and notice.key.startswith("digest:")


class SimulatedState(SqlTransaction):
    """The state, and the transaction on it."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._nothing = _NoHistory(connection)
        self.incidents: dict[int, Incident] = {}
        self.suppressed: list[tuple[int, str]] = []
        self.named: dict[str, tuple[str, datetime]] = {}
        self.unassessed: dict[int, int] = {}
        self.wake_at: dict[int, datetime] = {}
        self.digest: dict[tuple[Destination, int], DigestItem] = {}
        self.digested = 0
        self.home_of: dict[str, int] = {}
        self.owed: list[Owed] = []
        self.waiting: list[Owed] = []
        self._number = self._turn = 0
        self._open: set[int] = set()
        self._by_identity: defaultdict[str, set[int]] = defaultdict(set)
        self._alerts: defaultdict[tuple[int, MemberKey], list[Alert]] = defaultdict(list)
        self._of_run_group: defaultdict[str, list[str]] = defaultdict(list)
        self._found: dict[int, Findings] = {}
        self._states: dict[int, Mapping[str, Any]] = {}
        self._groups: defaultdict[str, set[int]] = defaultdict(set)
        self._keys: set[str] = set()
        self._owed_of: defaultdict[int, list[Owed]] = defaultdict(list)
        self._pushes: defaultdict[Destination, list[Owed]] = defaultdict(list)

    @property
    def history(self) -> SqlHistory:
        return self._nothing

    # ---- incidents

    def open_ones(self) -> list[Incident]:
        return [self.incidents[number] for number in sorted(self._open)]

    def incident(self, number: int) -> Incident:
        if number not in self.incidents:
            raise NotFound(f"there is no incident INC-{number}")
        return self.incidents[number]

    def related(
        self, *, fingerprints: Collection[str], causes: Collection[str], resolved_since: datetime
    ) -> list[Incident]:
        numbers = {number for name in (*fingerprints, *causes) for number in self._by_identity.get(name, ())}
        found = (self.incidents[number] for number in sorted(numbers))
        return [
            incident
            for incident in found
            if (incident.is_open or (incident.resolved_at is not None and incident.resolved_at >= resolved_since))
            and any(m.fingerprint in fingerprints or m.last_cause in causes for m in incident.members)
        ]

    def open_places(self) -> list[OpenPlace]:
        places: list[OpenPlace] = []
        for incident in self.open_ones():
            at = [(m.subject.asset.key, m.last_fired_at) for m in incident.members if m.subject.asset is not None]
            root = incident.root.subject.asset
            if root is not None and root.key not in [asset for asset, _ in at]:
                at.append((root.key, incident.started_at))
            places += [OpenPlace(number=incident.number, asset=each, last_fired_at=fired) for each, fired in at]
        return sorted(places, key=lambda place: (place.number, place.asset))

    def allocate_number(self) -> int:
        self._number += 1
        return self._number

    def save(self, incident: Incident) -> Incident:
        saved = replace(incident, revision=incident.revision + 1, news=())
        self.incidents[saved.number] = saved
        (self._open.add if saved.is_open else self._open.discard)(saved.number)
        for member in saved.members:
            self._by_identity[member.fingerprint].add(saved.number)
            if member.last_cause:
                self._by_identity[member.last_cause].add(saved.number)
        self.suppressed += [(saved.number, e.text) for e in incident.news if e.kind is EntryKind.SUPPRESSED]
        return saved

    def clear_members(self, number: int) -> None:
        pass

    # ---- alerts

    def known_events(self, event_ids: Collection[str]) -> set[str]:
        return {event_id for event_id in event_ids if event_id in self.home_of}

    def add_alert(self, alert: Alert, number: int) -> None:
        if alert.event_id in self.home_of:
            return
        self.home_of[alert.event_id] = number
        self._alerts[number, (alert.fingerprint, alert.partition or "")].append(alert)
        if alert.run_group is not None:
            self._of_run_group[alert.run_group].append(alert.event_id)

    def move_alerts(self, number: int, member: MemberKey, *, to: int) -> None:
        moved = self._alerts.pop((number, member), [])
        self._alerts[to, member] += moved
        self.home_of.update((alert.event_id, to) for alert in moved)

    def alerts_of_member(self, number: int, fingerprint: str, partition: str | None) -> list[Alert]:
        of_kind: defaultdict[str, list[Alert]] = defaultdict(list)
        for alert in self._alerts.get((number, (fingerprint, partition or "")), ()):
            of_kind[alert.kind].append(alert)
        return [alert for kind in sorted(of_kind) for alert in _newest(of_kind[kind])]

    def tally(self, members: Collection[tuple[int, MemberKey]]) -> dict[tuple[int, MemberKey], tuple[int, int]]:
        held = {member: self._alerts[member] for member in members if self._alerts.get(member)}
        return {
            member: (len(alerts), sum(not alert.is_echo for alert in alerts)) for member, alerts in held.items()
        }

    def of_run_group(self, run_group: str) -> list[Incident]:
        numbers = {self.home_of[event_id] for event_id in self._of_run_group.get(run_group, ())}
        return [self.incidents[number] for number in sorted(numbers)]

    def measured_in(self, number: int) -> dict[tuple[str, str], datetime]:
        return {}

    def teach(self, lessons: Collection[Taught]) -> None:
        pass

    # ---- what is found out

    def findings(self, number: int) -> Findings | None:
        return self._found.get(number)

    def save_findings(self, number: int, found: Findings) -> None:
        self._found[number] = found

    def mark_unassessed(self, numbers: Collection[int]) -> None:
        self._turn += 1
        self.unassessed.update(dict.fromkeys(numbers, self._turn))

    def mark_assessed(self, done: Unassessed) -> None:
        if self.unassessed.get(done.number) == done.turn:
            del self.unassessed[done.number]

    def hand_over_ledger(self, number: int, *, to: int) -> None:
        pass

    # ---- timers, groups, digests

    def attention(self, number: int) -> Mapping[str, Any]:
        return self._states.get(number, {})

    def save_attention(self, number: int, state: Mapping[str, Any], *, wake_at: datetime | None) -> None:
        self._states[number] = state
        self.wake_at.pop(number, None)
        if wake_at is not None:
            self.wake_at[number] = wake_at

    def wake(self, numbers: Collection[int], *, at: datetime) -> None:
        self.wake_at.update((number, min(at, self.wake_at.get(number, at))) for number in numbers)

    def wake_open(self, *, at: datetime) -> None:
        self.wake(self._open, at=at)

    def join_group(self, key: str, number: int) -> None:
        self._groups[key].add(number)

    def leave_groups(self, number: int) -> None:
        for members in self._groups.values():
            members.discard(number)

    def group(self, key: str) -> list[int]:
        return sorted(self._groups[key] & self._open)

    def add_to_digest(
        self, destination: Destination, number: int, *, why: str, due_at: datetime, now: datetime
    ) -> None:
        item = DigestItem(destination=destination, number=number, why=why, at=now, due_at=due_at)
        self.digest.setdefault((destination, number), item)

    def digest_of(self, destination: Destination, *, until: datetime) -> list[DigestItem]:
        waiting = [i for (place, _), i in self.digest.items() if place == destination and i.due_at <= until]
        return sorted(waiting, key=lambda item: item.at)

    def mark_digested(self, destination: Destination, *, until: datetime, now: datetime) -> None:
        for item in self.digest_of(destination, until=until):
            del self.digest[destination, item.number]
            self.digested += 1

    # ---- what is owed

    def enqueue(self, notices: Iterable[Notice], *, now: datetime) -> None:
        for notice in notices:
            counts = notice.action is Action.POST or notice.pushes or is_digest(notice)
            if not counts or notice.key in self._keys:
                continue
            self._keys.add(notice.key)
            owed = Owed(notice, notice.number, now)
            self.owed.append(owed)
            self.waiting.append(owed)
            if notice.number is not None:
                self._owed_of[notice.number].append(owed)
            if notice.pushes:
                self._pushes[notice.destination].append(owed)

    def told(self, number: int) -> dict[Destination, Told]:
        owed = self._owed_of.get(number, [])
        posts = {each.notice.destination: each for each in owed if each.notice.action is Action.POST}
        return {
            place: _told(post, [o for o in owed if o.notice.destination == place]) for place, post in posts.items()
        }

    def pushes_to(
        self,
        destination: Destination,
        *,
        since: datetime,
        besides: Collection[Severity] = (),
        limit: int | None = None,
    ) -> list[datetime]:
        newest: list[datetime] = []
        for owed in reversed(self._pushes.get(destination, [])):
            if owed.created_at < since or len(newest) == limit:
                break
            incident = self.incidents.get(owed.number) if owed.number is not None else None
            if incident is None or incident.severity not in besides:
                newest.append(owed.created_at)
        return newest[::-1]

    def hand_over_posts(self, number: int, *, to: int) -> None:
        moving = self.told(number).keys() - self.told(to).keys()
        moved = [owed for owed in self._owed_of[number] if owed.notice.destination in moving]
        self._owed_of[number] = [owed for owed in self._owed_of[number] if owed.notice.destination not in moving]
        self._owed_of[to] += moved
        for owed in moved:
            owed.number = to

    def withdraw_posts(self, number: int, *, keep: Collection[Destination] = ()) -> None:
        waiting = [owed for owed in self.waiting if owed.number == number and owed.notice.destination not in keep]
        places = {owed.notice.destination for owed in waiting if owed.notice.action is Action.POST}
        for owed in waiting:
            if owed.notice.destination in places and owed.notice.action is not Action.TELL:
                self._keys.discard(owed.notice.key)
                self.owed.remove(owed)
                self.waiting.remove(owed)
                self._owed_of[number].remove(owed)
                if owed.notice.pushes:
                    self._pushes[owed.notice.destination].remove(owed)


def _newest(alerts: Sequence[Alert]) -> list[Alert]:
    by_id = sorted(alerts, key=lambda alert: alert.event_id)
    return sorted(by_id, key=lambda alert: alert.occurred_at, reverse=True)[:_ALERTS_OF_A_KIND]


def _told(post: Owed, owed: Iterable[Owed]) -> Told:
    rang = [each.accepted_at for each in owed if each.notice.pushes and each.accepted_at is not None]
    return Told(is_posted=post.accepted_at is not None, last_push_at=max(rang, default=None))


class _NoHistory(SqlHistory):
    """What was built from what is not replayed; the questions that grouping asks need no statement then."""

    def materializations(self, refs: Collection[Ref]) -> list[Materialization]:
        return []

    def readers(self, refs: Collection[Ref], *, limit: int | None = None) -> list[Materialization]:
        return []

    def before(self, records: Collection[Materialization], *, limit: int) -> list[Materialization]:
        return []

    def latest(self, places: Collection[tuple[str, str | None]]) -> list[Materialization]:
        return []

    def latest_of(self, assets: Collection[str], *, limit: int = 1) -> list[Materialization]:
        return []

    def remarks(self, records: Collection[Materialization]) -> list[Materialization]:
        return []

    def evaluations(self, refs: Collection[Ref]) -> list[Evaluation]:
        return []

    def verdicts(self, assets: Collection[str], *, since: datetime) -> list[Evaluation]:
        return []
