"""An incident as a message for people, without any sink's markup.

Sinks render a `Message` in their own way and within their own limits (`adapters/notify`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from incident_ops.core.alert import CheckSeverity
from incident_ops.core.durations import format_duration
from incident_ops.core.findings import Findings
from incident_ops.core.incident import Incident
from incident_ops.core.status import Status


class Colour(StrEnum):
    """At a glance: nobody has it, somebody has it, it is over; blue is about no single incident."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Plain text throughout; every string may hold anything a user's code could write.

    Attributes:
        headline: one line: id, severity, title.
        summary: what happened, one or two sentences.
        calls: e-mail addresses, or ids that the sink knows, of those who are to see it first.
        note: why it comes now or what comes of it, where that is not plain.
        facts: label and value, in order.
        detail: long text to be shown verbatim (an error), possibly empty.
        lists: a heading and its items; long ones are cut by the sink with "and n more".
        links: to the places where one can look further.
        about: the incident itself, for sinks that take more than text; None for what is about no single one.
    """

    incident_id: str
    colour: Colour
    headline: str
    summary: str
    calls: tuple[str, ...] = ()
    note: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    detail: str = ""
    lists: tuple[tuple[str, tuple[str, ...]], ...] = ()
    links: tuple[Link, ...] = ()
    about: Incident | None = None


_COLOURS = {
    Status.TRIGGERED: Colour.RED,
    Status.ACKNOWLEDGED: Colour.YELLOW,
    Status.MITIGATED: Colour.YELLOW,
    Status.RESOLVED: Colour.GREEN,
    Status.CLOSED: Colour.GREEN,
}


def compose(
    incident: Incident,
    *,
    links_of: Callable[[Incident], tuple[Link, ...]],
    found: Findings | None = None,
    note: str = "",
) -> Message:
    """The incident's message as it stands now, with what was found out about it.

    Args:
        note: what is said at this destination besides: why it comes now, that it is the last for today.
    """
    facts = [("Status", _status(incident)), ("Owner", incident.owner or "unknown")]
    if incident.responders:
        facts.append(("Responder", ", ".join(incident.responders)))
    if incident.assignee:
        facts.append(("Assignee", incident.assignee))
    facts.extend((role.label, who) for role, who in incident.roles.items())
    facts.append(("Since", moment(incident.started_at)))
    if incident.root.partition:
        facts.append(("Partition", incident.root.partition))
    if incident.cause_class:
        facts.append(("Cause class", incident.cause_class))
    if found is not None:
        facts.extend(_found(found))
    if incident.failure_count > 1:
        facts.append(
            ("Failures", f"{incident.failure_count:,} ({incident.failure_count - 1:,} more since the first)")
        )
    if incident.flaky:
        facts.append(("Flaky", "a retry passed"))
    facts.extend(incident.facts.items())
    members = tuple(
        f"{m.subject}{f' [{m.partition}]' if m.partition else ''}{' (healthy again)' if m.healthy_at else ''}"
        for m in incident.members[1:]
    )
    lists = tuple(
        (heading, items) for heading, items in (("Also", members), ("Not run", incident.not_run)) if items
    )
    runbook = [Link(label="Runbook", url=incident.runbook)] if incident.runbook else []
    return Message(
        incident_id=incident.id,
        colour=_COLOURS[incident.status],
        headline=f"{incident.id} {incident.severity} {incident.title}",
        summary=incident.summary,
        calls=incident.responders,
        note=note,
        facts=tuple(facts),
        detail=incident.detail,
        lists=lists,
        links=(*links_of(incident), *runbook),
        about=incident,
    )


def told(incident: Incident, text: str, *, colour: Colour, links: tuple[Link, ...]) -> Message:
    """A message with a text of its own, whose first line is the headline."""
    headline, _, rest = text.partition("\n")
    return Message(
        incident_id=incident.id, colour=colour, headline=headline, summary=rest, links=links, about=incident
    )


def bulletin(text: str) -> Message:
    """A message about no incident in particular: a digest, a hand-over. Its first line is the headline."""
    headline, _, rest = text.partition("\n")
    return Message(incident_id="", colour=Colour.BLUE, headline=headline, summary=rest)


def _found(found: Findings) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    if found.suspects:
        first = found.suspects[0]
        why = "; ".join(signal["summary"] for signal in first["evidence"])
        facts.append(("Suspect", f"{first['asset']} ({first['confidence']}): {why}"))
    counts = found.impact.get("counts", {})
    hit = [f"{counts[state]} {words}" for state, words in _STATES.items() if counts.get(state)]
    if hit:
        facts.append(("Data hit", ", ".join(hit)))
    missed = [
        f"{late['asset']} at {moment(datetime.fromisoformat(late['deadline']))}"
        for late in found.forecast
        if late["verdict"] == "will_miss"
    ]
    if missed:
        facts.append(("Will miss its deadline", ", ".join(missed)))
    consumers = sorted({reached["consumer"] for reached in found.impact.get("consumers", ())})
    if consumers:
        facts.append(("Consumers", ", ".join(consumers)))
    return facts


_STATES = {"tainted": "tainted", "at_risk": "at risk", "healed": "healed"}


def digest_line(incident: Incident) -> str:
    """An incident in one line, for lists and digests."""
    warn = " (WARN)" if all(m.check_severity is CheckSeverity.WARN for m in incident.members) else ""
    return f"{incident.id} {incident.severity} {incident.status} {incident.title}{warn}"


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")


def _status(incident: Incident) -> str:
    if incident.resolved_at is None:
        return str(incident.status)
    reason = f" as {incident.resolution}" if incident.resolution else ""
    took = max(incident.resolved_at - incident.detected_at, timedelta(0))
    return f"{incident.status}{reason} after {format_duration(took)}"
