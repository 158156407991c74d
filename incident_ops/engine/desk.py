"""The incidents on the table during one transaction: each is loaded once, saved once, told once.

Alerts go where their identity says (`core.belonging`); when something new has failed, the open incidents near it
in the lineage are laid out too, and all are arranged anew (`core.regrouping`). What is new stays a draft without a
number until the end, so that an incident that turns out to be part of another never existed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from incident_ops.core.alert import Alert, Recovery, RetrySucceeded
from incident_ops.core.arranging import Particulars, arranged, loudest, merged_into, regraded
from incident_ops.core.belonging import Attach, Ignore, Open, decide
from incident_ops.core.expected_events import excuse_of
from incident_ops.core.incident import Incident, opened
from incident_ops.core.member import Member
from incident_ops.core.provenance import Ref
from incident_ops.core.regrouping import Arrangement, can_be_regrouped, regroup
from incident_ops.core.status import SYSTEM, EntryKind, Status
from incident_ops.engine.attend import attend, owe, rest
from incident_ops.engine.evidence import (
    heads_of,
    history_of,
    origins_of,
    recent_verdicts,
    sources_of,
)
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.known import KnownFromHistory
from incident_ops.engine.lessons import lessons_of, lessons_of_event
from incident_ops.engine.ports import MemberKey, Transaction
from incident_ops.engine.triaged import Triaged


class Desk:
    """See the module's docstring. Drafts have negative numbers: −1, −2, … as they came."""

    def __init__(self, tx: Transaction, knowledge: Knowledge, *, now: datetime) -> None:
        self._tx, self._knowledge, self._now = tx, knowledge, now
        self._before: dict[int, Incident | None] = {}
        self._current: dict[int, Incident] = {}
        self._by_identity: defaultdict[str, set[int]] = defaultdict(set)
        self._alerts: list[tuple[Alert, int]] = []
        self._moved: dict[tuple[int, MemberKey], int] = {}
        self._rearranged: set[int] = set()
        self._unplaced: list[Alert] = []
        self._announced: set[str] = set()
        self._woken: set[int] = set()
        self._reopened: list[int] = []

    def lay_out(self, incidents: Iterable[Incident]) -> None:
        for incident in incidents:
            if incident.number not in self._current:
                self._before[incident.number] = incident
                self.put(incident)

    def put(self, incident: Incident) -> None:
        """The incident as changed."""
        self._current[incident.number] = incident
        for member in incident.members:
            self._by_identity[member.fingerprint].add(incident.number)
            if member.last_cause:
                self._by_identity[member.last_cause].add(incident.number)

    def wake(self, incident: Incident) -> None:
        """Its time has come: who is told is decided again, whether anything has changed or not."""
        self.lay_out([incident])
        self._woken.add(incident.number)

    @property
    def incidents(self) -> list[Incident]:
        return list(self._current.values())

    def _with_identity(self, *identities: str | None) -> list[Incident]:
        """Incidents with a member of that fingerprint or cause, oldest first."""
        numbers = {n for identity in identities if identity for n in self._by_identity.get(identity, ())}
        return [self._current[number] for number in sorted(numbers) if number in self._current]

    # ---- what arrives

    def take_alert(self, alert: Alert) -> None:
        excuse = excuse_of(alert, self._knowledge.policy.expected_events)
        if excuse is not None:
            self._announced.add(alert.event_id)
        candidates = self._with_identity(alert.fingerprint, alert.cause)
        match decide(alert, candidates, is_excused=excuse is not None):
            case Ignore():
                return
            case Open() if excuse is not None:
                incident = self._opened(alert).excused(excuse, at=self._now)
            case Open():
                incident = self._opened(alert)
                self._unplaced.append(alert)
            case Attach(incident=found) if excuse is not None:
                incident = found.fired(alert, self._knowledge.assess(alert), now=self._now)
                incident = incident.noted(EntryKind.SUPPRESSED, excuse, at=self._now)
            case Attach(incident=found, reopens=reopens, reason=reason):
                if reopens:
                    self._reopened.append(found.number)
                incident = found.reopen(why=reason, at=self._now) if reopens else found
                incident = incident.fired(alert, self._knowledge.assess(alert), now=self._now)
                incident = self._with_its_word(incident, alert)
                if reopens or len(incident.members) > len(found.members):
                    self._unplaced.append(alert)
        self.put(incident)
        self._alerts.append((alert, incident.number))

    def _with_its_word(self, incident: Incident, alert: Alert) -> Incident:
        """A run's failure may be heard of before the evaluation that names an owner and a runbook."""
        said = alert.declared
        if said is None or _key_of(alert) != incident.members[0].key or incident.root.subject != alert.subject:
            return incident
        if said.owner is not None and said.owner != incident.owner:
            incident = incident.owned_by(said.owner, self._knowledge.labels(alert), at=self._now)
        return replace(incident, runbook=said.runbook or incident.runbook)

    def _opened(self, alert: Alert) -> Incident:
        knowledge = self._knowledge
        number = min([0, *self._before]) - 1
        self._before[number] = None
        return opened(
            number,
            alert,
            knowledge.assess(alert),
            owner=knowledge.owner(alert.asset, alert.declared),
            labels=knowledge.labels(alert),
            runbook=knowledge.runbook(alert.asset, alert.declared),
            backlog=knowledge.installed_at - alert.occurred_at > knowledge.policy.backlog_age,
            now=self._now,
        )

    def take_recovery(self, recovery: Recovery) -> None:
        for incident in self._with_identity(recovery.fingerprint):
            if incident.is_open:
                self.put(incident.recovered(recovery, now=self._now))

    def take_retry(self, retry: RetrySucceeded) -> None:
        """A failure that a retry cured is flaky; what still fails is not."""
        stored = self._tx.of_run_group(retry.run_group)
        self.lay_out(stored)
        numbers = {number for alert, number in self._alerts if alert.run_group == retry.run_group}
        numbers |= {incident.number for incident in stored}
        for number in sorted(numbers):
            incident = self._current[number]
            if not incident.firing:
                self.put(incident.found_flaky(retry.run_id, at=self._now))

    # ---- what belongs together

    def regroup(self) -> None:
        """Arrange the incidents near what has newly failed. Without anything new this costs nothing."""
        places = {alert.asset.key for alert in self._unplaced if alert.asset is not None}
        self._unplaced.clear()
        if not places:
            return
        self._lay_out_neighbours(places)
        graph = self._knowledge.catalog.graph
        groupable = [incident for incident in self.incidents if can_be_regrouped(incident)]
        members = [member for incident in groupable for member in incident.members]
        sources = sources_of(self._tx.history, members, graph)
        heads = heads_of(members, sources)
        history = history_of(self._tx.history, [m for m in members if not heads[m.key]], graph)
        origins = origins_of(members, heads, history, graph, now=self._now)
        arrangements = regroup(
            [i if i.grouped_by else _with_origins(i, origins) for i in groupable],
            graph,
            window=self._knowledge.policy.group_window,
            known=KnownFromHistory(
                sources,
                recent_verdicts(self._tx.history, members, graph, now=self._now),
                self._knowledge.catalog,
            ),
        )
        for arrangement in arrangements:
            self.arrange(arrangement)

    def _lay_out_neighbours(self, places: Iterable[str]) -> None:
        """Open incidents up- and downstream, and those that began within the window: a cause that lies upstream
        of both may have kept silent."""
        graph = self._knowledge.catalog.graph
        near = {*places, *graph.ancestors(*places), *graph.descendants(*places)}
        since = self._now - self._knowledge.policy.group_window
        numbers = {
            place.number for place in self._tx.open_places() if place.asset in near or place.last_fired_at >= since
        }
        missing = sorted(numbers - self._current.keys())
        self.lay_out(self._tx.incident(number) for number in missing)

    def _began_at(self, arrangement: Arrangement) -> datetime | None:
        if arrangement.root is None or arrangement.materialization is None:
            return None
        ref = Ref(asset=arrangement.root.key, id=arrangement.materialization)
        return max((record.at for record in self._tx.history.materializations({ref})), default=None)

    def arrange(self, arrangement: Arrangement, *, by: str = SYSTEM) -> Incident:
        """Make one incident what the arrangement says: take in others whole, take over members, or part."""
        absorbed = [self._current[number] for number in arrangement.absorbed]
        incident = self._current[arrangement.number] if arrangement.number is not None else None
        main = arrangement.members[0]
        if incident is not None and not absorbed and _is_as_arranged(incident, arrangement):
            return incident
        keys = [member.key for member in arrangement.members]
        homes = {key: self._home_of(key) for key in keys}
        voice = self._voice_of(main, homes[main.key])
        if incident is None:
            incident = self._opened(voice)
            text = f"parted from INC-{homes[main.key]}: {arrangement.reason}"
            incident = incident.noted(EntryKind.SPLIT, text, at=self._now, by=by)
        tally = self._tally(homes)
        changed = arranged(
            incident,
            arrangement,
            Particulars(
                voice=voice,
                owner=self._owner_of(arrangement, incident),
                labels=self._knowledge.labels(voice, root=arrangement.root),
                runbook=self._knowledge.runbook(arrangement.root, main.declared),
                assessment=self._knowledge.assess_members(arrangement.members),
                began_at=self._began_at(arrangement),
                alerts=sum(alerts for alerts, _ in tally.values()),
                failures=sum(failures for _, failures in tally.values()),
            ),
            absorbed=absorbed,
            at=self._now,
            by=by,
        )
        lost = {m.key for m in incident.members} - set(keys)
        if lost:
            changed = regraded(changed, self._knowledge.assess_members(arrangement.members))
        self.put(changed)
        for key, home in homes.items():
            if home != changed.number:
                self._moved[(home, key)] = changed.number
                self._rearranged.add(home)
        if changed.members != incident.members:
            self._rearranged.add(changed.number)
        for other in absorbed:
            self._absorb(other, changed, why=arrangement.reason, by=by)
        return changed

    def _absorb(self, other: Incident, survivor: Incident, *, why: str, by: str) -> None:
        if other.number < 0:  # a draft: nobody has seen it
            del self._current[other.number]
            return
        self._rearranged.add(other.number)
        self._current[other.number] = merged_into(other, survivor, why=why, at=self._now, by=by)

    def _home_of(self, key: MemberKey) -> int:
        """Where the member was when the transaction began, or when its alert was taken, or with which incident it
        came back."""
        for number in sorted(self._by_identity[key[0]], key=lambda n: (n < 0, abs(n))):
            incident = self._before[number] or self._current.get(number)
            if incident is not None and incident.is_open and any(m.key == key for m in incident.members):
                return number
        taken = [number for alert, number in reversed(self._alerts) if _key_of(alert) == key]
        return next(iter([*taken, *(n for n in self._reopened if self._had(n, key))]))

    def _had(self, number: int, key: MemberKey) -> bool:
        before = self._before[number]
        return before is not None and any(member.key == key for member in before.members)

    def _voice_of(self, member: Member, home: int) -> Alert:
        heard = [alert for alert, _ in self._alerts if _key_of(alert) == member.key]
        stored = self._tx.alerts_of_member(home, member.fingerprint, member.partition) if home > 0 else []
        return loudest([*heard, *stored])

    def _tally(self, homes: dict[MemberKey, int]) -> dict[MemberKey, tuple[int, int]]:
        """Alerts and failures of each member, stored ones and those of this transaction."""
        stored = self._tx.tally({(home, key) for key, home in homes.items() if home > 0})
        heard = Counter(_key_of(alert) for alert, _ in self._alerts)
        failed = Counter(_key_of(alert) for alert, _ in self._alerts if not alert.is_echo)
        return {
            key: (
                stored.get((home, key), (0, 0))[0] + heard[key],
                stored.get((home, key), (0, 0))[1] + failed[key],
            )
            for key, home in homes.items()
        }

    def _owner_of(self, arrangement: Arrangement, incident: Incident) -> str | None:
        main = arrangement.members[0]
        is_silent = main.subject.asset != arrangement.root
        known = self._knowledge.owner(arrangement.root, None if is_silent else main.declared)
        if known is not None:
            return known
        return incident.owner if incident.root.subject.asset == arrangement.root else None

    # ---- the end

    def settle(self) -> None:
        """Resolve the incidents in which all is well, and has been for long enough. After regrouping: a failure
        that is over may be part of one that is not."""
        after = self._knowledge.policy.resolve_after
        for incident in self.incidents:
            if incident.resolves_itself(after=after, now=self._now):
                self.put(incident.resolved(at=self._now))

    def clear(self, *, is_assessed: bool = False) -> Triaged:
        """Save what changed and write down what is owed to people for it.

        Args:
            is_assessed: the change is itself what was found out; nothing is to be looked into on account of it.
        """
        self._number_the_drafts()
        for number in self._rearranged & self._current.keys():
            if self._before[number] is not None:
                self._tx.clear_members(number)
        for alert, number in self._alerts:
            home = self._moved.get((number, _key_of(alert)), number)
            self._tx.add_alert(alert, home)
            if alert.event_id in self._announced:
                self._tx.teach(lessons_of_event(alert, home))
        for (home, key), number in self._moved.items():
            if self._before.get(home) is not None:
                self._tx.move_alerts(home, key, to=number)
        opened_: list[str] = []
        updated: list[str] = []
        resolved: list[str] = []
        changed = [n for n in sorted(self._current) if self._current[n] is not self._before[n] or n in self._woken]
        for number in changed:
            survivor = self._current[number].merged_into
            if survivor is not None and self._before[number] is not None:
                self._tx.hand_over_posts(number, to=survivor)
                self._tx.hand_over_ledger(number, to=survivor)
        changed = [number for number in changed if self._save(self._current[number], self._before[number])]
        if not is_assessed:
            self._tx.mark_unassessed([n for n in changed if _is_to_be_assessed(self._current[n])])
        for number in changed:
            incident, before = self._current[number], self._before[number]
            if before is None:
                opened_.append(incident.id)
            ended = incident.status is Status.RESOLVED and (before is None or before.is_open)
            if ended and incident.merged_into is None:
                resolved.append(incident.id)
            elif before is not None:
                updated.append(incident.id)
        return Triaged(
            alerts=len(self._alerts), opened=tuple(opened_), updated=tuple(updated), resolved=tuple(resolved)
        )

    def _save(self, incident: Incident, before: Incident | None) -> bool:
        """Write the incident with what is owed to people for it. False when its time had come and nothing was."""
        if before is not None and incident.number in self._rearranged:
            ways = self._knowledge.ways(incident)
            self._tx.withdraw_posts(incident.number, keep=[way.destination for way in ways])
        attended = attend(self._tx, before, incident, self._knowledge, table=self.incidents, now=self._now)
        if incident is before and not attended.tells_anybody:
            rest(self._tx, attended, now=self._now)
            return False
        self._tx.save(attended.incident)
        owe(self._tx, before, attended, self._knowledge, now=self._now)
        if before is not None:
            self._tx.teach(lessons_of(self._tx, before, attended.incident))
        return True

    def _number_the_drafts(self) -> None:
        """In the order in which they came; their alerts and members follow."""
        drafts = sorted((n for n in self._current if n < 0), reverse=True)
        numbers = {draft: self._tx.allocate_number() for draft in drafts}

        def numbered(number: int) -> int:
            return numbers.get(number, number)

        for draft, number in numbers.items():
            self._current[number] = replace(self._current.pop(draft), number=number)
            self._before[number] = None
        self._alerts = [(alert, numbered(number)) for alert, number in self._alerts]
        self._moved = {(numbered(home), key): numbered(to) for (home, key), to in self._moved.items()}
        self._rearranged = {numbered(number) for number in self._rearranged}


def _with_origins(incident: Incident, origins: Mapping[MemberKey, Ref]) -> Incident:
    """With what pointers prove of its members now: a verdict further upstream may have come since."""
    members = tuple(replace(member, origin=origins.get(member.key)) for member in incident.members)
    return incident if members == incident.members else replace(incident, members=members)


def _is_to_be_assessed(incident: Incident) -> bool:
    """What was announced has no cause to be looked for, and its data is not bad."""
    return incident.merged_into is None and incident.excuse is None


def _key_of(alert: Alert) -> MemberKey:
    return (alert.fingerprint, alert.partition or "")


def _is_as_arranged(incident: Incident, arrangement: Arrangement) -> bool:
    return (
        incident.members == arrangement.members
        and incident.root.subject.asset == arrangement.root
        and incident.root.materialization == arrangement.materialization
    )
