"""What came of a run, read off what Slack and the inbox show, and off the store."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise

from incident_ops.adapters.notify.plain import render_lines
from incident_ops.adapters.notify.slack.blocks import render
from incident_ops.core.delivery import Delivery, DeliveryStatus
from incident_ops.core.message import Message, compose
from incident_ops.core.notices import Action
from incident_ops_tests.crash.world import World
from incident_ops_tests.fake_slack import FakeMessage

REPEAT_INTERVAL = timedelta(hours=4)
FALLBACK_AFTER = timedelta(minutes=15)

_NOTE = re.compile(r"\bnote (\d+)\b", re.IGNORECASE)
_REVISION = re.compile(r":r(\d+)$")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """
    Attributes:
        posted, edited, replied: how often Slack accepted one.
        elsewhere: posts that the fallback has.
        duplicated: what was shown more than once, or rang again too early; a sentence each.
        lost: what is not shown, is dead or still owed.
        misordered: threads in which a later line stands before an earlier one.
        stale: messages that do not show how their incident stands.
        longest_wait: from the failure until its post stood in Slack.
    """

    kills: int
    posted: int
    edited: int
    replied: int
    elsewhere: int
    duplicated: tuple[str, ...]
    lost: tuple[str, ...]
    misordered: tuple[str, ...]
    stale: tuple[str, ...]
    longest_wait: timedelta

    @property
    def faults(self) -> tuple[str, ...]:
        return (*self.duplicated, *self.lost, *self.misordered, *self.stale)

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            kills=self.kills + other.kills,
            posted=self.posted + other.posted,
            edited=self.edited + other.edited,
            replied=self.replied + other.replied,
            elsewhere=self.elsewhere + other.elsewhere,
            duplicated=self.duplicated + other.duplicated,
            lost=self.lost + other.lost,
            misordered=self.misordered + other.misordered,
            stale=self.stale + other.stale,
            longest_wait=max(self.longest_wait, other.longest_wait),
        )


def judged(world: World) -> Outcome:
    """How the run has ended, by what people see."""
    messages = world.slack.messages
    shown = [Shown(world, number) for number in world.promises]
    return Outcome(
        kills=world.kills,
        posted=sum(message.thread_ts is None for message in messages),
        edited=len(world.slack.edits),
        replied=sum(message.thread_ts is not None for message in messages),
        elsewhere=sum(kept.thread is None for kept in world.store.inbox()),
        duplicated=(*_twice(messages), *(said for each in shown for said in each.duplicated())),
        lost=(*_not_told(world), *(said for each in shown for said in each.lost())),
        misordered=tuple(said for each in shown for said in each.misordered()),
        stale=tuple(said for each in shown for said in each.stale()),
        longest_wait=max((each.waited for each in shown), default=timedelta(0)),
    )


def _twice(messages: list[FakeMessage]) -> Iterator[str]:
    for key, count in Counter(message.key for message in messages).items():
        if key is None:
            yield f"{count} messages without a key"
        elif count > 1:
            yield from [f"{key} is shown {count} times"] * (count - 1)


def _not_told(world: World) -> Iterator[str]:
    shown = {message.key for message in world.slack.messages}
    yield from (f"{key} is not shown" for key in world.tells if key not in shown)
    if unfinished := world.store.unfinished():
        yield from [f"{unfinished} deliveries are still owed"] * unfinished


class Shown:
    """One incident, as the store has it and as people see it."""

    def __init__(self, world: World, number: int) -> None:
        self._world, self._number = world, number
        self._promise = world.promises[number]
        mine = [m for m in world.slack.messages if (m.key or "").startswith(f"INC-{number}:")]
        self._posts = [m for m in mine if m.thread_ts is None and m.key not in world.tells]
        self._replies = [m for m in mine if m.thread_ts is not None]
        self._kept = [m for m in world.store.inbox() if m.key.startswith(f"INC-{number}:post:")]

    @cached_property
    def _deliveries(self) -> list[Delivery]:
        return self._world.store.deliveries(self._number)

    @cached_property
    def _notes(self) -> list[int]:
        """The numbers of the notes, as they stand in the threads."""
        return [int(number) for reply in self._replies for number in _NOTE.findall(reply.text)]

    @property
    def waited(self) -> timedelta:
        first = min((float(post.ts) for post in self._posts), default=0.0)
        return max(datetime.fromtimestamp(first, tz=UTC) - self._promise.owed_at, timedelta(0))

    def duplicated(self) -> Iterator[str]:
        for places in (Counter(p.channel_name for p in self._posts), Counter(m.to for m in self._kept)):
            for place, count in places.items():
                yield from [f"INC-{self._number} has {count} posts in {place}"] * (count - 1)
        if self._kept and not self._promise.falls_back and self.waited < FALLBACK_AFTER:
            yield f"INC-{self._number} is in the inbox as well"
        for note, count in Counter(self._notes).items():
            yield from [f"note {note} of INC-{self._number} is told {count} times"] * (count - 1)
        rings = sorted(float(m.ts) for m in (*self._posts, *(r for r in self._replies if r.broadcast)))
        if not self._promise.recoveries:  # who fails again after it was healthy may ring again
            apart = REPEAT_INTERVAL.total_seconds() - 1  # Slack tells messages of one moment apart by microseconds
            gaps = [second - first for first, second in pairwise(rings) if second - first < apart]
            yield from (f"INC-{self._number} rang again too early, after {gap / 60:.1f} min" for gap in gaps)

    def lost(self) -> Iterator[str]:
        channel = self._promise.channel.removeprefix("#")
        if self._promise.falls_back and not self._kept:
            yield f"INC-{self._number} is not in the inbox"
        if channel and channel not in [post.channel_name for post in self._posts]:
            yield f"INC-{self._number} has no post in #{channel}"
        missing = set(range(1, self._promise.notes + 1)) - set(self._notes)
        yield from (f"note {note} of INC-{self._number} is not told" for note in sorted(missing))
        shown = {reply.key for reply in self._replies}
        for delivery in self._deliveries:
            is_dead = delivery.status is DeliveryStatus.DEAD
            if is_dead and not self._world.may_bury:
                yield f"{delivery.key} is dead: {delivery.error}"
            is_reply = delivery.destination.kind == "slack" and delivery.action is Action.REPLY
            if is_reply and not is_dead and delivery.key not in shown:
                yield f"{delivery.key} is not shown"

    def misordered(self) -> Iterator[str]:
        revisions = [int(found[1]) for r in self._replies if (found := _REVISION.search(r.key or ""))]
        for what, told in (("notes", self._notes), ("changes", revisions)):
            yield from (f"INC-{self._number}: {what} {told}" for one, two in pairwise(told) if two < one)

    def stale(self) -> Iterator[str]:
        for post in self._posts:
            wanted = render(self._message(post.key))
            if (post.text, post.blocks) != (wanted.text, list(wanted.blocks)):
                yield f"{post.key} shows {post.headline!r} and not {wanted.text!r}"
        for kept in self._kept:
            if kept.text != render_lines(self._message(kept.key)):
                yield f"{kept.key} shows {kept.headline!r} and not how things stand"

    def _message(self, key: str | None) -> Message:
        notes = [delivery.text for delivery in self._deliveries if delivery.key == key]
        incident = self._world.store.incident(self._number)
        return compose(incident, links_of=lambda _: (), note="".join(notes))
