"""What a change of an incident makes us say, and to whom: one post per destination, edited as the incident
changes, the changes told in its thread."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from incident_ops.core.incident import Incident
from incident_ops.core.routing.destinations import Destination
from incident_ops.core.status import EntryKind, TimelineEntry
from incident_ops.core.thread_lines import thread_line


class Action(StrEnum):
    """A post is the incident's own message; to tell is a message by itself, with its own text, to somebody who
    uses the data."""

    POST = "post"
    TELL = "tell"
    EDIT = "edit"
    REPLY = "reply"


MUST_ARRIVE = (Action.POST, Action.TELL)
"""What somebody must hear, if not here then elsewhere; edits and replies say more about what was heard."""

EDIT_PAUSE = timedelta(seconds=1)
"""A message is edited no more often than this: Slack allows a message about one change a second, and nobody reads
faster."""


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
class Push:
    """Why the phone rings at a destination.

    Attributes:
        text: what a reply says.
        note: what is said besides, in a post as well: why it comes now, that it is the last for today.
        rings: False for what goes along with another incident of its group.
    """

    text: str = ""
    note: str = ""
    rings: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message owed to one destination. `key` is its identity: the same notice is never owed twice.

    `text` is what a reply or a message of its own says; posts and edits are drawn from the incident when they are
    sent, with the post's `text` as a note. `number` is None for what is about no incident. `pushes` says whether
    people are to be interrupted.
    """

    key: str
    number: int | None
    destination: Destination
    action: Action
    text: str = ""
    pushes: bool = False


_TOLD_IN_THREAD = frozenset(
    {
        EntryKind.ALERT,
        EntryKind.RECOVERY,
        EntryKind.ACKNOWLEDGED,
        EntryKind.TRIGGERED_AGAIN,
        EntryKind.MITIGATED,
        EntryKind.ASSIGNED,
        EntryKind.ROLE,
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
        EntryKind.CLASSIFIED,
        EntryKind.SNOOZED,
        EntryKind.PAGED,
    }
)


_DRAWN_IN_THE_POST = frozenset({EntryKind.ROOT, EntryKind.MERGED, EntryKind.SUSPECT, EntryKind.FORECAST})
"""A post that still waits will show these itself."""


_TURNS = frozenset(
    {
        EntryKind.ACKNOWLEDGED,
        EntryKind.TRIGGERED_AGAIN,
        EntryKind.MITIGATED,
        EntryKind.RESOLVED,
        EntryKind.REOPENED,
    }
)


def notices_for(
    before: Incident | None,
    after: Incident,
    told: Mapping[Destination, Told],
    pushes: Mapping[Destination, Push],
    *,
    tells_story: bool = True,
    lines: Sequence[str] = (),
) -> list[Notice]:
    """The notices owed after a change, or because their time has come.

    Args:
        before: the incident as stored, None when it is new.
        after: the incident as changed; its `revision` is the one that will be stored, its `news` what happened.
        told: the destinations that have a post already, accepted or waiting. They follow the story whatever the
            route says now.
        pushes: where the phone is to ring now.
        tells_story: whether the threads hear what has happened.
        lines: what they hear besides.
    """
    notices: list[Notice] = []
    for destination, push in pushes.items():
        if destination not in told:
            notices.append(_post(after, destination, push))
    if before is None:
        return notices
    for destination, state in told.items():
        push = pushes.get(destination)
        story = _story(after, unless=frozenset() if state.is_posted else _DRAWN_IN_THE_POST) if tells_story else []
        rung = (push.text, push.note) if push is not None else ()
        text = "\n".join(line for line in (*_lines(story), *rung, *lines) if line)
        if text:
            what = "turn" if _has_a_turn(after, story) else "reply"
            notices.append(_reply(after, destination, what, text, pushes=push is not None and push.rings))
        edit = f"{after.id}:edit:{destination}:r{after.revision}"
        notices.append(Notice(key=edit, number=after.number, destination=destination, action=Action.EDIT))
    return notices


def tells_a_turn(key: str) -> bool:
    """Whether a reply with this key (`INC-7:turn:…`) tells that the incident changed hands, ended or began again.
    Sinks that cannot edit say this and leave out the rest of the story (`INC-7:reply:…`)."""
    return key.split(":", 2)[1:2] == ["turn"]


def _post(incident: Incident, destination: Destination, push: Push) -> Notice:
    key = f"{incident.id}:post:{destination}"
    return Notice(
        key=key,
        number=incident.number,
        destination=destination,
        action=Action.POST,
        text=push.note,
        pushes=push.rings,
    )


def _reply(incident: Incident, destination: Destination, what: str, text: str, *, pushes: bool) -> Notice:
    key = f"{incident.id}:{what}:{destination}:r{incident.revision}"
    return Notice(
        key=key, number=incident.number, destination=destination, action=Action.REPLY, text=text, pushes=pushes
    )


def _has_a_turn(incident: Incident, story: Sequence[TimelineEntry]) -> bool:
    """A merge is one for the incident that it ends. While an incident flaps its story is not told: that it began
    to, and how it stands when it has calmed down, takes the place of the turns that were left out."""
    kinds = {entry.kind for entry in story}
    ends_by_merge = EntryKind.MERGED in kinds and not incident.is_open
    flaps = any(entry.kind is EntryKind.FLAPPING for entry in incident.news)
    return ends_by_merge or flaps or not kinds.isdisjoint(_TURNS)


def _story(incident: Incident, *, unless: Collection[EntryKind]) -> list[TimelineEntry]:
    """The news for the thread; a recovery that resolves the incident is told by the resolution."""
    entries = [entry for entry in incident.news if entry.kind in _TOLD_IN_THREAD and entry.kind not in unless]
    if any(entry.kind is EntryKind.RESOLVED for entry in entries):
        entries = [entry for entry in entries if entry.kind is not EntryKind.RECOVERY]
    return entries


def _lines(story: Sequence[TimelineEntry]) -> list[str]:
    lines = [_line(entry) for entry in story[:_MOST_LINES]]
    if len(story) > _MOST_LINES:
        lines.append(f"and {len(story) - _MOST_LINES} more changes")
    return lines


_MOST_LINES = 10


def _line(entry: TimelineEntry) -> str:
    return thread_line(entry)
