"""The ticks of a cron line, exactly as Dagster's freshness daemon sees them.

`dagster._utils.schedules` is private. It is used all the same: the daemon evaluates policies with it, it carries
its own parser and its own rules for the hours that clocks skip or repeat, and another parser would put some
deadlines an hour beside Dagster's.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from dagster._utils.schedules import cron_string_iterator


def cron_ticks(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """The ticks later than `after`, ascending, aware UTC, without end.

    A line that cannot be read, or never comes true, raises an error of Dagster's own. Dagster does not load an
    asset with such a policy, so none is in the catalog.
    """
    for tick in cron_string_iterator(after.timestamp(), cron, timezone):
        at = tick.astimezone(UTC)
        if at > after:
            yield at
