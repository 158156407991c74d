"""Where an incident stands, which moves are allowed, why it ended, and what its timeline can tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

SYSTEM = "incident_ops"


class Status(StrEnum):
    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    CLOSED = "closed"

    @property
    def is_open(self) -> bool:
        return self not in (Status.RESOLVED, Status.CLOSED)


TRANSITIONS: Mapping[Status, frozenset[Status]] = MappingProxyType(
    {
        Status.TRIGGERED: frozenset({Status.ACKNOWLEDGED, Status.MITIGATED, Status.RESOLVED}),
        Status.ACKNOWLEDGED: frozenset({Status.TRIGGERED, Status.MITIGATED, Status.RESOLVED}),
        Status.MITIGATED: frozenset({Status.TRIGGERED, Status.RESOLVED}),
        Status.RESOLVED: frozenset({Status.TRIGGERED, Status.CLOSED}),
        Status.CLOSED: frozenset(),
    }
)


class Resolution(StrEnum):
    """Why an incident ended."""

    FIXED = "fixed"
    EXPECTED = "expected"
    FALSE_POSITIVE = "false_positive"
    DUPLICATE = "duplicate"
    NO_ACTION = "no_action"


class CauseClass(StrEnum):
    OPERATIONAL = "operational"
    CODE = "code"
    DATA = "data"


class Role(StrEnum):
    """A part in the response to one incident, one person's at most: who leads it, and who tells the others."""

    COMMANDER = "commander"
    COMMUNICATOR = "communicator"

    @property
    def label(self) -> str:
        return self.value.capitalize()


class EntryKind(StrEnum):
    """What a line of the timeline tells."""

    OPENED = "opened"
    ALERT = "alert"
    RECOVERY = "recovery"
    ACKNOWLEDGED = "acknowledged"
    TRIGGERED_AGAIN = "triggered_again"
    MITIGATED = "mitigated"
    ASSIGNED = "assigned"
    ROLE = "role"
    SEVERITY = "severity"
    OWNER = "owner"
    ROOT = "root"
    MERGED = "merged"
    SPLIT = "split"
    SUSPECT = "suspect"
    AUDIENCE = "audience"
    FORECAST = "forecast"
    NOTE = "note"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CLASSIFIED = "classified"
    CLOSED = "closed"
    NOTIFIED = "notified"
    PAGED = "paged"
    SNOOZED = "snoozed"
    FLAPPING = "flapping"
    SUPPRESSED = "suppressed"
    DELIVERY_FAILED = "delivery_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    at: datetime
    kind: EntryKind
    text: str
    by: str = SYSTEM
