"""Dagster's freshness policies as the core knows them, by public names of Dagster only."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from incident_ops.core.forecast.deadlines import CronWindow, FreshnessTerms, TimeWindow


def terms_of(policy: dg.FreshnessPolicy) -> FreshnessTerms:
    """What the policy asks for. Its two classes have no public names; their attributes are those they were made
    with."""
    known: Any = policy
    if hasattr(known, "deadline_cron"):
        return CronWindow(
            deadline_cron=known.deadline_cron,
            lower_bound_delta=known.lower_bound_delta,
            timezone=known.timezone,
        )
    return TimeWindow(
        fail_window=known.fail_window.to_timedelta(),
        warn_window=known.warn_window.to_timedelta() if known.warn_window else None,
    )


def ticks(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """The ticks later than `after`, ascending, aware UTC, without end: as the starts of partitions, which Dagster
    counts by the same calendar as the deadlines of policies."""
    calendar = dg.TimeWindowPartitionsDefinition(
        start=after, fmt="%Y-%m-%dT%H:%M:%S%z", cron_schedule=cron, timezone=timezone
    )
    since = after
    while window := calendar.get_next_partition_window(since, respect_bounds=False):
        tick = window.start.astimezone(UTC)
        if tick > after:
            yield tick
        since = window.end
