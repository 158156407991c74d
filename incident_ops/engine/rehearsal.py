"""What would be if: a failure that never was goes the way of real ones, and nothing of it is written.

Its incident is made of the stored catalog, led by `Knowledge.ways`, and decided about by `core.attention` again and
again, as if every message had been accepted at once and nobody had answered, until whoever is told has been told.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from incident_ops.core.alert import Alert, AlertKind, AssetRef, CheckSeverity, Evidence, Nature, Subject
from incident_ops.core.attention import Attention, Decision, Seen, decide
from incident_ops.core.catalog import DOMAIN_TAG, TIER_TAG, AssetNode, Catalog
from incident_ops.core.escalation import skipped
from incident_ops.core.incident import Incident, opened
from incident_ops.core.lineage.spelling import close_to
from incident_ops.core.message import moment
from incident_ops.core.metrics import Measurement
from incident_ops.core.muting import Firing, Quiet, QuietRules, quiet_by_rule
from incident_ops.core.nature import nature_of_check
from incident_ops.core.notices import Told
from incident_ops.core.pacing import ALONE, Group, began
from incident_ops.core.record import utc_text
from incident_ops.core.routing import Destination, RouteNode, Way, branches, responders
from incident_ops.core.severity import Assessment, Severity
from incident_ops.core.status import EntryKind, Status
from incident_ops.core.urgency import Harm
from incident_ops.engine.forecast import harm_ahead
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.paging import paged
from incident_ops.engine.ports import Store, Transaction

LOOKED_AHEAD = timedelta(days=7)
MOST_LOOKS = 1_000
"""A week of a SEV0's reminders is 672 looks."""

GIVEN_OTHERWISE = frozenset(
    {"asset", "check", "partition", "prefix", "nature", "severity", "check_severity", "root", "status", "priority"}
)
"""Labels that follow from what is supposed to fail."""

