"""Our own database, as the engine needs it: transactions and reading.

What is owed to people is in `outbox`, what it knows of the past in `history`; of timers, silences
and digests in `attention`.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from incident_ops.core.alert import Alert
from incident_ops.core.audience import Entry
from incident_ops.core.catalog import Catalog
from incident_ops.core.catalog.history import Change
from incident_ops.core.delivery import Delivery
from incident_ops.core.feedback import Taught
from incident_ops.core.findings import Findings
from incident_ops.core.incident import Incident
from incident_ops.core.notices import Notice, Told
from incident_ops.core.pace import Lane
from incident_ops.core.provenance import Facts
from incident_ops.core.rootcause.recurrence import Earlier
from incident_ops.core.routing import Destination
from incident_ops.core.status import Status, TimelineEntry
from incident_ops.engine.ports.attention import Agenda, Attention
from incident_ops.engine.ports.history import History
from incident_ops.engine.ports.outbox import Outbox

MemberKey = tuple[str, str]
"""A member's fingerprint and partition (empty for none)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unassessed:
    """An incident to be looked into; `turn` is higher each time it is marked."""

    number: int
    turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPlace:
    """One asset on which an open incident has a member, or its root."""

    number: int
    asset: str
    last_fired_at: datetime


class Transaction(Attention, Protocol):
    """One atomic change of the store. Writers are serialised: what is read here stays true until it commits."""

    @property
    def history(self) -> History: ...

    def add_facts(self, facts: Facts) -> None:
        """What is known already is left alone."""
        ...

    def cursor(self, name: str) -> str | None: ...
    def save_cursor(self, name: str, value: str, *, now: datetime) -> None: ...

    def known_events(self, event_ids: Collection[str]) -> set[str]:
        """Those of `event_ids` that an alert was stored for already."""
        ...

    def related(
        self, *, fingerprints: Collection[str], causes: Collection[str], resolved_since: datetime
    ) -> list[Incident]:
        """Incidents that are open, or were resolved at or after `resolved_since`, and have a member with one
        of the fingerprints or whose `last_cause` is one of `causes`."""
        ...

    def open_places(self) -> list[OpenPlace]:
        """Where the open incidents are: the assets of their members, and their roots."""
        ...

    def alerts_of_member(self, number: int, fingerprint: str, partition: str | None) -> list[Alert]:
        """The newest alerts of one member, a few of each kind."""
        ...

    def tally(self, members: Collection[tuple[int, MemberKey]]) -> dict[tuple[int, MemberKey], tuple[int, int]]:
        """(incident, member) → how many alerts tell of it, and how many without echoes."""
        ...

    def of_run_group(self, run_group: str) -> list[Incident]:
        """Incidents with an alert from that chain of runs."""
        ...

    def incident(self, number: int) -> Incident:
        """The incident, or `NotFound`."""
        ...

    def allocate_number(self) -> int: ...

    def save(self, incident: Incident) -> Incident:
        """Write the incident, its members and its news (as timeline entries) as a new revision; returns it
        as stored (revision counted up, no news). Raises `RuntimeError` when the stored revision differs."""
        ...

    def clear_members(self, number: int) -> None:
        """Take the stored members off an incident that is to be saved with others: a member is in one open
        incident at a time."""
        ...

    def findings(self, number: int) -> Findings | None: ...

    def save_findings(self, number: int, found: Findings) -> None:
        """In place of what was found before."""
        ...

    def mark_unassessed(self, numbers: Collection[int]) -> None:
        """What is known of these incidents has changed: cause and impact are to be found out anew."""
        ...

    def mark_assessed(self, done: Unassessed) -> None:
        """Unless it was marked again meanwhile."""
        ...

    def earlier(self, fingerprints: Collection[str], *, since: datetime, than: int) -> list[Earlier]:
        """Incidents other than number `than`, with one of the fingerprints, that were detected since."""
        ...

    def still_told(self) -> Collection[int]:
        """Numbers of incidents that are over, and of whose data somebody has not heard the end."""
        ...

    def ledger(self, number: int) -> list[Entry]:
        """Who was told of the incident's data, in order."""
        ...

    def still_waiting(self, recipients: Collection[str], *, than: int) -> list[tuple[int, Entry]]:
        """(incident, entry): starts and holds to these recipients that have no end, of other incidents."""
        ...

    def enter(self, number: int, new: Collection[Entry], *, ended: Collection[Entry]) -> None:
        """New entries of the ledger, and the end of others."""
        ...

    def hand_over_ledger(self, number: int, *, to: int) -> None:
        """The entries of a merged incident are the other's from now on."""
        ...

    def add_alert(self, alert: Alert, number: int) -> None: ...

    def measured_in(self, number: int) -> Mapping[tuple[str, str], datetime]:
        """(asset, check) of each check whose failures are in the incident and say what was measured → when the
        first of them was evaluated."""
        ...

    def teach(self, lessons: Collection[Taught]) -> None:
        """Answers for the detectors. What is known already is left alone."""
        ...

    def move_alerts(self, number: int, member: MemberKey, *, to: int) -> None:
        """The alerts of a member follow it into another incident."""
        ...

    def hand_over_posts(self, number: int, *, to: int) -> None:
        """Posts of a merged incident, where the other has none, are the other's from now on, with all that was
        delivered or waits there: people keep one message."""
        ...

    def withdraw_posts(self, number: int, *, keep: Collection[Destination] = ()) -> None:
        """Posts that no try was made of yet, to other destinations than these, are not owed any more, nor are
        the edits and replies that wait for them."""
        ...

    def told(self, number: int) -> dict[Destination, Told]:
        """Destinations with a live post (waiting or accepted; not dead)."""
        ...

    def enqueue(self, notices: Iterable[Notice], *, now: datetime) -> None:
        """Add notices to the outbox. A key that exists is left alone. An edit is left out when an unclaimed
        post or edit of the same incident waits for the same destination: that one will draw the newest state."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxMessage:
    """A message kept in our own store, the sink of those without an account."""

    key: str
    incident: str
    to: str
    headline: str
    text: str
    thread: str | None
    at: datetime
    edited_at: datetime | None


class Publications(Protocol):
    """Which incidents changed since they were last shown in Dagster."""

    def unpublished(self, *, limit: int) -> list[Incident]: ...

    def mark_published(self, incidents: Iterable[Incident]) -> None:
        """Remember the revisions that were shown; a newer one stays unpublished."""
        ...

    def to_retire(self, *, resolved_before: datetime, limit: int) -> list[Incident]:
        """Published incidents that ended before, whose partition is no longer needed."""
        ...

    def mark_retired(self, incidents: Iterable[Incident]) -> None: ...


class Store(Outbox, Publications, Agenda, Protocol):
    """Our own database."""

    def transaction(self) -> AbstractContextManager[Transaction]: ...

    def looking_back(self) -> AbstractContextManager[History]:
        """One snapshot of the history, for reading."""
        ...

    def incident(self, number: int) -> Incident: ...
    def open_at(self, place: Lane) -> list[int]:
        """Numbers of the open incidents whose post was accepted there."""
        ...

    def incidents(self, *, statuses: Collection[Status] | None = None, limit: int | None = None) -> list[Incident]:
        """Newest first; `statuses` None means all."""
        ...

    def incident_of_message(self, channel: str, message: str) -> int | None:
        """Number of the incident that the accepted message with this receipt is about; None for a digest, and for
        what we did not send."""
        ...

    def recovered_and_open(self) -> list[Incident]:
        """Open incidents whose every member is healthy."""
        ...

    def announced(self, *, since: datetime) -> list[Incident]:
        """What was no trouble because it was announced, since then, the newest first."""
        ...

    def open_without_owner(self) -> list[Incident]:
        """Open incidents on an asset whose owner is not known."""
        ...

    def next_unassessed(self) -> Unassessed | None:
        """The incident that has waited longest to be looked into."""
        ...

    def findings(self, number: int) -> Findings | None: ...
    def ledger(self, number: int) -> list[Entry]: ...

    def timeline(self, number: int) -> list[TimelineEntry]: ...
    def alerts(self, number: int, *, limit: int) -> list[Alert]:
        """The newest alerts of an incident, oldest of them first."""
        ...

    def known_events(self, event_ids: Collection[str]) -> set[str]:
        """Those of `event_ids` that an alert was stored for already."""
        ...

    def runs_with_alerts(self, run_ids: Collection[str]) -> set[str]: ...

    def untold_lessons(self, *, limit: int) -> list[Taught]:
        """Answers that were not handed to Dagster yet, oldest first."""
        ...

    def mark_told(self, lesson: Taught, *, now: datetime) -> None: ...

    def deliveries(self, number: int) -> list[Delivery]: ...
    def inbox(self) -> list[InboxMessage]: ...

    def cursor(self, name: str) -> str | None: ...

    def catalog(self) -> Catalog: ...
    def save_catalog(self, catalog: Catalog) -> None:
        """Replace the stored catalog (its `fetched_at` must be set), and keep what changed and what it was."""
        ...

    def catalog_changes(self, assets: Collection[str], *, since: datetime) -> list[Change]:
        """What changed in the definitions of these assets (keys `a/b`), oldest first; 90 days are kept."""
        ...

    def catalog_at(self, moment: datetime) -> Catalog | None:
        """The catalog as it was then, None for a time before the first one that is kept."""
        ...

    def observed_edges(self, *, unknown_to: Collection[str], since: datetime) -> Mapping[str, Collection[str]]:
        """Assets that events since then tell of and `unknown_to` does not contain → the upstream assets that
        their newest event points to."""
        ...

    def value(self, name: str) -> str | None:
        """A small named value (last good configuration, time of installation, heartbeats)."""
        ...

    def set_value(self, name: str, value: str, *, now: datetime) -> None: ...
    def values(self, prefix: str) -> Mapping[str, tuple[str, datetime]]:
        """name → (value, when it was set) for every name with the prefix."""
        ...
