"""What a decision about an incident's notices is founded on, what it says, and what was done so far."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from incident_ops.core.budget import Budget
from incident_ops.core.classification import Classification
from incident_ops.core.escalation import Climb, EscalationPolicy, Page
from incident_ops.core.flapping import FlappingRule
from incident_ops.core.hours import Hours
from incident_ops.core.muting import InhibitRule, Maintenance, Quiet
from incident_ops.core.notices import Push, Told
from incident_ops.core.pacing import Group
from incident_ops.core.routing.destinations import Destination
from incident_ops.core.routing.owners import Way
from incident_ops.core.severity import Severity
from incident_ops.core.status import EntryKind
from incident_ops.core.teams import Team
from incident_ops.core.urgency import Harm


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionRules:
    """The configuration, as far as it is asked here. `intervals` and `policies` are by name."""

    intervals: Mapping[str, tuple[Hours, ...]] = field(default_factory=lambda: MappingProxyType({}))
    policies: Mapping[str, EscalationPolicy] = field(default_factory=lambda: MappingProxyType({}))
    maintenance: tuple[Maintenance, ...] = ()
    inhibit: tuple[InhibitRule, ...] = ()
    reminders: Mapping[Severity, timedelta] = field(default_factory=lambda: MappingProxyType({}))
    budget: Budget = field(default_factory=Budget)
    flapping: FlappingRule = field(default_factory=FlappingRule)
    classification: Classification = field(default_factory=Classification)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What was done about an incident for one destination.

    Attributes:
        pushed_at: when it was last decided to push there. Who was pushed, and is not among the told, has refused
            the post.
        members: of how many members, in the order in which they came, it had heard then.
        listed: failures that it had when it was last put into the digest there; None: it never was.
        collapsed: why its first push was over budget: the digest tells it instead, when there is budget again too.
    """

    pushed_at: datetime | None = None
    members: int = 0
    listed: int | None = None
    collapsed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """What was done about an incident so far, as far as its deliveries do not tell.

    Attributes:
        places: by destination, written `kind:address`.
        members: every member that it has had, in the order in which they came.
        changes: the newest times at which it began or ended.
        asked: how often a reason for its end was asked for, and `asked_at` when last.
        said: the reasons for quiet that the timeline tells at present.
        held: the reason why it waits, or waited, for working hours.
        is_unheard: those who use the data are not told either, for now.
    """

    places: Mapping[str, Place] = field(default_factory=lambda: MappingProxyType({}))
    members: tuple[str, ...] = ()
    climbs: tuple[Climb, ...] = ()
    changes: tuple[datetime, ...] = ()
    is_flapping: bool = False
    snoozed_until: datetime | None = None
    reminded_at: datetime | None = None
    asked: int = 0
    asked_at: datetime | None = None
    said: tuple[str, ...] = ()
    held: str = ""
    is_unheard: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known at the moment of a decision, besides the incident itself.

    Attributes:
        was_open: whether it was open when it was last saved; None for a new one.
        told: the destinations that have a post, accepted or waiting.
        quiet: why it is quiet wherever it is routed (`muting.quiet_by_rule`).
        team: the owner's, whose working hours count.
        harm: the next one; `is_assessed` says whether anybody has looked for it.
        spent: destination → when it was pushed, ascending.
        groups: (path of a node, destination) → the other incidents of the group.
    """

    was_open: bool | None
    state: Attention
    ways: Sequence[Way]
    told: Mapping[Destination, Told]
    quiet: Quiet | None = None
    team: Team | None = None
    harm: Harm | None = None
    is_assessed: bool = True
    spent: Callable[[Destination], Sequence[datetime]] = lambda _: ()
    groups: Mapping[tuple[str, Destination], Group] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An incident that is to be a line in the digest of this way's recipient."""

    way: Way
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done now.

    Attributes:
        pushes: by destination.
        lines: what is told in the threads without ringing.
        tells_story: whether the threads hear what has changed.
        entries: lines for the timeline.
        question: 1 when the owner, 2 when the lead is to be asked what it was; else 0.
        is_heard_now: those who use the data may be told from now on; nobody was before.
        wake_at: when to decide again if nothing happens before; later than now.
    """

    state: Attention
    pushes: Mapping[Destination, Push]
    pages: tuple[Page, ...] = ()
    listed: tuple[Listed, ...] = ()
    lines: tuple[str, ...] = ()
    reminder: str = ""
    tells_story: bool = True
    entries: tuple[tuple[EntryKind, str], ...] = ()
    question: int = 0
    is_heard_now: bool = False
    wake_at: datetime | None = None
