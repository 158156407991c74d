"""The world around us, as the engine needs it: what is watched, where messages go, where incidents are shown."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from incident_ops.core.alert import Observation
from incident_ops.core.catalog import Catalog
from incident_ops.core.delivery import Receipt
from incident_ops.core.feedback import Taught
from incident_ops.core.incident import Incident
from incident_ops.core.message import Message
from incident_ops.core.provenance import NO_FACTS, Facts
from incident_ops.core.routing import Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A stretch of the event log: observations in order, and the cursor to store with them.

    `facts` is what the stretch adds to the history; `events` counts the raw events read; `is_last` is False
    while there is more to read now."""

    observations: tuple[Observation, ...]
    cursor: str
    events: int
    is_last: bool
    facts: Facts = NO_FACTS


Known = Callable[[Collection[str]], Collection[str]]
"""Of some event ids those of which an alert is stored."""


class EventSource(Protocol):
    """The watched orchestrator's event log."""

    def read(self, cursor: str | None, *, now: datetime, limit: int) -> Page: ...

    def of_run(self, run_id: str, *, now: datetime) -> tuple[Observation, ...]:
        """What one ended run amounts to, under the same event ids as `read` gives."""
        ...

    def recent_evaluations(self, *, now: datetime, known: Known) -> tuple[Observation, ...]:
        """The newest check evaluations, as the orchestrator remembers them apart from its log, without the
        failures that are known: the sweep must cost by what is new."""
        ...

    def failed_runs(self, *, now: datetime) -> tuple[str, ...]:
        """Ids of runs that failed lately."""
        ...


class Workspace(Protocol):
    """What the webserver (or a workspace file) knows. Every method raises `SourceUnavailable` when it cannot be
    asked."""

    def fetch(self, *, now: datetime, known: Catalog | None = None) -> Catalog:
        """The assets of all code locations that are loaded. What is dear to ask for may be taken from `known`."""
        ...

    def load_errors(self) -> Mapping[str, str]:
        """Code location → why it does not load."""
        ...

    def daemon_health(self) -> Mapping[str, bool | None]:
        """Daemon → is its heartbeat in time; None where that is not known."""
        ...


class Notifier(Protocol):
    """A sink. Raises `TransportError` when the message was not accepted."""

    @property
    def kind(self) -> str: ...

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt: ...


@runtime_checkable
class CanUpdate(Protocol):
    """The sink can change an accepted message. `key` is that of the change."""

    def update(self, receipt: Receipt, message: Message, *, key: str) -> None: ...


@runtime_checkable
class CanReply(Protocol):
    """The sink has threads. `broadcast` asks it to interrupt people."""

    def reply(self, thread: Receipt, text: str, *, key: str, broadcast: bool) -> Receipt: ...


@runtime_checkable
class CanLookUp(Protocol):
    """The sink can say whether it accepted a message with this key since `since`."""

    def look_up(
        self, destination: Destination, key: str, *, thread: Receipt | None, since: datetime
    ) -> Receipt | None: ...


@runtime_checkable
class CanCheck(Protocol):
    """The sink can be asked, without anybody hearing of it, whether a message would be accepted. Raises
    `TransportError` if not."""

    def check(self, destination: Destination) -> None: ...


@runtime_checkable
class Fades(Protocol):
    """The sink forgets what is not repeated: it takes an alert that nobody sends again for over."""

    @property
    def every(self) -> timedelta:
        """How often what is open is to be sent again."""
        ...

    def repeat(self, messages: Sequence[Message]) -> None:
        """Send open incidents again, as they stand now. Raises `TransportError` when they were not accepted."""
        ...


class Board(Protocol):
    """Where incidents are shown as assets (the Dagster UI)."""

    def show(self, incidents: Sequence[Incident]) -> Sequence[str]:
        """Show the incidents; what cannot be shown is left out, and a sentence each says so."""
        ...

    def retire(self, incidents: Sequence[Incident]) -> None: ...

    def teach(self, lesson: Taught) -> str | None:
        """Keep the answer with the asset, where detectors find it; a sentence if it cannot be kept."""
        ...
