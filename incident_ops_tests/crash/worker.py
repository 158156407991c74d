"""The process that is killed: one pass of the real outbox through the real Slack notifier, and nothing else."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from incident_ops.adapters.notify.inbox import InboxNotifier
from incident_ops.adapters.notify.slack.http import slack_client
from incident_ops.adapters.notify.slack.notifier import SlackNotifier
from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.core.delivery import Receipt
from incident_ops.core.message import Message
from incident_ops.core.routing import Destination
from incident_ops.engine.dispatch import Sinks, dispatch
from incident_ops.engine.ports import Notifier, Store, Transaction

FALLBACK = Destination(kind="inbox", address="#data")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker is told.

    Attributes:
        now: the time by the machine's clock.
        timeout: seconds that the notifier waits for Slack.
        trace: where the names of the steps are written, a line each; None: no step is watched.
        dies_at: the step at which it kills itself, counted from 0 by the lines of `trace`.
        dies_of: key of a message that kills whoever begins to send it.
    """

    database: str
    slack: str
    token: str
    now: datetime
    default: str = "#data"
    timeout: int = 10
    trace: Path | None = None
    dies_at: int | None = None
    dies_of: str | None = None


def work(job: Job) -> None:
    """Deliver what is due."""
    with open_store(job.database) as store:
        slack = SlackNotifier(slack_client(job.token, job.slack, job.timeout))
        inbox = InboxNotifier(store, lambda: job.now)
        if job.trace is None:
            dispatch(store, _sinks(job, slack, inbox), now=job.now, may_go_on=lambda: True)
            return
        step = Steps(job.trace, dies_at=job.dies_at, dies_of=job.dies_of)
        watched = cast(Store, WatchedStore(store, step))
        sinks = _sinks(job, WatchedNotifier(slack, step), WatchedNotifier(inbox, step))
        dispatch(watched, sinks, now=job.now, may_go_on=lambda: True)


def _sinks(job: Job, *notifiers: Notifier) -> Sinks:
    return Sinks(
        notifiers={notifier.kind: notifier for notifier in notifiers},
        default=Destination(kind="slack", address=job.default),
        fallback=FALLBACK,
        links_of=lambda incident: (),
        address_of=lambda who: who,
        jitter=random.random,
    )


class Steps:
    """Writes down each step that is reached, and ends the process at one of them: no `finally` runs, no buffer is
    flushed, no lock is given back."""

    def __init__(self, trace: Path, *, dies_at: int | None, dies_of: str | None) -> None:
        self._trace, self._dies_at, self._dies_of = trace, dies_at, dies_of
        self._reached = len(trace.read_text().splitlines()) if trace.exists() else 0

    def __call__(self, name: str, key: str | None = None) -> None:
        with self._trace.open("a") as trace:
            trace.write(f"{name}\n")
        if self._reached == self._dies_at or (key is not None and key == self._dies_of):
            os.kill(os.getpid(), signal.SIGKILL)
        self._reached += 1


class WatchedStore:
    """A store of which every call that writes is two steps, and every transaction three; what reads only is none.

    It knows no names of writing methods: one that is new is a step at once.
    """

    _READING = frozenset(
        {"incident", "subjects", "findings", "deliveries", "unfinished", "waiting", "circuits", "connected"}
    )

    def __init__(self, store: SqlStore, step: "Steps") -> None:
        self._store, self._step = store, step

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not callable(method) or name in self._READING:
            return method

        def called(*values: Any, **named: Any) -> Any:
            self._step(f"before {name}")
            answer = method(*values, **named)
            self._step(f"after {name}")
            return answer

        return called

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        self._step("before a transaction")
        with self._store.transaction() as tx:
            yield tx
            self._step("before its commit")
        self._step("after its commit")


class WatchedNotifier:
    """A notifier of which every call is two steps: before the request goes out, and after it was accepted."""

    def __init__(self, notifier: SlackNotifier | InboxNotifier, step: "Steps") -> None:
        self._notifier, self._step = notifier, step
        self.kind: str = notifier.kind

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        with self._around("post", key):
            return self._notifier.send(destination, message, key=key)

    def update(self, receipt: Receipt, message: Message, *, key: str) -> None:
        with self._around("edit", key):
            self._notifier.update(receipt, message, key=key)

    def reply(self, thread: Receipt, text: str, *, key: str, broadcast: bool) -> Receipt:
        with self._around("reply", key):
            return self._notifier.reply(thread, text, key=key, broadcast=broadcast)

    def look_up(
        self, destination: Destination, key: str, *, thread: Receipt | None, since: datetime
    ) -> Receipt | None:
        with self._around("look-up", None):
            return self._notifier.look_up(destination, key, thread=thread, since=since)

    @contextmanager
    def _around(self, what: str, key: str | None) -> Iterator[None]:
        self._step(f"before the {self.kind} {what}", key)
        yield
        self._step(f"after the {self.kind} {what}")
