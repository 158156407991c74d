"""What came after a value, as though it had come before it: a partition that is built again has both sides."""

from datetime import datetime

from incident_ops.core.anomaly.judgement import Series


def mirrored(history: Series, at: datetime, *, until: datetime | None = None) -> Series:
    """The points after `at`, each as long before it as it came after, oldest first: the nearest is the latest.

    A week later becomes a week earlier, and the same time of day stays the same, so that `judge` finds the seasons
    of such a series. Month ends and holidays it does not: leave those to what really was before.

    Args:
        history: in any order.
        until: points from here on are left out, such as those of another level.
    """
    later = [(when, value) for when, value in history if when > at and (until is None or when < until)]
    return sorted((at - (when - at), value) for when, value in later)
