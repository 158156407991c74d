"""What would be if: a failure that never was goes the way of real ones, and nothing of it is written.

Its incident is made of the stored catalog, led by `Knowledge.ways`, and decided about by `core.attention`
(`course`). What came of that is told here, with the reasons.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from incident_ops.core.alert import Alert, AlertKind, AssetRef, CheckSeverity, Evidence, Nature, Subject
from incident_ops.core.attention import Decision
from incident_ops.core.catalog import DOMAIN_TAG, TIER_TAG, AssetNode, Catalog
from incident_ops.core.incident import Incident, opened
from incident_ops.core.lineage.spelling import close_to
from incident_ops.core.message import moment
from incident_ops.core.metrics import Measurement
from incident_ops.core.nature import nature_of_check
from incident_ops.core.record import utc_text
from incident_ops.core.routing import Destination, RouteNode, Way, branches, responders
from incident_ops.core.severity import Assessment, Severity
from incident_ops.engine.course import Step, course
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.ports import MemberKey, Store

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
        looks = list(course(tx, incident, knowledge, now=now))
        twins = _twins(incident, tx.related(fingerprints={_main(incident)[0]}, causes=(), resolved_since=now))
    at_once, steps = looks[0].decision, [step for look in looks for step in look.steps]
    pushes = {place: look.at for look in reversed(looks) for place in look.decision.pushes}
    listed = {each.way.destination: each.why for look in looks for each in look.decision.listed}
    is_pushed = bool(at_once.pushes) or any(step.places and step.at == now for step in steps)
    nodes = branches(knowledge.policy.routing.tree, incident.current_labels)
    ways = knowledge.ways(incident)
    why = [
        *_of_the_asset(supposed, known, knowledge),
        *(f"{twin.id} is open for this very failure: one more would be counted there" for twin in twins),
        f"{incident.severity}: {'; '.join(incident.severity_reasons)}",
        *(_of_the_branch(node) for node in nodes),
        *(_of_the_way(way) for way in ways),
        *_of_the_responders(incident, knowledge),
        *_of_announcements(supposed, knowledge, now=now),
        *at_once.state.said,
        *dict.fromkeys(push.note for push in at_once.pushes.values() if push.note),
        *(f"{place.address} is pushed first at {moment(at)}" for place, at in pushes.items() if at > now),
    ]
    return Rehearsed(
        incident=incident,
        nodes=nodes,
        ways=ways,
        why=tuple(why),
        suppressed=None if is_pushed else _reason(at_once),
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


# ---- why


def _twins(incident: Incident, related: Iterable[Incident]) -> list[Incident]:
    return [r for r in related if r.is_open and _main(incident) in [member.key for member in r.members]]


def _main(incident: Incident) -> MemberKey:
    return incident.members[0].key


def _reason(decision: Decision) -> str:
    return "; ".join(text.removeprefix(_NOBODY) for text in decision.state.said) or "nothing is due"


def _of_the_asset(supposed: Supposed, known: AssetNode | None, knowledge: Knowledge) -> Iterator[str]:
    if known is None:
        others = [key for key in knowledge.catalog.graph.keys if key != supposed.asset]
        close = close_to(supposed.asset, others)
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
        "labels": {name: value for name, value in incident.current_labels.items() if name != "root"},
    }


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
