"""A person's command → the change, told like any other. The same asked for twice is done once and said so: an
entrance may repeat what it did not hear the answer to, and people press buttons twice.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from incident_ops.core.commands import (
    Acknowledge,
    Assign,
    Command,
    FollowUp,
    Grade,
    Note,
    Resolve,
    Silence,
    Snooze,
    TakeRole,
)
from incident_ops.core.delivery import DeliveryStatus
from incident_ops.core.errors import ConfigError, IllegalChange, NotFound
from incident_ops.core.incident import Incident
from incident_ops.core.matching import Matcher, MatchOp
from incident_ops.core.message import moment
from incident_ops.core.muting import Silence as KeptSilence
from incident_ops.core.notices import Action, Notice
from incident_ops.core.reasons import how_it_ended
from incident_ops.core.routing import Destination, RoutingRules
from incident_ops.core.status import SYSTEM, EntryKind, Resolution, Status
from incident_ops.engine.desk import Desk
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.ports import Store
from incident_ops.engine.snooze import REPEATED_WITHIN, snooze
from incident_ops.engine.triage import change

JIRA = "jira"
_OF_AN_INCIDENT = ("asset", "check", "name")


def perform(store: Store, command: Command, knowledge: Knowledge, *, by: str, now: datetime) -> Incident:
    """Carry out what somebody asks for; returns the incident as it is then.

    Args:
        by: who asks, an e-mail address where one is known.

    Raises:
        NotFound: there is no such incident, or no such receiver.
        IllegalChange: it cannot be done to that incident, or has been done already; nothing changes.
        ConfigError: a follow-up has nowhere to go.
    """
    match command:
        case Snooze():
            _refuse_if_over(store, store.incident(command.number))
            until = None if command.lasting is None else _end(command.lasting, now=now)
            return snooze(store, command.number, knowledge, until=until, by=by, now=now)
        case Silence():
            return _silenced(store, command, knowledge, by=by, now=now)
        case FollowUp():
            return _followed_up(store, command, knowledge, by=by, now=now)
        case Note():
            return _noted(store, command, knowledge, by=by, now=now)
        case _:
            # Nobody else writes while `change` does: what `_changed` reads stays true.
            return change(
                store, command.number, lambda i: _changed(store, i, command, by=by, now=now), knowledge, now=now
            )


def matchers_about(incident: Incident) -> list[Matcher]:
    """What the incident is about, for a silence: its asset and check, or the name of what has neither."""
    labels = incident.current_labels
    known = [label for label in _OF_AN_INCIDENT if labels.get(label)]
    return [Matcher(label=label, op=MatchOp.EQUAL, value=labels[label]) for label in known]


# ---- changes of the incident alone


def _changed(store: Store, incident: Incident, command: Command, *, by: str, now: datetime) -> Incident:
    if not isinstance(command, Resolve):
        _refuse_if_over(store, incident)
    match command:
        case Acknowledge():
            return _acknowledged(incident, by=by, now=now)
        case Assign():
            return _assigned(incident, command.to.strip(), by=by, now=now)
        case Grade():
            if incident.severity is command.severity and incident.severity_by != SYSTEM:
                raise IllegalChange(f"{incident.id} is {incident.severity} already, set by {incident.severity_by}")
            return incident.graded(command.severity, by=by, at=now)
        case Resolve():
            _refuse_a_second_answer(store, incident, command.reason)
            ended = incident.answered(command.reason, by=by, at=now)
            text = command.note.strip()
            return ended.noted(EntryKind.NOTE, text, at=now, by=by) if text else ended
        case TakeRole():
            return _in_role(incident, command, by=by, now=now)
        case _:
            raise TypeError(f"{type(command).__name__} is no command that we know")


def _acknowledged(incident: Incident, *, by: str, now: datetime) -> Incident:
    if incident.status is not Status.TRIGGERED:
        who = "you have" if incident.assignee == by else f"{incident.assignee or 'somebody'} has"
        raise IllegalChange(f"{incident.id} is {incident.status} already: {who} it")
    return incident.acknowledged(by=by, at=now)


def _assigned(incident: Incident, to: str, *, by: str, now: datetime) -> Incident:
    if not to:
        raise IllegalChange(f"{incident.id} can only be assigned to somebody: name an e-mail address or a team:x")
    if incident.assignee == to:
        raise IllegalChange(f"{incident.id} is assigned to {to} already")
    return incident.assigned(to, by=by, at=now)


def _refuse_a_second_answer(store: Store, incident: Incident, reason: Resolution) -> None:
    if incident.resolution is reason or incident.merged_into is not None:
        _refuse_if_over(store, incident)


def _refuse_if_over(store: Store, incident: Incident) -> None:
    if incident.is_open:
        return
    ends = (entry.by for entry in reversed(store.timeline(incident.number)) if entry.kind in _ENDS)
    raise IllegalChange(how_it_ended(incident, by=next(ends, SYSTEM)))


_ENDS = (EntryKind.RESOLVED, EntryKind.CLASSIFIED)


def _in_role(incident: Incident, command: TakeRole, *, by: str, now: datetime) -> Incident:
    changed = incident.in_role(command.role, command.who, by=by, at=now)
    if changed is incident:
        who = f"{command.who} is" if command.who is not None else "nobody is"
        raise IllegalChange(f"{who} {command.role} of {incident.id}{' already' if command.who else ''}")
    return changed


# ---- notes


def _noted(store: Store, command: Note, knowledge: Knowledge, *, by: str, now: datetime) -> Incident:
    """On the timeline of the incident, or of the one that it was merged into: nobody looks at the other any more.

    What somebody has said in the thread (`author` is given) is not said there a second time, unless there are
    other threads that have not heard it.
    """
    text = command.text.strip()
    if not text:
        raise IllegalChange("the note is empty")
    number = _survivor_of(store.incident(command.number), store).number

    def noted(incident: Incident) -> Incident:
        return _with_note(store, incident, replace(command, text=text), by=by, now=now)

    posts = {d.destination for d in store.deliveries(number) if d.action is Action.POST}
    if command.author is None or number != command.number or len(posts) > 1:
        return change(store, number, noted, knowledge, now=now)
    with store.transaction() as tx:
        tx.save(noted(tx.incident(number)))
    return store.incident(number)


def _survivor_of(incident: Incident, store: Store) -> Incident:
    while incident.merged_into is not None:
        incident = store.incident(incident.merged_into)
    return incident


def _with_note(store: Store, incident: Incident, note: Note, *, by: str, now: datetime) -> Incident:
    """Refused when it is there already: written a moment ago, or, where somebody has said it, kept by anybody."""
    author = note.author or by
    quoted = f"{author}: {note.text}"
    known = REPEATED_WITHIN if note.author is None else timedelta.max
    for entry in reversed(store.timeline(incident.number)):
        if now - entry.at >= known:
            break
        is_same = entry.text == quoted or (entry.text == note.text and entry.by == author)
        if entry.kind is EntryKind.NOTE and is_same:
            raise IllegalChange(f"{incident.id} has this note already, since {moment(entry.at)}")
    return incident.noted(EntryKind.NOTE, note.text if author == by else quoted, at=now, by=by)


# ---- silences


def _silenced(store: Store, command: Silence, knowledge: Knowledge, *, by: str, now: datetime) -> Incident:
    incident = store.incident(command.number)
    ends, comment = _end(command.lasting, now=now), command.comment.strip()
    matchers = [str(matcher) for matcher in matchers_about(incident)]
    if not matchers:
        raise IllegalChange(f"{incident.id} has neither asset nor check nor name that could be silenced")
    if not comment:
        raise IllegalChange("a silence needs a reason: it stands on the timeline of what is silenced")
    _refuse_a_second(store, incident, matchers, ends, now=now)
    id = store.add_silence(matchers, begins=now, ends=ends, author=by, comment=comment, now=now)
    try:
        _refuse_a_second(store, incident, matchers, ends, now=now, than=id)
    except IllegalChange:  # somebody was quicker by a moment; of the two the first one stays
        store.expire_silence(id, at=now)
        raise
    text = f"silenced by {by} until {moment(ends)} for {', '.join(matchers)} (silence {id}: {comment})"
    known = replace(knowledge, silences=tuple(store.silences(since=now)))
    return change(store, command.number, lambda i: i.noted(EntryKind.NOTE, text, at=now, by=by), known, now=now)


def _refuse_a_second(
    store: Store,
    incident: Incident,
    matchers: Sequence[str],
    ends: datetime,
    *,
    now: datetime,
    than: int | None = None,
) -> None:
    """One that adds nothing to what is silent already; of those before silence `than`, if it is given."""
    for known in store.silences(since=now):
        is_before = known.is_active(now) and (than is None or known.id < than)
        if is_before and known.ends > ends - REPEATED_WITHIN and _texts_of(known) == list(matchers):
            until = f"until {moment(known.ends)} by {known.author}"
            raise IllegalChange(f"what {incident.id} is about is silenced already, {until} (silence {known.id})")


def _texts_of(silence: KeptSilence) -> list[str]:
    return [str(matcher) for matcher in silence.matchers]


def _end(lasting: timedelta, *, now: datetime) -> datetime:
    if lasting <= timedelta(0):
        raise IllegalChange("it would be over at once: say how long it is to last")
    try:
        return now + lasting
    except OverflowError as error:
        raise IllegalChange("that is too long") from error


# ---- follow-ups


def _followed_up(store: Store, command: FollowUp, knowledge: Knowledge, *, by: str, now: datetime) -> Incident:
    """The task and the line that tells of it, in one transaction."""
    text = command.text.strip()
    if not text:
        raise IllegalChange("the follow-up is empty: say what is to be done")
    place = _jira_place(command.receiver, knowledge.policy.routing)
    with store.transaction() as tx:
        incident = tx.incident(command.number)
        key = _key_of_follow_up(store, incident, text, place)
        desk = Desk(tx, knowledge, now=now)
        desk.lay_out([incident])
        line = f"follow-up for {place.address}: {text}"
        desk.put(incident.noted(EntryKind.NOTE, line, at=now, by=by))
        desk.clear()
        said = f"{text}\nFollow-up of {incident.id} {incident.title}, asked for by {by}."
        notice = Notice(key=key, number=incident.number, destination=place, action=Action.TELL, text=said)
        tx.enqueue([notice], now=now)
    return store.incident(command.number)


def _key_of_follow_up(store: Store, incident: Incident, text: str, place: Destination) -> str:
    """By what is to be done, so that it is owed once; anew after the sink has refused it."""
    start = f"{incident.id}:follow-up:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    owed = [d for d in store.deliveries(incident.number) if d.key.startswith(start) and d.destination == place]
    if any(delivery.status is not DeliveryStatus.DEAD for delivery in owed):
        raise IllegalChange(f"{incident.id} has this follow-up already, for {place.address}")
    return f"{start}{f'.{len(owed)}' if owed else ''}:{place}"


def _jira_place(receiver: str | None, routing: RoutingRules) -> Destination:
    places = {
        name: destination
        for name, known in routing.receivers.items()
        for destination in known.destinations
        if destination.kind == JIRA
    }
    if not places:
        raise ConfigError(["no receiver leads to Jira, where follow-ups go: add one with jira to receivers."])
    names = ", ".join(sorted(places))
    if receiver is None and len(places) > 1:
        raise ConfigError([f"more than one receiver leads to Jira: {names}; name one."])
    if receiver is None:
        return next(iter(places.values()))
    if receiver not in places:
        raise NotFound(f'no receiver "{receiver}" leads to Jira; {names} {"does" if len(places) == 1 else "do"}')
    return places[receiver]
