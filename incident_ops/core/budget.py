"""How often a recipient is pushed in a day. Above it what is not grave collapses into the digest.

A budget for pages is the SRE book's idea (ch. 11: at most two incidents a shift); five a day is DESIGN's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_ops.core.durations import format_duration
from incident_ops.core.muting import Quiet, QuietKind
from incident_ops.core.severity import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """At most `pushes` within the rolling time `per`, for each recipient; `always` is pushed all the same,
    and uses up nothing."""

    pushes: int = 5
    per: timedelta = timedelta(hours=24)
    always: frozenset[Severity] = frozenset({Severity.SEV0, Severity.SEV1})


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """`quiet` when there is nothing left; else `note` says, in the push that uses up the last, that it does."""

    quiet: Quiet | None = None
    note: str = ""


def allowance(
    budget: Budget, severity: Severity, recipient: str, spent: Sequence[datetime], *, now: datetime
) -> Allowance:
    """Whether one more push may go to the recipient.

    Args:
        spent: the times of the pushes that went there, ascending, without those of `always`; older ones than the
            rolling time are left out.
    """
    if severity in budget.always:
        return Allowance()
    counted = [at for at in spent if now - at < budget.per]
    span = format_duration(budget.per)
    if len(counted) >= budget.pushes:
        text = f"over budget: {recipient} had its {budget.pushes} pushes within {span}"
        until = counted[-budget.pushes] + budget.per if budget.pushes else None
        return Allowance(quiet=Quiet(kind=QuietKind.OVER_BUDGET, text=text, until=until))
    if len(counted) + 1 != budget.pushes:
        return Allowance()
    again = (min([*counted, now]) + budget.per).strftime("%Y-%m-%d %H:%M UTC")
    spared = " and ".join(sorted(budget.always)) or "nothing"
    return Allowance(
        note=f"This was the last of {budget.pushes} pushes within {span}: until {again} everything but {spared} "
        "waits for the digest."
    )
