"""A store, a Slack that remembers, a clock that is moved, incidents that happen, and workers that deliver."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.core.alert import Alert
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.incident import Incident
from incident_ops.core.notices import Action, Notice
from incident_ops.core.routing import Destination, RoutingRules
from incident_ops.core.status import EntryKind
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.timers import attend_due
from incident_ops.engine.triage import change, triage
from incident_ops_tests.blank import blank_store, kept_open
from incident_ops_tests.builders import T0, make_alert, make_recovery
from incident_ops_tests.crash.nursery import nursery
from incident_ops_tests.crash.worker import Job
from incident_ops_tests.fake_slack import FakeSlack

TEAMS = ("fin", "web", "ops", "ads")
ASSETS = tuple(f"{TEAMS[n % len(TEAMS)]}/table_{n}" for n in range(400))
MOST_PASSES = 400

_GOLD = {"incident_ops/tier": "gold"}  # SEV1: no budget of pushes keeps anything back
_CATALOG = Catalog(
    [
        *(AssetNode(key=asset, owners=(f"team:{asset.partition('/')[0]}",), tags=_GOLD) for asset in ASSETS),
        AssetNode(key="gone/table", owners=("team:gone",), tags=_GOLD),
    ],
    fetched_at=T0,
)
KNOWLEDGE = Knowledge(
    catalog=_CATALOG,
    policy=Policy(routing=RoutingRules(sink="slack", default_channel="#data")),
    installed_at=T0,
)


@dataclass(kw_only=True)
class Promise:
    """What must be seen of an incident in the end: one post in the channel, every note in its thread, in order.

    Attributes:
        channel: empty if Slack has no place for it.
        alert: the newest.
        falls_back: the fallback must have it too.
    """

    channel: str
    alert: Alert
    owed_at: datetime
    falls_back: bool = False
    notes: int = 0
    recoveries: int = 0


@dataclass(kw_only=True)
class World:
    """
    Attributes:
        time: as it is, for Slack too.
        error: how far the clock of our machine is ahead of it.
        promises: by the incidents' numbers.
        tells: keys of the messages that are owed to persons.
        kills: how many workers were killed.
        may_bury: a place has been refused on purpose, so that what was owed there is dead and was moved.
    """

    store: SqlStore
    database: str
    slack: FakeSlack
    may_bury: bool = False
    time: datetime = T0
    error: timedelta = timedelta(0)
    promises: dict[int, Promise] = field(default_factory=dict)
    tells: list[str] = field(default_factory=list)
    kills: int = 0

    @property
    def now(self) -> datetime:
        """By the clock of our machine."""
        return self.time + self.error

    def later(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    # what happens

    def opens(self, asset: str, *, channel: str | None = None, falls_back: bool = False) -> int:
        """Something that was healthy has failed; returns the incident's number."""
        alert = make_alert(asset, self.now - timedelta(minutes=1))  # old enough for no `group_wait`
        [incident] = triage(self.store, [alert], KNOWLEDGE, now=self.now).opened
        number = int(incident.removeprefix("INC-"))
        place = f"#{asset.partition('/')[0]}" if channel is None else channel
        self.promises[number] = Promise(channel=place, alert=alert, owed_at=self.time, falls_back=falls_back)
        return number

    def fail_again(self, *numbers: int) -> None:
        """All in one batch."""
        promises = [self.promises[number] for number in numbers]
        for promise in promises:
            assert promise.alert.asset is not None
            promise.alert = make_alert(promise.alert.asset.key, self.now)
        triage(self.store, [promise.alert for promise in promises], KNOWLEDGE, now=self.now)

    def recovers(self, number: int) -> None:
        promise = self.promises[number]
        promise.recoveries += 1
        recovery = make_recovery(promise.alert, self.now + timedelta(seconds=1))
        triage(self.store, [recovery], KNOWLEDGE, now=self.now)

    def is_noted(self, number: int) -> None:
        """Somebody writes a note, which bears its number."""
        promise = self.promises[number]
        promise.notes += 1
        text = f"note {promise.notes}"
        self._changes(number, lambda i: i.noted(EntryKind.NOTE, text, at=self.now, by="ann@acme.test"))

    def is_acknowledged(self, number: int) -> None:
        self._changes(number, lambda i: i.acknowledged(by="ann@acme.test", at=self.now))

    def is_told_to(self, number: int, person: str) -> None:
        """A message of its own to somebody who uses the data."""
        place = Destination(kind="slack", address=person)
        key = f"INC-{number}:tell:{person}:{len(self.tells)}"
        self.tells.append(key)
        text = f"The data is wrong since INC-{number}."
        notice = Notice(key=key, number=number, destination=place, action=Action.TELL, text=text)
        with self.store.transaction() as tx:
            tx.enqueue([notice], now=self.now)

    def wakes(self) -> None:
        """What comes due by the clock alone is owed."""
        attend_due(self.store, KNOWLEDGE, now=self.now, may_go_on=lambda: True)

    def _changes(self, number: int, verb: Callable[[Incident], Incident]) -> None:
        change(self.store, number, verb, KNOWLEDGE, now=self.now)

    # who delivers

    def begins(self, **job: Any) -> int:
        """The process id of a worker that has begun its pass. `job`: see `worker.Job`."""
        told = {"slack": self.slack.base_url, "token": self.slack.token, "now": self.now} | job
        return nursery().begin(Job(database=self.database, **told))

    def ends(self, worker: int, *, kill_after: float | None = None) -> bool:
        """Waits for a worker, or kills it after so many seconds; False when it was killed, by whomever."""
        code = nursery().end(worker, kill_after=kill_after)
        assert code in (0, -signal.SIGKILL), f"a worker ended with {code}"
        self.kills += code != 0
        return code == 0

    def delivers(self, **job: Any) -> bool:
        """One pass of one worker, to its end."""
        return self.ends(self.begins(**job))

    def settles(self, **job: Any) -> None:
        """A pass a minute until nothing is owed any more; at most for some hours."""
        for _ in range(MOST_PASSES):
            if not self.store.unfinished():
                return
            self.delivers(**job)
            self.later(60)


@contextmanager
def a_world(
    place: Path | str, *, channels: Sequence[str] = ("*",), scopes: Sequence[str] | None = None
) -> Iterator[World]:
    """
    Args:
        place: a file of SQLite that is not there yet, or the URL of a migrated database.
        channels: those that Slack has; `*` for any.
        scopes: what our token may do there; None: everything.
    """
    worlds: list[World] = []
    with FakeSlack(channels=channels, scopes=scopes, clock=lambda: worlds[0].time if worlds else T0) as slack:
        if isinstance(place, str):
            with open_store(place) as store:
                worlds.append(World(store=store, database=place, slack=slack))
                yield worlds[0]
        else:
            url = blank_store(place)
            with open_store(url) as store, kept_open(place):
                worlds.append(World(store=store, database=url, slack=slack))
                yield worlds[0]