_NUMBER = 0  # no incident has it
_NOBODY = "nobody is pushed: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Supposed:
    """What is supposed to fail.

    Attributes:
        nature: by default the check's as its name tells it; without a check that of a failed build.
        severity: by default as it is graded.
        labels: what the catalog is supposed to say of the asset, in place of what it says.
    """

    asset: str
    check: str | None = None
    nature: Nature | None = None
    severity: Severity | None = None
    check_severity: CheckSeverity = CheckSeverity.ERROR
    partition: str | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of an escalation policy that would be taken, or, without a number, the policy's end."""

    at: datetime
    policy: str
    text: str
    number: int | None = None
    round: int | None = None
    places: tuple[Destination, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What would be.

    Attributes:
        nodes: the branches of the tree that it reaches.
        ways: the places that these, and subscriptions, lead to.
        why: sentences.
        suppressed: why nobody would be pushed at once; None when somebody would.
        first_push: place → when it would be pushed first; without those that never would within a week.
        listed: place → why it would be in the digest there.
    """

    incident: Incident
    nodes: tuple[RouteNode, ...]
    ways: tuple[Way, ...]
    why: tuple[str, ...]
    suppressed: str | None
    first_push: Mapping[Destination, datetime]
    listed: Mapping[Destination, str]
    steps: tuple[Step, ...]


def rehearse(store: Store, supposed: Supposed, knowledge: Knowledge, *, now: datetime) -> Rehearsed:
    """What would be done at `now` about a failure for which everybody's `group_wait` has just gone by, and after
    it for a week, if nobody answered."""
    known = knowledge.catalog.node(supposed.asset)
    knowledge = replace(knowledge, catalog=_supposed_catalog(supposed, knowledge.catalog))
    waits = [way.node.group_wait for way in knowledge.ways(_incident(supposed, knowledge, at=now))]
    incident = _incident(supposed, knowledge, at=now - max(waits, default=timedelta(0)))
    with store.transaction() as tx:  # pushes and posts are read in one, and nothing is written
        course = list(_Rehearsal(tx, incident, knowledge, now).course())
        twins = tx.related(fingerprints={incident.members[0].fingerprint}, causes=(), resolved_since=now)
    at_once, steps = course[0], [step for look in course for step in look.steps]
    pushes = {place: look.at for look in reversed(course) for place in look.decision.pushes}
    listed = {each.way.destination: each.why for look in course for each in look.decision.listed}
    is_pushed = bool(at_once.decision.pushes) or any(step.places and step.at == now for step in steps)
    nodes = branches(knowledge.policy.routing.tree, incident.current_labels)
    ways = knowledge.ways(incident)
    why = [
        *_of_the_asset(supposed, known, knowledge),
        *(f"{twin.id} is open for this very failure: another would be counted there" for twin in twins),
        f"{incident.severity}: {'; '.join(incident.severity_reasons)}",
        *(_of_the_branch(node) for node in nodes),
        *(_of_the_way(way) for way in ways),
        *_of_the_responders(incident, knowledge),
        *_of_announcements(supposed, knowledge, now=now),
        *at_once.decision.state.said,
        *dict.fromkeys(push.note for push in at_once.decision.pushes.values() if push.note),
        *(f"{place.address} is pushed first at {moment(at)}" for place, at in pushes.items() if at > now),
    ]
    return Rehearsed(
        incident=incident,
        nodes=nodes,
        ways=ways,
        why=tuple(why),
        suppressed=None if is_pushed else _reason(at_once.decision),
        first_push=pushes,
        listed=listed,
        steps=tuple(steps),
    )


# ---- what is supposed


def _supposed_catalog(supposed: Supposed, catalog: Catalog) -> Catalog:
    """With the asset as the labels say it is; what they do not say is as it is known."""
    told, node = supposed.labels, catalog.node(supposed.asset) or AssetNode(key=supposed.asset)
    if not told:
        return catalog
    tags = {name.removeprefix("tag:"): value for name, value in told.items() if name.startswith("tag:")}
    tags |= {tag: told[name] for name, tag in (("tier", TIER_TAG), ("domain", DOMAIN_TAG)) if name in told}
    owner = told.get("owner") or (f"team:{told['team']}" if told.get("team") else "")
    node = replace(
        node,
        owners=(owner,) if owner else node.owners,
        tags={**node.tags, **tags},
        group=told.get("group", node.group),
        location=told.get("location", node.location),
        kinds=tuple(told["kind"].split(",")) if "kind" in told else node.kinds,
    )
    others = (each for each in catalog.nodes if each.key != node.key)
    return Catalog([*others, node], fetched_at=catalog.fetched_at, source=catalog.source)


def _incident(supposed: Supposed, knowledge: Knowledge, *, at: datetime) -> Incident:
    alert = _alert(supposed, at)
    labels = {**knowledge.labels(alert), **supposed.labels}
    assessment = knowledge.policy.graded(knowledge.assess(alert), labels)
    if supposed.severity is not None:
        assessment = Assessment(severity=supposed.severity, reasons=("as supposed",))
    owner = knowledge.owner(alert.asset, None)
    return opened(_NUMBER, alert, assessment, owner=owner, labels=labels, backlog=False, now=at)


def _alert(supposed: Supposed, at: datetime) -> Alert:
    check = supposed.check
    nature = supposed.nature or (nature_of_check(check, None) if check is not None else Nature.PIPELINE)
    kind = _KINDS.get(nature, AlertKind.CHECK_FAILED) if check is None else AlertKind.CHECK_FAILED
    return Alert(
        event_id="rehearsal",
        kind=kind,
        nature=nature,
        subject=Subject(asset=AssetRef(key=supposed.asset), check=check),
        occurred_at=at,
        observed_at=at,
        evidence=Evidence(summary="a rehearsal"),
        check_severity=supposed.check_severity,
        partition=supposed.partition,
    )


_KINDS = {Nature.FRESHNESS: AlertKind.FRESHNESS, Nature.PIPELINE: AlertKind.RUN_FAILED}


# ---- what comes of it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    at: datetime
    decision: Decision
    steps: tuple[Step, ...]


class _Rehearsal:
    """One incident, and what was done about it so far."""

    def __init__(self, tx: Transaction, incident: Incident, knowledge: Knowledge, now: datetime) -> None:
        self._tx, self._incident, self._knowledge, self._now = tx, incident, knowledge, now
        self._ways = knowledge.ways(incident)
        self._state = Attention()
        self._told: dict[Destination, Told] = {}
        self._was_open: bool | None = None
        self._harm = self._next_harm(now)

    def course(self) -> Iterator[_Look]:
        at: datetime | None = self._now
        for _ in range(MOST_LOOKS):
            look, at = self._look(at)
            yield look
            if at is None or at >= self._now + LOOKED_AHEAD or self._is_done:
                return

    @property
    def _is_done(self) -> bool:
        """Whoever is to be pushed, listed or paged has been."""
        places = self._state.places
        is_told = [
            way.destination in self._told or (p := places.get(str(way.destination))) and p.listed is not None
            for way in self._ways
        ]
        return all(is_told) and not any(climb.runs for climb in self._state.climbs)

    def _look(self, at: datetime) -> tuple[_Look, datetime | None]:
        """One decision and its carrying out; and when the next is due."""
        decision = decide(self._incident, self._seen(at), self._knowledge.policy.attention, now=at)
        self._state, self._was_open, wake_at = decision.state, True, decision.wake_at
        steps: list[Step] = []
        for page in decision.pages:
            done = paged(self._tx, self._incident, page, self._told, self._ways, self._knowledge, now=at)
            places = () if done.reached_nobody else tuple(n.destination for n in done.notices)
            steps.append(
                Step(
                    at=at,
                    policy=page.policy,
                    text=done.entry[1],
                    number=page.step,
                    round=page.round,
                    places=tuple(dict.fromkeys(places)),
                )
            )
            if done.reached_nobody:
                climbs = [skipped(c, now=at) if c.policy.name == page.policy else c for c in self._state.climbs]
                self._state, wake_at = replace(self._state, climbs=tuple(climbs)), at
        for kind, text in decision.entries:
            if kind is EntryKind.PAGED:
                steps += [Step(at=at, policy=_policy_named_in(text, self._state), text=text)]
        self._told |= {place: Told(is_posted=True, last_push_at=at) for place in decision.pushes}
        return _Look(at=at, decision=decision, steps=tuple(steps)), wake_at

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
            spent=lambda place: self._tx.pushes_to(place, since=at - rules.budget.per),
            groups=self._groups(at),
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

    def _groups(self, at: datetime) -> dict[tuple[str, Destination], Group]:
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


def _policy_named_in(text: str, state: Attention) -> str:
    return next((c.policy.name for c in state.climbs if f" {c.policy.name} " in text), "")


# ---- why


def _reason(decision: Decision) -> str:
    return "; ".join(text.removeprefix(_NOBODY) for text in decision.state.said) or "nothing is due"


def _of_the_asset(supposed: Supposed, known: AssetNode | None, knowledge: Knowledge) -> Iterator[str]:
    if known is None:
        close = close_to(supposed.asset, knowledge.catalog.graph.keys - {supposed.asset})
        hint = f" (did you mean {' or '.join(close)}?)" if close else ""
        owner = "" if knowledge.owners_of(supposed.asset) else ", so its owner is unknown"
        yield f"the catalog does not know {supposed.asset}{hint}{owner}"


def _of_the_branch(node: RouteNode) -> str:
    what = ", ".join(str(matcher) for matcher in node.matchers) or "everything"
    more = ", and the routes after it are asked too" if node.continues else ""
    return f"{node.path} ({what}) leads to receiver {node.receiver}{more}"


def _of_the_way(way: Way) -> str:
    return f"{way.reason} → {way.destination.address} ({way.node.path})"


def _of_the_responders(incident: Incident, knowledge: Knowledge) -> Iterator[str]:
    node = knowledge.catalog.get(incident.root.subject.asset)
    for who, role in responders(incident.nature, [node] if node else [], knowledge.policy.routing):
        yield f"{who} answers for {incident.nature}: {role}"


def _of_announcements(supposed: Supposed, knowledge: Knowledge, *, now: datetime) -> Iterator[str]:
    measured = Measurement(at=now, evaluated_at=now, points=(), partition=supposed.partition)
    alert = replace(_alert(supposed, now), measurement=measured)
    for event in knowledge.policy.expected_events:
        if event.speaks_of(alert):
            limit = f" of up to {event.up_to:g} times the usual" if event.up_to is not None else ""
            yield f"expected event {event.name}: jumps{limit} would open nothing"


# ---- records


def record_of(done: Rehearsed) -> dict[str, Any]:
    """As `routes test --json` prints it."""
    incident = done.incident
    tree = {node.path for node in done.nodes}
    return {
        "receivers": _unique(node.receiver for node in done.nodes),
        "why": list(done.why),
        "suppressed": done.suppressed,
        "subscribers": _unique(way.node.receiver for way in done.ways if way.node.path not in tree),
        "destinations": [
            {
                "to": str(way.destination),
                "receiver": way.node.receiver,
                "route": way.node.path,
                "why": way.reason,
                "pushed_at": utc_text(done.first_push.get(way.destination)),
                "digest": done.listed.get(way.destination),
            }
            for way in done.ways
        ],
        "routes": [
            {"path": node.path, "matchers": [str(m) for m in node.matchers], "receiver": node.receiver}
            for node in done.nodes
        ],
        "pages": [
            {
                "at": utc_text(step.at),
                "policy": step.policy,
                "step": step.number,
                "round": step.round,
                "to": [str(place) for place in step.places],
                "text": step.text,
            }
            for step in done.steps
        ],
        "severity": str(incident.severity),
        "nature": str(incident.nature),
        "owner": incident.owner,
        "labels": dict(incident.current_labels),
    }


def _unique(names: Iterator[str] | Collection[str]) -> list[str]:
    return list(dict.fromkeys(names))
