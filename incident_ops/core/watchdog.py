"""Our own troubles as alerts: "we stopped checking" must be told like anything else.

A condition is judged at every pass; only its changes become observations.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_ops.core.alert import (
    Alert,
    AlertKind,
    CheckSeverity,
    Evidence,
    Nature,
    Observation,
    Recovery,
    Subject,
    fingerprint,
)
from incident_ops.core.circuit import Circuit
from incident_ops.core.durations import format_duration

OWN_TROUBLE = "incident_ops: "

STALE_LOOP = timedelta(minutes=5)
UNSENT = timedelta(minutes=10)
LAG = timedelta(minutes=5)
DEAD_QUIET = timedelta(days=1)
"""So long after a dead letter its destination counts as no trouble any more."""

DELIVERIES = "deliveries to "


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something about ourselves that is well (`trouble` empty) or not (`trouble` says what, and the remedy)."""

    name: str
    trouble: str = ""
    is_warning: bool = False


def observations_of(
    conditions: Iterable[Condition], *, known: Mapping[str, str], now: datetime
) -> tuple[Observation, ...]:
    """Alerts for conditions that went bad, recoveries for those that got well.

    Args:
        known: name → trouble, as it was told last.
    """
    observations: list[Observation] = []
    for condition in conditions:
        subject = Subject(name=f"{OWN_TROUBLE}{condition.name}")
        was_told = known.get(condition.name, "")
        event_id = f"incident_ops:{condition.name}:{now.isoformat()}"
        if condition.trouble and not was_told:
            observations.append(
                Alert(
                    event_id=event_id,
                    kind=AlertKind.EXTERNAL,
                    nature=Nature.PIPELINE,
                    subject=subject,
                    check_severity=CheckSeverity.WARN if condition.is_warning else CheckSeverity.ERROR,
                    occurred_at=now,
                    observed_at=now,
                    evidence=Evidence(summary=condition.trouble),
                )
            )
        elif was_told and not condition.trouble:
            observations.append(
                Recovery(
                    event_id=event_id,
                    fingerprint=fingerprint("external", subject),
                    occurred_at=now,
                    summary=f"{condition.name} is well again",
                )
            )
    return tuple(observations)


def loops(beats: Mapping[str, datetime], *, now: datetime) -> list[Condition]:
    """One condition per loop that ever ran: it must have ended a pass within `STALE_LOOP`.

    Args:
        beats: name of the loop → when it last ended well.
    """
    return [
        Condition(
            name=f"{name} loop",
            trouble=f"the {name} loop has not ended a pass for {format_duration(now - at)}: "
            "see the sensor's ticks in Dagster"
            if now - at > STALE_LOOP
            else "",
        )
        for name, at in sorted(beats.items())
    ]


def outbox(oldest: datetime | None, error: str, *, now: datetime) -> Condition:
    """The oldest notification that is owed must be younger than `UNSENT`."""
    trouble = ""
    if oldest is not None and now - oldest > UNSENT:
        trouble = f"a notification has been waiting for {format_duration(now - oldest)}" + (
            f": {error}" if error else ""
        )
    return Condition(name="outbox", trouble=trouble)


def deliveries(place: str, circuit: Circuit, *, was_told: bool, now: datetime) -> Condition:
    """What died on the way to a destination must be told, at least once; it is over when the destination accepts
    again, or when nothing has died there for `DEAD_QUIET`."""
    trouble = ""
    if circuit.died_at is not None and now - circuit.died_at < DEAD_QUIET:
        is_over = circuit.well_at is not None and was_told
        trouble = "" if is_over else circuit.died_of
    return Condition(name=f"{DELIVERIES}{place}", trouble=trouble)


def lag(behind_since: datetime | None, *, now: datetime) -> Condition:
    """Reading the event log must not be behind for longer than `LAG`."""
    trouble = ""
    if behind_since is not None and now - behind_since > LAG:
        trouble = f"reading the event log has been behind for {format_duration(now - behind_since)}"
    return Condition(name="event log lag", trouble=trouble)
