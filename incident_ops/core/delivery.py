"""A notice on its way: the outbox row as a value, and what a sink answered."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from incident_ops.core.notices import Action
from incident_ops.core.routing import Destination


class DeliveryStatus(StrEnum):
    """pending → sending → accepted | dead; a failed try goes back to pending with a later `not_before`."""

    PENDING = "pending"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Where the sink put a message: in Slack the channel's id and the message's `ts`."""

    channel: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One notice, its tries and its fate.

    Attributes:
        key: idempotency key, shown to the sink where it can carry one.
        number: of the incident it is about; None for what is about no single one (digests, hand-offs).
        fate_unknown: an earlier try may have reached the sink; look it up before sending again.
        thread: receipt of the incident's post at this destination, once accepted.
        note: what the post says besides the incident; edits repeat it.
        moved_at: when it was owed to the fallback as well.
    """

    id: int
    key: str
    number: int | None
    destination: Destination
    action: Action
    text: str
    pushes: bool
    status: DeliveryStatus
    attempts: int
    created_at: datetime
    not_before: datetime
    accepted_at: datetime | None = None
    error: str = ""
    fate_unknown: bool = False
    receipt: Receipt | None = None
    thread: Receipt | None = None
    note: str = ""
    moved_at: datetime | None = None
