"""Lengths of time as people write them (`1h30m`) and as they like to read them (`1 h 30 min`).

Points in time, time zones and calendars are not here.
"""

import re
from datetime import timedelta

_PARTS = re.compile(
    r"(?:(?P<w>[0-9]+)w)?(?:(?P<d>[0-9]+)d)?(?:(?P<h>[0-9]+)h)?(?:(?P<m>[0-9]+)m)?(?:(?P<s>[0-9]+)s)?"
)
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SPOKEN = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


class DurationSyntaxError(ValueError):
    """The text is not a duration; the message is one sentence saying what to write instead."""


def parse_duration(text: str) -> timedelta:
    """Read `30s`, `5m`, `4h`, `2d`, `1w` or a compound such as `1h30m`, largest unit first.

    As in Prometheus a day has 24 hours and a week seven days, whatever the clocks do; `0m` is valid.

    Raises:
        DurationSyntaxError: no such duration, or one beyond what a timedelta holds (about 2.7 million years).
    """
    parts = _PARTS.fullmatch(text) if text else None
    if parts is None:
        raise DurationSyntaxError(f'"{text[:40]}" is not a duration; write it like 30s, 5m, 4h, 2d or 1h30m')
    try:
        return timedelta(
            seconds=sum(int(count) * _SECONDS[unit] for unit, count in parts.groupdict(default="0").items())
        )
    except (OverflowError, ValueError) as error:  # ValueError: Python reads no number of over 4,300 digits
        raise DurationSyntaxError(f'"{text[:40]}" is too long for a duration; write a shorter one') from error


def format_duration(duration: timedelta) -> str:
    """Say a duration in its two largest units, rounded down: "4 h 12 min", "2 d 3 h", "45 s", "0 s".

    The second unit is left out when it is zero: "4 h", and "2 d" for two days and five minutes.
    """
    if duration < timedelta(0):
        return f"-{format_duration(-duration)}"
    rest = duration // timedelta(seconds=1)
    for place, (unit, seconds) in enumerate(_SPOKEN):
        count, rest = divmod(rest, seconds)
        if count:
            smaller, its_seconds = _SPOKEN[min(place + 1, len(_SPOKEN) - 1)]
            remainder = rest // its_seconds
            return f"{count} {unit} {remainder} {smaller}" if remainder else f"{count} {unit}"
    return "0 s"
