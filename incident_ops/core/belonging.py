"""Does an open incident already hold this alert?

The rules that need no lineage: the same failing thing, and all that one failed step did not build. What lineage
adds is in `grouping`. The decision carries its reason, which is written on the timeline.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from incident_ops.core.alert import Alert
from incident_ops.core.incident import Incident
from incident_ops.core.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    """The alert belongs to an existing incident; `reopens` when that one is resolved and this is a new failure."""

    incident: Incident
    reason: str
    reopens: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """The alert begins an incident of its own."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignore:
    """The alert changes nothing."""

    reason: str


Decision = Attach | Open | Ignore


def decide(alert: Alert, candidates: Iterable[Incident], *, is_excused: bool = False) -> Decision:
    """Attach, open or ignore.

    Args:
        candidates: open incidents, and those resolved within the reopen window, that share the alert's
            fingerprint or its cause.
        is_excused: it was announced: it reopens nothing, and belongs to what was announced before. To that belongs
            nothing else.
    """
    candidates = [
        incident
        for incident in candidates
        if incident.merged_into is None and (incident.is_open or (incident.excuse is not None) is is_excused)
    ]
    incidents = sorted(candidates, key=lambda incident: (not incident.is_open, -incident.number))
    for incident in incidents:
        member = next((m for m in incident.members if m.fingerprint == alert.fingerprint), None)
        if member is None or incident.status is Status.CLOSED:
            continue
        if incident.is_open:
            return Attach(incident=incident, reason=f"same fingerprint as an open incident ({alert.fingerprint})")
        if is_excused:
            return Attach(incident=incident, reason="announced like what is there")
        if _is_over(alert, incident):
            return Attach(incident=incident, reason="late evidence of a failure that is over")
        return Attach(incident=incident, reason="failed again within the reopen window", reopens=True)
    for incident in incidents:
        if incident.is_open and _has_the_same_cause(alert, incident):
            return Attach(incident=incident, reason=f"the same failure ({alert.cause})")
    return Open(reason=f"no open incident has the fingerprint {alert.fingerprint}")


def _is_over(alert: Alert, incident: Incident) -> bool:
    """The alert happened before the recovery of that very partition, or before a person resolved the incident.

    A run tells of its failures when it ends, hours later perhaps: that other partitions are well by then says
    nothing of one that was not heard of."""
    known = [m for m in incident.members if m.fingerprint == alert.fingerprint and m.partition == alert.partition]
    if not known and incident.resolution is None:
        return False
    at = next((m.healthy_at for m in known if m.healthy_at is not None), incident.resolved_at)
    return at is not None and alert.occurred_at <= at


def _has_the_same_cause(alert: Alert, incident: Incident) -> bool:
    return alert.cause is not None and any(m.last_cause == alert.cause for m in incident.members)
