"""The outbox as the engine needs it: what is owed, who may send it now, and what became of it."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from incident_ops.core.circuit import Circuit
from incident_ops.core.delivery import Delivery, Receipt
from incident_ops.core.findings import Findings
from incident_ops.core.incident import Incident
from incident_ops.core.notices import Notice
from incident_ops.core.pace import Lane
from incident_ops.core.routing import Destination
from incident_ops.core.status import TimelineEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What is owed elsewhere as well while its own destination does not take it, and what the timeline says."""

    notice: Notice
    entry: TimelineEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a notice is about: an incident, and what was found out about it."""

    incident: Incident
    found: Findings | None


ChangeOfCircuit = Callable[[Circuit], Circuit]
"""What becomes of a destination's circuit; `core.circuit.WELL` is one of which nothing is kept."""


def no_change(known: Circuit) -> Circuit:
    return known


class Outbox(Protocol):
    """Claiming and settling deliveries; safe with several workers. Where a `circuit` is given it is what becomes
    of the destination's circuit in the same transaction."""

    def connected(self) -> AbstractContextManager[None]:
        """Many small transactions follow, in this thread: what they share is kept until the block ends."""
        ...

    def claim(
        self,
        *,
        now: datetime,
        lease: timedelta,
        limit: int,
        without: Collection[Lane] = (),
        is_likely: bool = False,
    ) -> list[Delivery]:
        """Mark up to `limit` deliveries as being sent until `now + lease` and return them, oldest first.

        Due are pending ones with `not_before <= now`, and those being sent whose lease has run out (returned
        with `fate_unknown`), but only the oldest unfinished one of each incident and destination, so that order
        is kept, and a post not while another worker sends an earlier one to the same destination. Of a
        destination whose circuit is open nothing is due; when its time has come exactly one delivery probes it.
        Claimed by compare-and-set: a delivery is never returned to two workers.

        Args:
            without: lanes that are left alone.
            is_likely: something is due, so it costs less to take the lock than to look first.
        """
        ...

    def subjects(self, claimed: Collection[Delivery]) -> Mapping[int, Subject]:
        """By number, what these are about, in one snapshot. What changes from now on owes an edit of its own."""
        ...

    def release(self, claimed: Collection[Delivery], *, now: datetime) -> None:
        """Claimed, but not tried: back to pending, no attempt counted."""
        ...

    def accepted(
        self, delivery: Delivery, receipt: Receipt | None, *, now: datetime, circuit: ChangeOfCircuit = no_change
    ) -> None: ...

    def postpone(
        self,
        delivery: Delivery,
        *,
        error: str,
        not_before: datetime,
        fate_unknown: bool,
        now: datetime,
        circuit: ChangeOfCircuit = no_change,
        elsewhere: Moved | None = None,
    ) -> Circuit:
        """Back to pending, one attempt counted; `elsewhere` is owed as well, unless something was before. Returns
        the circuit as it is then."""
        ...

    def bury(
        self,
        delivery: Delivery,
        *,
        error: str,
        instead: Notice | None,
        entry: TimelineEntry,
        now: datetime,
        circuit: ChangeOfCircuit = no_change,
    ) -> None:
        """Dead; a post takes along everything that waits for the same incident and destination. In the same
        transaction the incident's timeline (if it is about one) gets `entry`, and the outbox `instead`."""
        ...

    def waiting(
        self, lane: Lane, *, created_before: datetime, limit: int, only_to_move: bool = False
    ) -> list[Delivery]:
        """Pending deliveries of the lane that were created then or before, oldest first; `only_to_move` leaves out
        those that were owed elsewhere as well."""
        ...

    def move(self, moved: Collection[tuple[Delivery, Moved]], *, now: datetime) -> None:
        """Owe each notice as well, once, and note it with the delivery (`moved_at`) and on the incident's
        timeline."""
        ...

    def circuits(self) -> list[tuple[Destination, Circuit]]:
        """Every destination that gives or gave trouble."""
        ...

    def change_circuit(self, destination: Destination, change: ChangeOfCircuit, *, now: datetime) -> Circuit: ...

    def unfinished(self) -> int: ...

    def oldest_unfinished(self) -> Delivery | None: ...
