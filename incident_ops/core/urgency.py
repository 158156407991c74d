"""Deadline-aware paging: can it wait until its owner works?

The next harm is the earliest moment at which somebody needs data that is bad, late or held up: the next deadline
of a freshness policy at or below the root. What harms nobody before the owner is at work waits for that; what does
is pushed now, whatever the time. Both say why.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_ops.core.durations import format_duration
from incident_ops.core.muting import Quiet, QuietKind
from incident_ops.core.severity import Severity
from incident_ops.core.teams import Team

LEAD = timedelta(hours=1)
"""Time that somebody who comes to work has left to act before the harm is done."""

PATIENCE = timedelta(minutes=2)
"""How long a new incident waits outside of working hours to be looked into: its deadlines are not known before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """Somebody needs `asset` at this time."""

    asset: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Urgency:
    """`hold` is the reason to wait, `note` the reason not to, for the message; both None in working hours."""

    hold: Quiet | None = None
    note: str = ""


AT_ONCE = Urgency()


def urgency(
    severity: Severity, team: Team | None, harm: Harm | None, *, unknown_since: datetime | None, now: datetime
) -> Urgency:
    """Whether a push to this team waits.

    SEV0 and SEV1 never wait, nor does anything for a team without working hours. A SEV2 of which no deadline is
    known does not wait, a SEV3 does: for the one, unknown is taken for soon, for the other for late.

    Args:
        harm: the next one, None when none is known.
        unknown_since: when it began, as long as nobody has looked for deadlines; None once that was done.
    """
    hours = team.working_hours if team is not None else None
    if team is None or hours is None or severity.is_at_least(Severity.SEV1) or hours.contains(now):
        return AT_ONCE
    begins = hours.next_begin(now)
    outside = f"outside of the working hours of team {team.name}"
    if harm is None and unknown_since is not None and now < unknown_since + PATIENCE:
        text = f"{outside}: it waits to be looked into"
        return Urgency(hold=Quiet(kind=QuietKind.HELD, text=text, until=unknown_since + PATIENCE))
    if harm is None and severity is not Severity.SEV3:
        return Urgency(note=f"Pushed {outside}, because no deadline is known that says how long it can wait.")
    if harm is not None and harm.at - LEAD < begins:
        when = f"in {format_duration(harm.at - now)}" if harm.at > now else "already past"
        return Urgency(note=f"Pushed {outside}: {harm.asset} is due at {_local(harm.at, team)}, {when}.")
    text = f"held until {_local(begins, team)}, when team {team.name} works: {_why(harm, team, unknown_since)}"
    return Urgency(hold=Quiet(kind=QuietKind.HELD, text=text, until=begins))


def _why(harm: Harm | None, team: Team, unknown_since: datetime | None) -> str:
    """The same for as long as it waits: the timeline tells it once."""
    if harm is not None:
        return f"the next deadline is that of {harm.asset} at {_local(harm.at, team)}"
    return "no deadline depends on it" if unknown_since is None else "no deadline is known"


def _local(at: datetime, team: Team) -> str:
    return at.astimezone(team.zone).strftime("%a %Y-%m-%d %H:%M %Z")
