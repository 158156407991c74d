"""Observations → incidents: one transaction for alerts, incidents, what is owed to people, and the cursor.

Everything decided here is decided by `core`; this is the order in which it happens. Reading an event again
changes nothing: alerts are known by their ids, and a recovery older than the failure heals nothing.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from incident_ops.core.alert import Alert, Observation, Recovery, RetrySucceeded
from incident_ops.core.incident import Incident
from incident_ops.core.labels import labels_declared, labels_of_node
from incident_ops.core.provenance import NO_FACTS, Facts
from incident_ops.engine.assess import touched_by
from incident_ops.engine.desk import Desk
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.ports import Store, Transaction
from incident_ops.engine.triaged import Triaged


def triage(
    store: Store,
    observations: Sequence[Observation],
    knowledge: Knowledge,
    *,
    now: datetime,
    facts: Facts = NO_FACTS,
    cursor: tuple[str, str] | None = None,
) -> Triaged:
    """Take in observations, oldest first, in one transaction; nothing to take in and no cursor: no transaction.

    Args:
        facts: what the same events say of what was built from what.
        cursor: (name, value) to be stored with them, so that neither can be without the other.
    """
    if not observations and cursor is None:
        return Triaged()
    with store.transaction() as tx:
        if facts:
            tx.add_facts(facts)
            tx.mark_unassessed(touched_by(tx, facts, knowledge.catalog))
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
        desk.regroup()
        desk.settle()
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
    return _revisit(store, ripe, lambda desk, _: desk.settle(), knowledge, now=now)


def enrich(store: Store, knowledge: Knowledge, *, now: datetime) -> Triaged:
    """Give an owner to open incidents that were found before the catalog knew one, and tell that owner."""

    def adopt(desk: Desk, incident: Incident) -> None:
        node = knowledge.catalog.get(incident.root.subject.asset)
        if incident.owner is None and node is not None and node.owners:
            said = labels_declared(incident.members[0].declared)
            labels = {**incident.labels, **labels_of_node(node), **said}
            incident = incident.owned_by(node.owners[0], labels, at=now)
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
