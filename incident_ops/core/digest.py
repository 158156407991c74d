"""What is said later, with other things: the items of a digest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from incident_ops.core.incident import Incident
from incident_ops.core.message import digest_line
from incident_ops.core.routing.destinations import Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestItem:
    """An incident that waits for the next digest of a destination.

    Attributes:
        number: the n of `INC-n`.
        why: the reason why it was not pushed.
        at: when it was put there.
        due_at: when the digest is to go out.
    """

    destination: Destination
    number: int
    why: str
    at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An incident of a digest as it is now, and why it was not pushed."""

    incident: Incident
    why: str


MOST_LINES = 10


def digest_text(lines: Sequence[Line], *, suggestions: Sequence[str] = (), most: int = MOST_LINES) -> str:
    """A digest as text, its first line the headline: the incidents, open and worst ones first, of equal ones the
    longest open first, then what might be changed about the detectors. Of either at most `most`, and how many more
    there are."""
    ordered = sorted(
        lines,
        key=lambda line: (not line.incident.is_open, line.incident.severity.rank, line.incident.started_at),
    )
    text = [f"Digest: {len(lines)} incident{'' if len(lines) == 1 else 's'}"]
    text += _cut([f"{digest_line(line.incident)} ({line.why})" for line in ordered], most, "incident-ops list")
    if suggestions:
        text += ["What might be changed:", *_cut(suggestions, most, "")]
    return "\n".join(text)


def _cut(items: Sequence[str], most: int, where: str) -> list[str]:
    shown = [f"• {item}" for item in items[:most]]
    if len(items) > most:
        shown.append(f"and {len(items) - most} more" + (f": {where}" if where else ""))
    return shown
