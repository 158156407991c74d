"""What a decision says: the texts of pushes, and why nobody is pushed."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from incident_ops.core.alert import CheckSeverity
from incident_ops.core.durations import format_duration
from incident_ops.core.incident import Incident
from incident_ops.core.member import Member
from incident_ops.core.muting import Quiet, QuietKind
from incident_ops.core.routing.destinations import Destination

MOST_NAMES = 10

ONLY_A_WARNING = "WARN is recorded and listed, not pushed"
OVER_ALREADY = "nobody is pushed: it was over before anybody was told"
LEADS_NOWHERE = "nobody is pushed: its route leads to no place that can be written to"


def recorded(incident: Incident) -> Quiet | None:
    """What is kept, and concerns nobody."""
    text = ""
    if incident.merged_into is not None:
        text = f"merged into INC-{incident.merged_into}"
    elif incident.excuse is not None:
        text = incident.excuse
    elif incident.backlog:
        text = "it is older than our installation by more than a day: recorded, not pushed"
    return Quiet(kind=QuietKind.RECORDED, text=text) if text else None


def is_warning(incident: Incident) -> bool:
    return all(member.check_severity is CheckSeverity.WARN for member in incident.members)


def still_failing(incident: Incident, *, now: datetime) -> str:
    if incident.failure_count > 1:
        return f"Still failing: {incident.failure_count - 1:,} more since the first failure."
    return f"Still failing after {format_duration(now - incident.detected_at)}."


def grown_by(members: Sequence[Member]) -> str:
    """Args:
    members: those that came since the last notice.
    """
    shown = ", ".join(str(member.subject) for member in members[:MOST_NAMES])
    more = f" and {len(members) - MOST_NAMES} more" if len(members) > MOST_NAMES else ""
    return f"It has grown: {shown}{more} since the last notice."


def reminder_of(incident: Incident, *, now: datetime) -> str:
    waited = format_duration(now - incident.detected_at)
    return f"Reminder: this {incident.severity} has not been acknowledged for {waited}."


def sentences(quiets: Mapping[Destination, Quiet], *, of: int) -> list[str]:
    """Why nobody is pushed, or who is not and why.

    Args:
        of: how many destinations there are.
    """
    texts = dict.fromkeys(quiet.text for quiet in quiets.values())
    if len(texts) == 1 and len(quiets) == of:
        return [f"nobody is pushed: {next(iter(texts))}"]
    return [f"{destination.address} is not pushed: {quiet.text}" for destination, quiet in quiets.items()]


def as_sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
