"""What comes due by the clock alone: incidents to look at again, digests, hand-overs of who is on call."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from incident_ops.core.classification import precisions
from incident_ops.core.digest import Line, digest_text
from incident_ops.core.incident import Incident
from incident_ops.core.message import digest_line, moment
from incident_ops.core.notices import Action, Notice
from incident_ops.core.oncall import Schedule, next_handoff, who_is_on_call
from incident_ops.core.routing import Destination, destination_of
from incident_ops.core.status import Status
from incident_ops.engine.attend import digest_time
from incident_ops.engine.desk import Desk
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.ports import Store, Transaction
from incident_ops.engine.triaged import Triaged

BATCH = 50
"""Incidents that are looked at in one transaction: a change of the configuration wakes all that are open."""

VERSION = "attended configuration"
_ON_CALL = "on call: "
JUDGED_WITHIN, JUDGED = timedelta(days=90), 10
"""Of each detector its newest ten classified incidents of the last ninety days say how precise it is."""


def attend_due(store: Store, knowledge: Knowledge, *, now: datetime, may_go_on: Callable[[], bool]) -> Triaged:
    """Look again at the incidents whose time has come. Without any: one look at an index."""
    _wake_for_a_new_configuration(store, knowledge, now=now)
    done = Triaged()
    while may_go_on() and (numbers := store.to_attend(now=now, limit=BATCH)):
        if knowledge.policy.attention.inhibit:  # what was open when the pass began may be over by now
            knowledge = replace(knowledge, firing=dict(store.firing_labels()))
        with store.transaction() as tx:
            desk = Desk(tx, knowledge, now=now)
            for number in numbers:
                desk.wake(tx.incident(number))
            done += desk.clear()
    return done


def _wake_for_a_new_configuration(store: Store, knowledge: Knowledge, *, now: datetime) -> None:
    version = knowledge.policy.version
    if store.value(VERSION) != version:
        with store.transaction() as tx:
            tx.wake_open(at=now)
        store.set_value(VERSION, version, now=now)


def send_digests(store: Store, knowledge: Knowledge, *, now: datetime) -> None:
    """Owe each recipient whose time has come one message with what waits for it."""
    due = store.digests_due(now=now)
    if not due:
        return
    reasons = store.classified(limit_per_detector=JUDGED, since=now - JUDGED_WITHIN)
    suggestions = [(each.asset, each.suggestion) for each in precisions(reasons) if each.suggestion]
    for destination in due:
        with store.transaction() as tx:
            lines = _lines(tx, destination, now=now)
            tx.mark_digested(destination, until=now, now=now)
            if not lines:
                continue
            _list_again_what_is_open(tx, destination, lines, knowledge, now=now)
            theirs = [text for asset, text in suggestions if _is_theirs(asset, destination, knowledge)]
            tx.enqueue([_digest(destination, digest_text(lines, suggestions=theirs), now)], now=now)


def _lines(tx: Transaction, destination: Destination, *, now: datetime) -> list[Line]:
    """What waits there, but for what the recipient was told of meanwhile."""
    items = tx.digest_of(destination, until=now)
    return [
        Line(incident=tx.incident(item.number), why=item.why)
        for item in items
        if destination not in tx.told(item.number)
    ]


def _list_again_what_is_open(
    tx: Transaction, destination: Destination, lines: Sequence[Line], knowledge: Knowledge, *, now: datetime
) -> None:
    """Until a digest has told its end: who was told of an incident hears when it is over."""
    for line in lines:
        ways = knowledge.ways(line.incident) if line.incident.is_open else ()
        for way in ways:
            if way.destination == destination:
                due_at = digest_time(way, knowledge).next_after(now)
                tx.add_to_digest(destination, line.incident.number, why=line.why, due_at=due_at, now=now)


def _is_theirs(asset: str, destination: Destination, knowledge: Knowledge) -> bool:
    owners = knowledge.owners_of(asset)
    return any(destination_of(owner, knowledge.policy.routing) == destination for owner in owners)


def _digest(destination: Destination, text: str, now: datetime) -> Notice:
    key = f"digest:{destination}:{now.isoformat()}"
    return Notice(key=key, number=None, destination=destination, action=Action.TELL, text=text)


def hand_over(store: Store, knowledge: Knowledge, *, now: datetime) -> None:
    """Tell those who come on call what is open, and those who leave who has it now. A schedule that was never
    looked at before is only remembered."""
    known = {name.removeprefix(_ON_CALL): held for name, held in store.values(_ON_CALL).items()}
    for name, schedule in knowledge.policy.schedules.items():
        members = list(who_is_on_call(schedule, now))
        value, since = known.get(name, ("", now))
        if value == json.dumps(members):
            continue
        if value:
            texts = _texts_of_the_hand_over(store, schedule, json.loads(value), members, knowledge, now=now)
            notices = [_hand_over(schedule, member, text, since, knowledge) for member, text in texts.items()]
            with store.transaction() as tx:
                tx.enqueue(notices, now=now)
        store.set_value(f"{_ON_CALL}{name}", json.dumps(members), now=now)


def _hand_over(schedule: Schedule, member: str, text: str, since: datetime, knowledge: Knowledge) -> Notice:
    """`since`: from when those who leave were on call, by which the message is known again."""
    return Notice(
        key=f"hand-over:{schedule.name}:{since.isoformat()}:{member}",
        number=None,
        destination=destination_of(member, knowledge.policy.routing),
        action=Action.TELL,
        text=text,
    )


def _texts_of_the_hand_over(
    store: Store,
    schedule: Schedule,
    leaving: Sequence[str],
    coming: Sequence[str],
    knowledge: Knowledge,
    *,
    now: datetime,
) -> dict[str, str]:
    until = next_handoff(schedule, now)
    end = f" until {until.astimezone(schedule.zone):%a %Y-%m-%d %H:%M %Z}" if until else ""
    open_ones = store.incidents(statuses=[status for status in Status if status.is_open])
    theirs = [_in_context(store, i) for i in open_ones if _pages_the_schedule(i, schedule.name, knowledge)]
    what = "\n".join([f"{len(theirs)} open:", *theirs]) if theirs else "Nothing is open."
    texts = dict.fromkeys(coming, f"You are on call for {schedule.name}{end}.\n{what}")
    now_on_call = ", ".join(coming) or "nobody"
    texts |= {
        member: f"Your shift on {schedule.name} is over; on call now: {now_on_call}.\n{what}"
        for member in leaving
        if member not in coming
    }
    return texts


def _pages_the_schedule(incident: Incident, schedule: str, knowledge: Knowledge) -> bool:
    names = {way.escalation_policy for way in knowledge.ways(incident)}
    policies = [knowledge.policy.attention.policies[name] for name in names if name is not None]
    return any(f"schedule:{schedule}" in step.targets for policy in policies for step in policy.steps)


def _in_context(store: Store, incident: Incident) -> str:
    """A line on the incident, who has it, and what is suspected."""
    found = store.findings(incident.number)
    suspect = f", suspect {found.suspects[0]['asset']}" if found is not None and found.suspects else ""
    who = f", {incident.assignee} has it" if incident.assignee else ""
    return f"{digest_line(incident)}, since {moment(incident.started_at)}{who}{suspect}"
