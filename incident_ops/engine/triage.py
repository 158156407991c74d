"""Observations → incidents: one transaction for alerts, incidents, what is owed to people, and the cursor.

Everything decided here is decided by `core`; this is the order in which it happens. Reading an event again
changes nothing: alerts are known by their ids, and a recovery older than the failure heals nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from incident_ops.core.alert import Alert, AlertKind, CheckSeverity, Observation, Recovery, RetrySucceeded
from incident_ops.core.belonging import Attach, Ignore, Open, decide
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.incident import Incident, opened
from incident_ops.core.labels import labels_of, labels_of_node
from incident_ops.core.notices import notices_for
from incident_ops.core.routing import Route, route
from incident_ops.core.severity import Assessment, assess
from incident_ops.core.status import EntryKind, Status
from incident_ops.engine.policy import Policy
from incident_ops.engine.ports import Store, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What a decision is founded on besides the events themselves.

    Attributes:
        installed_at: when this installation first looked; what is much older is backlog.
    """

    catalog: Catalog
    policy: Policy
    installed_at: datetime

    def node(self, alert: Alert) -> AssetNode | None:
        return self.catalog.get(alert.asset)

    def labels(self, alert: Alert) -> dict[str, str]:
        return dict(labels_of(alert, self.node(alert), environment=self.policy.environment))

    def assess(self, alert: Alert) -> Assessment:
        return self._assess(alert.check_severity, alert.kind, self.node(alert), self.labels(alert))

    def assess_again(self, incident: Incident) -> Assessment:
        """By what the catalog has come to know of the incident's first member since it failed."""
        main = incident.members[0]
        return self._assess(
            main.check_severity, main.kind, self.catalog.get(main.subject.asset), dict(incident.labels)
        )

    def _assess(
        self, check_severity: CheckSeverity, kind: AlertKind, node: AssetNode | None, labels: dict[str, str]
    ) -> Assessment:
        consumers = node.consumers if node else ()
        assessment = assess(check_severity=check_severity, kind=kind, tier=labels.get("tier"), consumers=consumers)
        return self.policy.graded(assessment, labels)

    def route(self, incident: Incident) -> Route:
        assets = dict.fromkeys([incident.root.subject.asset, *(m.subject.asset for m in incident.members)])
        nodes = tuple(node for asset in assets if (node := self.catalog.get(asset)) is not None)
        return route(incident, self.policy.routing, nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Triaged:
    """What a pass over observations did, incidents by id. One that was opened and resolved in the same pass is
    in both lists."""

    alerts: int = 0
    opened: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()

    def __add__(self, other: "Triaged") -> "Triaged":
        return Triaged(
            alerts=self.alerts + other.alerts,
            opened=_once(self.opened, other.opened),
            updated=_once(self.updated, other.updated),
            resolved=_once(self.resolved, other.resolved),
        )


def _once(*lists: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for items in lists for item in items))


class Desk:
    """The incidents on the table during one transaction: each is loaded once, saved once, told once."""

    def __init__(self, tx: Transaction, knowledge: Knowledge, *, now: datetime) -> None:
        self._tx, self._knowledge, self._now = tx, knowledge, now
        self._before: dict[int, Incident | None] = {}
        self._current: dict[int, Incident] = {}
        self._by_identity: defaultdict[str, set[int]] = defaultdict(set)
        self._alerts: list[tuple[Alert, int]] = []
        self._said: dict[int, Route] = {}

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

    @property
    def incidents(self) -> list[Incident]:
        return list(self._current.values())

    def _with_identity(self, *identities: str | None) -> list[Incident]:
        """Incidents with a member of that fingerprint or cause, oldest first."""
        numbers = {n for identity in identities if identity for n in self._by_identity.get(identity, ())}
        return [self._current[number] for number in sorted(numbers)]

    def take_alert(self, alert: Alert) -> None:
        decision = decide(alert, self._with_identity(alert.fingerprint, alert.cause))
        match decision:
            case Ignore():
                return
            case Open():
                incident = self._opened(alert)
            case Attach(incident=found, reopens=reopens, reason=reason):
                incident = found.reopen(why=reason, at=self._now) if reopens else found
                incident = incident.fired(alert, self._knowledge.assess(alert), now=self._now)
        self.put(incident)
        self._alerts.append((alert, incident.number))

    def _opened(self, alert: Alert) -> Incident:
        knowledge = self._knowledge
        node = knowledge.node(alert)
        number = self._tx.allocate_number()
        self._before[number] = None
        incident = opened(
            number,
            alert,
            knowledge.assess(alert),
            owner=node.owners[0] if node and node.owners else None,
            labels=knowledge.labels(alert),
            backlog=knowledge.installed_at - alert.occurred_at > knowledge.policy.backlog_age,
            now=self._now,
        )
        self._said[number] = way = knowledge.route(incident)
        return incident.noted(*_sentence_of(way), at=self._now)

    def _with_its_way_said(self, incident: Incident, way: Route) -> Incident:
        """The timeline tells where the incident goes, or why nobody is pushed, whenever that has changed."""
        said = self._said.get(incident.number)
        before = self._before[incident.number]
        if said is None and before is not None and before.owner == incident.owner:
            said = self._knowledge.route(before)
        if said is not None and (said.destinations, said.suppressed) == (way.destinations, way.suppressed):
            return incident
        return incident.noted(*_sentence_of(way), at=self._now)

    def take_recovery(self, recovery: Recovery) -> None:
        for incident in self._with_identity(recovery.fingerprint):
            if incident.is_open:
                self.settle(incident.recovered(recovery, now=self._now))

    def settle(self, incident: Incident) -> None:
        """Resolve the incident if all is well, and has been for long enough."""
        if incident.resolves_itself(after=self._knowledge.policy.resolve_after, now=self._now):
            incident = incident.resolved(at=self._now)
        self.put(incident)

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

    def clear(self) -> Triaged:
        """Save what changed and write down what is owed to people for it."""
        opened_: list[str] = []
        updated: list[str] = []
        resolved: list[str] = []
        for number, incident in sorted(self._current.items()):
            before = self._before[number]
            if incident is before:
                continue
            way = self._knowledge.route(incident)
            incident = self._with_its_way_said(incident, way)
            notices = notices_for(
                before,
                replace(incident, revision=incident.revision + 1),
                way,
                self._tx.told(number),
                repeat_interval=self._knowledge.policy.repeat_interval,
                now=self._now,
            )
            self._tx.save(incident)
            self._tx.enqueue(notices, now=self._now)
            if before is None:
                opened_.append(incident.id)
            if incident.status is Status.RESOLVED and (before is None or before.is_open):
                resolved.append(incident.id)
            elif before is not None:
                updated.append(incident.id)
        for alert, number in self._alerts:
            self._tx.add_alert(alert, number)
        return Triaged(
            alerts=len(self._alerts), opened=tuple(opened_), updated=tuple(updated), resolved=tuple(resolved)
        )


