"""Moments as people say them: with the weekday where that tells the day, else with the date."""

from datetime import datetime, tzinfo

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment_text(moment: datetime, *, now: datetime, zone: tzinfo) -> str:
    """`Tue 06:12`, `3 Nov 06:12` or `3 Nov 2025 06:12`, on the zone's clock."""
    local, today = moment.astimezone(zone), now.astimezone(zone)
    if abs((local.date() - today.date()).days) < 7:
        return f"{_WEEKDAYS[local.weekday()]} {local:%H:%M}"
    year = f" {local.year}" if local.year != today.year else ""
    return f"{local.day} {_MONTHS[local.month - 1]}{year} {local:%H:%M}"
