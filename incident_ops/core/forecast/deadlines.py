"""When an asset must have been built again, by its freshness policy.

What Dagster's freshness daemon decides after the fact, said beforehand. When the asset will be there is
`forecast`'s business. Reading a cron line needs a calendar: the ticks are handed in.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

Ticks = Callable[[str, str, datetime], Iterator[datetime]]
"""(cron line, IANA time zone, moment) → the ticks later than the moment, ascending, aware UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWindow:
    """Never older than `fail_window`; Dagster warns from `warn_window` on, which is no deadline."""

    fail_window: timedelta
    warn_window: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CronWindow:
    """At each tick of `deadline_cron` (in `timezone`) built no longer than `lower_bound_delta` ago."""

    deadline_cron: str
    lower_bound_delta: timedelta
    timezone: str = "UTC"


FreshnessTerms = TimeWindow | CronWindow


def next_deadline(
    terms: FreshnessTerms, last_materialized_at: datetime | None, *, ticks: Ticks
) -> datetime | None:
    """The moment from which the policy fails if the asset is not built again; it may have passed.

    Dagster (1.13) says FAIL at a time t when
    - time window: t − last ≥ fail_window, so from last + fail_window on;
    - cron: last < tick − lower_bound_delta for the newest tick ≤ t. That tick only moves on, so the failure
      begins with the first tick later than last + lower_bound_delta. A build before the window opens does not
      count: one at 07:30 fails "09:00, 1 h".

    None for an asset that was never built: Dagster's state is UNKNOWN then, for ever.
    """
    if last_materialized_at is None:
        return None
    match terms:
        case TimeWindow(fail_window=window):
            return last_materialized_at + window
        case CronWindow(deadline_cron=cron, lower_bound_delta=delta, timezone=zone):
            return next(ticks(cron, zone, last_materialized_at + delta), None)


def next_deadlines(
    terms: Mapping[str, FreshnessTerms], built_at: Mapping[str, datetime], *, ticks: Ticks
) -> dict[str, datetime]:
    """Asset → its next deadline, for those that have one.

    Args:
        built_at: when each asset was last materialized (observations do not count, nor does the partition).
    """
    found = {asset: next_deadline(each, built_at.get(asset), ticks=ticks) for asset, each in terms.items()}
    return {asset: deadline for asset, deadline in found.items() if deadline is not None}