def _sentence_of(way: Route) -> tuple[EntryKind, str]:
    if way.suppressed:
        return EntryKind.SUPPRESSED, f"nobody is pushed: {way.suppressed}"
    return EntryKind.NOTIFIED, f"routed to {'; '.join(way.reasons)}"


def triage(
    store: Store,
    observations: Sequence[Observation],
    knowledge: Knowledge,
    *,
    now: datetime,
    cursor: tuple[str, str] | None = None,
) -> Triaged:
    """Take in observations, oldest first, in one transaction; nothing to take in and no cursor: no transaction.

    Args:
        cursor: (name, value) to be stored with them, so that neither can be without the other.
    """
    if not observations and cursor is None:
        return Triaged()
    with store.transaction() as tx:
        desk = Desk(tx, knowledge, now=now)
        _lay_out_what_is_related(desk, tx, observations, knowledge, now=now)
        known = tx.known_events([o.event_id for o in observations if isinstance(o, Alert)])
        for observation in observations:
            match observation:
                case Alert() if observation.event_id not in known:
                    known.add(observation.event_id)
                    desk.take_alert(observation)
                case Recovery():
                    desk.take_recovery(observation)
                case RetrySucceeded():
                    desk.take_retry(observation)
                case _:
                    pass
        if cursor is not None:
            tx.save_cursor(*cursor, now=now)
        return desk.clear()


def change(
    store: Store, number: int, verb: Callable[[Incident], Incident], knowledge: Knowledge, *, now: datetime
) -> Incident:
    """A person's change of one incident, told like any other. Raises `NotFound` and `IllegalTransition`."""
    with store.transaction() as tx:
        desk = Desk(tx, knowledge, now=now)
        desk.lay_out([tx.incident(number)])
        for incident in desk.incidents:
            desk.put(verb(incident))
        desk.clear()
    return store.incident(number)


def settle_recovered(store: Store, knowledge: Knowledge, *, now: datetime) -> Triaged:
    """Resolve incidents that have been healthy for `resolve_after`."""
    after = knowledge.policy.resolve_after
    ripe = [i.number for i in store.recovered_and_open() if i.resolves_itself(after=after, now=now)]
    return _revisit(store, ripe, Desk.settle, knowledge, now=now)


def enrich(store: Store, knowledge: Knowledge, *, now: datetime) -> Triaged:
    """Give an owner to open incidents that were found before the catalog knew one, and tell that owner."""

    def adopt(desk: Desk, incident: Incident) -> None:
        node = knowledge.catalog.get(incident.root.subject.asset)
        if incident.owner is None and node is not None and node.owners:
            incident = incident.owned_by(node.owners[0], {**incident.labels, **labels_of_node(node)}, at=now)
            desk.put(incident.reassessed(knowledge.assess_again(incident), now=now))

    known = knowledge.catalog.get
    adopted = [
        incident.number
        for incident in store.open_without_owner()
        if (node := known(incident.root.subject.asset)) is not None and node.owners
    ]
    return _revisit(store, adopted, adopt, knowledge, now=now)


def _revisit(
    store: Store,
    numbers: Sequence[int],
    visit: Callable[[Desk, Incident], None],
    knowledge: Knowledge,
    *,
    now: datetime,
) -> Triaged:
    """Look at incidents again, in a transaction only if there are any: a quiet pass takes no lock."""
    if not numbers:
        return Triaged()
    with store.transaction() as tx:
        desk = Desk(tx, knowledge, now=now)
        desk.lay_out(tx.incident(number) for number in numbers)
        for incident in desk.incidents:
            visit(desk, incident)
        return desk.clear()


def _lay_out_what_is_related(
    desk: Desk, tx: Transaction, observations: Sequence[Observation], knowledge: Knowledge, *, now: datetime
) -> None:
    fingerprints = {o.fingerprint for o in observations if isinstance(o, Alert | Recovery)}
    causes = {o.cause for o in observations if isinstance(o, Alert) and o.cause}
    if fingerprints or causes:
        since = now - knowledge.policy.reopen_within
        desk.lay_out(tx.related(fingerprints=fingerprints, causes=causes, resolved_since=since))
