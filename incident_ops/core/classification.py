"""What incidents were in the end, as people say: asking for a missing reason, and how precise a detector is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_ops.core.incident import Incident
from incident_ops.core.status import Resolution

NOISE = frozenset({Resolution.FALSE_POSITIVE, Resolution.NO_ACTION})
"""Reasons that say that nobody needed to be told. The share of the others is a detector's precision."""

TOO_MANY, OF = 3, 5
"""After so many false positives among so many of a detector's newest classified incidents we suggest a change."""

MOST_QUESTIONS = 2
"""Once to the owner, once to the lead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """Whether resolving asks for a reason, and when a missing one is asked for: the lead as much later again."""

    required: bool = True
    remind_after: timedelta = timedelta(hours=24)


def next_question(
    incident: Incident, rule: Classification, *, asked: int, asked_at: datetime | None = None
) -> datetime | None:
    """When somebody is next asked what it was; None when nobody is.

    Args:
        asked: how often that was done since it ended, and `asked_at` when it was done last.
    """
    is_unclassified = not incident.is_open and incident.resolution is None and incident.merged_into is None
    if not rule.required or not is_unclassified or incident.resolved_at is None or asked >= MOST_QUESTIONS:
        return None
    return max(incident.resolved_at, asked_at or incident.resolved_at) + rule.remind_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """Of one detector: `useful` of its `classified` incidents were no false positives and needed action."""

    asset: str
    check: str
    useful: int
    classified: int
    suggestion: str = ""

    @property
    def share(self) -> float:
        return self.useful / self.classified


def precisions(classified: Mapping[tuple[str, str], Sequence[Resolution]]) -> list[Precision]:
    """One for each detector, the least precise first.

    Args:
        classified: (asset, check) → the reasons of its incidents, newest first.
    """
    found = [
        Precision(
            asset=asset,
            check=check,
            useful=sum(reason not in NOISE for reason in reasons),
            classified=len(reasons),
            suggestion=_suggestion(asset, check, reasons[:OF]),
        )
        for (asset, check), reasons in classified.items()
        if reasons
    ]
    return sorted(found, key=lambda each: (each.share, each.asset, each.check))


def _suggestion(asset: str, check: str, newest: Sequence[Resolution]) -> str:
    false = sum(reason is Resolution.FALSE_POSITIVE for reason in newest)
    idle = sum(reason is Resolution.NO_ACTION for reason in newest)
    what = f"{check} on {asset}"
    if false >= TOO_MANY:
        return (
            f"{what}: {false} of its last {len(newest)} incidents were false positives; lower its sensitivity, "
            "widen its bounds, or make it WARN."
        )
    if false + idle >= TOO_MANY:
        return (
            f"{what}: {false + idle} of its last {len(newest)} incidents needed nobody; make it WARN, or route it "
            "to a digest."
        )
    return ""
