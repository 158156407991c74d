"""What a simulation needs of our own database: what was recorded, and a store that nothing leaves."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from incident_ops.core.alert import Alert
from incident_ops.core.incident import Incident
from incident_ops.core.routing import Destination
from incident_ops.core.status import TimelineEntry
from incident_ops.engine.ports.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the store has kept since a moment.

    Attributes:
        alerts: (number of the incident, alert) in the order in which they were observed, measurements included.
        incidents: those of the alerts, and those that were merged into them, by number, as they are now.
        timeline: (number, entry) of these incidents since then, in the order in which it was written.
    """

    alerts: tuple[tuple[int, Alert], ...]
    incidents: Mapping[int, Incident]
    timeline: tuple[tuple[int, TimelineEntry], ...]


class Recording(Protocol):
    """The part of the store that a simulation replays."""

    def recorded(self, *, since: datetime) -> Recorded:
        """Reads whole tables: for a command that somebody waits for, not for a tick."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A push that was accepted; `is_page` when a step of an escalation policy owed it."""

    destination: Destination
    at: datetime
    number: int | None
    is_page: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a simulated store holds at the end.

    Attributes:
        rung: in order of time.
        incidents: how many there were, without merged ones.
        posts, digests, digest_lines: how many were accepted, or sent.
        suppressed: (number, sentence of its timeline) for every reason why somebody was not pushed.
    """

    rung: tuple[Rung, ...]
    incidents: int
    posts: int
    digests: int
    digest_lines: int
    suppressed: tuple[tuple[int, str], ...]


class Trial(Store, Protocol):
    """A store of its own for one configuration, empty at first."""

    def next_digest(self) -> datetime | None:
        """When the next digest is to go out, past or future."""
        ...

    def incidents_of(self, event_ids: Collection[str]) -> Mapping[str, int]:
        """Event → number of the incident that holds its alert."""
        ...

    def accept(self, *, now: datetime) -> None:
        """Everything that is owed arrives, at this moment: what `engine.dispatch` leaves behind when every sink
        accepts."""
        ...

    def outcome(self) -> Outcome: ...
