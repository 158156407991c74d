"""Why an incident ended, in people's words: one place for every button, thread and answer. Records and the command
line keep the values of `Resolution`."""

from collections.abc import Mapping
from types import MappingProxyType

from incident_ops.core.incident import Incident
from incident_ops.core.status import SYSTEM, Resolution

REASONS: Mapping[Resolution, str] = MappingProxyType(
    {
        Resolution.FIXED: "Fixed",
        Resolution.EXPECTED: "Expected",
        Resolution.FALSE_POSITIVE: "False alarm",
        Resolution.DUPLICATE: "Duplicate",
        Resolution.NO_ACTION: "No action needed",
    }
)
"""As they stand on a button."""


def in_words(reason: Resolution) -> str:
    """Within a sentence: "resolved as false alarm"."""
    return REASONS[reason].lower()


def how_it_ended(incident: Incident, *, by: str = SYSTEM) -> str:
    """For who wants something of an incident that is over: "INC-1 is resolved already, as fixed, by ann", or where
    it went.

    Args:
        by: who ended it or said last what it was.
    """
    if incident.merged_into is not None:
        return f"{incident.id} was merged into INC-{incident.merged_into}: what is to be done is done there"
    why = f", as {in_words(incident.resolution)}" if incident.resolution is not None else ""
    who = f", by {by}" if by != SYSTEM else ""
    return f"{incident.id} is {incident.status} already{why}{who}"
