"""The course that an incident would take: decided about again and again, as if every message had been accepted at
once and nobody had answered, until whoever is to be told has been told. Nothing is written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from incident_ops.core.attention import Attention, Decision, Seen, decide
from incident_ops.core.escalation import Page, skipped
from incident_ops.core.incident import Incident
from incident_ops.core.muting import Firing, Quiet, QuietRules, quiet_by_rule
from incident_ops.core.notices import Told
from incident_ops.core.pacing import ALONE, Group, began
from incident_ops.core.routing import Destination, Way
from incident_ops.core.urgency import Harm
from incident_ops.engine.forecast import harm_ahead
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.paging import paged, spent_at
from incident_ops.engine.ports import Transaction

LOOKED_AHEAD = timedelta(days=7)
MOST_LOOKS = 1_000
"""A week of a SEV0's reminders is 672 looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of an escalation policy that would be taken, or, without a number, the policy's end.

    Attributes:
        places: where it would ring.
    """

    at: datetime
    policy: str
    text: str
    number: int | None = None
    round: int | None = None
    places: tuple[Destination, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What would be decided at one time."""

    at: datetime
    decision: Decision
    steps: tuple[Step, ...]


def course(tx: Transaction, incident: Incident, knowledge: Knowledge, *, now: datetime) -> Iterator[Look]:
    """The looks that would be taken at the incident from `now` on, for a week at most; never none.

    Args:
        incident: one that the store does not know.
    """
    rehearsal = _Rehearsal(tx, incident, knowledge, now)
    at: datetime | None = now
    for _ in range(MOST_LOOKS):
        if at is None or at >= now + LOOKED_AHEAD or rehearsal.is_done:
            return
        look, at = rehearsal.look(at)
        yield look


class _Rehearsal:
    """One incident, and what was done about it so far."""

    def __init__(self, tx: Transaction, incident: Incident, knowledge: Knowledge, now: datetime) -> None:
        self._tx, self._incident, self._knowledge = tx, incident, knowledge
        self._ways = knowledge.ways(incident)
        self._state = Attention()
        self._told: dict[Destination, Told] = {}
        self._was_open: bool | None = None
        self._harm = self._next_harm(now)
        self._groups = self._groups_at(now)

    @property
    def is_done(self) -> bool:
        """Whoever is to be pushed, listed or paged has been."""
        if self._was_open is None or any(climb.runs for climb in self._state.climbs):
            return False
        places = self._state.places
        listed = {name for name, place in places.items() if place.listed is not None}
        return all(way.destination in self._told or str(way.destination) in listed for way in self._ways)

    def look(self, at: datetime) -> tuple[Look, datetime | None]:
        """One decision and its carrying out; and when the next is due."""
        over = {climb.policy.name for climb in self._state.climbs if climb.is_exhausted}
        decision = decide(self._incident, self._seen(at), self._knowledge.policy.attention, now=at)
        self._state, self._was_open, wake_at = decision.state, True, decision.wake_at
        steps: list[Step] = []
        for page in decision.pages:
            step, reached_nobody = self._taken(page, at)
            steps.append(step)
            if reached_nobody:
                self._skip(page, at)
                wake_at = at
        self._told |= {place: Told(is_posted=True, last_push_at=at) for place in decision.pushes}
        ended = [c.policy.name for c in self._state.climbs if c.is_exhausted and c.policy.name not in over]
        steps += [Step(at=at, policy=name, text=f"{name} is exhausted") for name in ended]
        return Look(at=at, decision=decision, steps=tuple(steps)), wake_at

    def _taken(self, page: Page, at: datetime) -> tuple[Step, bool]:
        done = paged(self._tx, self._incident, page, self._told, self._ways, self._knowledge, now=at)
        places = tuple(dict.fromkeys(notice.destination for notice in done.notices))
        _, text = done.entry
        step = Step(at=at, policy=page.policy, text=text, number=page.step, round=page.round, places=places)
        return step, done.reached_nobody

    def _skip(self, page: Page, at: datetime) -> None:
        climbs = [skipped(c, now=at) if c.policy.name == page.policy else c for c in self._state.climbs]
        self._state = replace(self._state, climbs=tuple(climbs))

    def _seen(self, at: datetime) -> Seen:
        if self._harm is not None and self._harm.at <= at:
            self._harm = self._next_harm(at)
        incident, knowledge = self._incident, self._knowledge
        rules = knowledge.policy.attention
        return Seen(
            was_open=self._was_open,
            state=self._state,
            ways=self._ways,
            told=self._told,
            quiet=self._quiet(at),
            team=knowledge.policy.routing.team_of(incident.owner),
            harm=self._harm,
            spent=lambda place: [t for t in spent_at(self._tx, place, rules.budget, now=at) if t <= at],
            groups=self._groups,
        )

    def _quiet(self, at: datetime) -> Quiet | None:
        rules, knowledge = self._knowledge.policy.attention, self._knowledge
        return quiet_by_rule(
            self._incident.id,
            self._incident.current_labels,
            QuietRules(silences=knowledge.silences, maintenance=rules.maintenance, inhibit=rules.inhibit),
            firing=[Firing(id=f"INC-{number}", labels=labels) for number, labels in knowledge.firing.items()],
            now=at,
        )

    def _next_harm(self, at: datetime) -> Harm | None:
        asset = self._incident.root.subject.asset
        below = {asset.key} if asset is not None and asset.key in self._knowledge.catalog else set[str]()
        return harm_ahead(
            self._tx.history, below, catalog=self._knowledge.catalog, ticks=self._knowledge.ticks, now=at
        )

    # ---- groups

    def _groups_at(self, at: datetime) -> dict[tuple[str, Destination], Group]:
        """What the group that it would join was told, by node and place; most are told each by itself."""
        together = [way for way in self._ways if not {"root", "..."} & set(way.node.group_by)]
        if not together:
            return {}
        numbers = sorted({place.number for place in self._tx.open_places()})
        others = [self._tx.incident(number) for number in numbers]
        return {
            (way.node.path, way.destination): self._group(way, [o for o in others if self._is_in(o, way)], at)
            for way in together
        }

    def _is_in(self, other: Incident, way: Way) -> bool:
        ours, theirs = self._incident.current_labels, other.current_labels
        agrees = all(ours.get(label, "") == theirs.get(label, "") for label in way.node.group_by)
        return agrees and any(each.node.path == way.node.path for each in self._knowledge.ways(other))

    def _group(self, way: Way, others: Sequence[Incident], at: datetime) -> Group:
        heard = [(told, other) for other in others if (told := self._tx.told(other.number).get(way.destination))]
        unheard = [began(other) for other in others if other not in [known for _, known in heard]]
        last = max(heard, key=lambda pair: pair[0].last_push_at or pair[1].updated_at, default=None)
        if last is None:
            return Group(began=min(unheard)) if unheard else ALONE
        told_at = last[0].last_push_at or last[1].updated_at
        return Group(began=min(unheard, default=None), told_at=min(told_at, at), lead=last[1].id)
