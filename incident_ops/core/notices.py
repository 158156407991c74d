"""What a change of an incident makes us say, and to whom: one post per destination, edited as the incident
changes, the changes told in its thread."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from incident_ops.core.incident import Incident
from incident_ops.core.routing import Destination, Route
from incident_ops.core.status import EntryKind, Status, TimelineEntry


class Action(StrEnum):
    """A post is the incident's own message; to tell is a message by itself, with its own text, to somebody who
    uses the data."""

    POST = "post"
    TELL = "tell"
    EDIT = "edit"
    REPLY = "reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a destination has heard of an incident.

    Attributes:
        is_posted: the sink has accepted the post (until then edits are part of it).
        last_push_at: when the sink accepted the last message that makes a phone ring; the cool-down starts here.
    """

    is_posted: bool
    last_push_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message owed to one destination. `key` is its identity: the same notice is never owed twice.

    `text` is set for replies and for what is told; posts and edits are drawn from the incident when they are sent.
    `pushes` says whether people are to be interrupted.
    """

    key: str
    number: int
    destination: Destination
    action: Action
    text: str = ""
    pushes: bool = False


_TOLD_IN_THREAD = frozenset(
    {
        EntryKind.ALERT,
        EntryKind.RECOVERY,
        EntryKind.ACKNOWLEDGED,
        EntryKind.MITIGATED,
        EntryKind.ASSIGNED,
        EntryKind.SEVERITY,
        EntryKind.OWNER,
        EntryKind.ROOT,
        EntryKind.MERGED,
        EntryKind.SPLIT,
        EntryKind.SUSPECT,
        EntryKind.FORECAST,
        EntryKind.NOTE,
        EntryKind.RESOLVED,
        EntryKind.REOPENED,
    }
)


_DRAWN_IN_THE_POST = frozenset({EntryKind.ROOT, EntryKind.MERGED, EntryKind.SUSPECT, EntryKind.FORECAST})
"""A post that still waits will show these itself."""


def notices_for(
    before: Incident | None,
    after: Incident,
    route: Route,
    told: Mapping[Destination, Told],
    *,
    repeat_interval: timedelta,
    now: datetime,
) -> list[Notice]:
    """The notices owed after a change.

    Args:
        before: the incident as stored, None when it is new.
        after: the incident as changed; its `revision` is the one that will be stored, its `news` what happened.
        told: the destinations that have a post already, accepted or waiting. They follow the story whatever the
            route says now; nobody's phone rings for what is suppressed.
    """
    notices: list[Notice] = []
    if route.suppressed is None:
        for destination in route.destinations:
            if destination not in told:
                key = f"{after.id}:post:{destination}"
                notices.append(
                    Notice(key=key, number=after.number, destination=destination, action=Action.POST, pushes=True)
                )
    if before is None:
        return notices
    for destination, state in told.items():
        story = _story(after, unless=frozenset() if state.is_posted else _DRAWN_IN_THE_POST)
        push = route.suppressed is None and _is_pushed_again(
            before, after, state, repeat_interval=repeat_interval, now=now
        )
        if story:
            notices.append(_reply(after, destination, story, pushes=push))
        elif push:
            notices.append(_reply(after, destination, _still_failing(after), pushes=True))
        edit = f"{after.id}:edit:{destination}:r{after.revision}"
        notices.append(Notice(key=edit, number=after.number, destination=destination, action=Action.EDIT))
    return notices


def _reply(incident: Incident, destination: Destination, text: str, *, pushes: bool) -> Notice:
    key = f"{incident.id}:reply:{destination}:r{incident.revision}"
    return Notice(
        key=key, number=incident.number, destination=destination, action=Action.REPLY, text=text, pushes=pushes
    )


def _is_pushed_again(
    before: Incident, after: Incident, told: Told, *, repeat_interval: timedelta, now: datetime
) -> bool:
    """New failures of an incident that nobody has taken push again, once per `repeat_interval` after the sink
    accepted the last push. Until a first push is accepted there is nothing to repeat."""
    return (
        after.status is Status.TRIGGERED
        and after.failure_count > before.failure_count
        and told.last_push_at is not None
        and now - told.last_push_at >= repeat_interval
    )


def _story(incident: Incident, *, unless: Collection[EntryKind]) -> str:
    """The news as lines for the thread; a recovery that resolves the incident is told by the resolution."""
    entries = [entry for entry in incident.news if entry.kind in _TOLD_IN_THREAD and entry.kind not in unless]
    if any(entry.kind is EntryKind.RESOLVED for entry in entries):
        entries = [entry for entry in entries if entry.kind is not EntryKind.RECOVERY]
    shown = entries[:_MOST_LINES]
    lines = [_line(entry) for entry in shown]
    if len(entries) > len(shown):
        lines.append(f"and {len(entries) - len(shown)} more changes")
    return "\n".join(lines)


_MOST_LINES = 10


def _line(entry: TimelineEntry) -> str:
    return entry.text[:1].upper() + entry.text[1:]


def _still_failing(incident: Incident) -> str:
    return f"Still failing: {incident.failure_count - 1:,} more since the first failure."
