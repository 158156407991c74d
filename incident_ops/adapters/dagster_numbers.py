"""What events say in numbers, as far as it can be kept.

Anybody may write any number into a tag or into metadata, and nobody has looked at it before us. One that no column
of 64 bits holds, or a time that nothing can be reckoned from, says nothing: the event it stands in is read all the
same.
"""

from datetime import UTC, datetime

GREATEST = 2**63 - 1
_DIGITS = len(str(GREATEST))
_YEAR_3000 = datetime(3000, 1, 1, tzinfo=UTC).timestamp()


def natural(number: object) -> int | None:
    """`number` if it is an integer from 0 to 2⁶³ − 1, as ids and counts are."""
    if not isinstance(number, int) or isinstance(number, bool):
        return None
    return number if 0 <= number <= GREATEST else None


def natural_in(text: object) -> int | None:
    """The same, of a number that is written in decimal digits and nothing else."""
    if not isinstance(text, str) or not text.isdecimal() or len(text) > _DIGITS:
        return None
    return natural(int(text))


def moment(timestamp: object) -> datetime | None:
    """The time, in UTC, of seconds since 1970; None from the year 3000 on: durations are added to times."""
    if not isinstance(timestamp, int | float) or not 0 <= timestamp < _YEAR_3000:
        return None
    return datetime.fromtimestamp(timestamp, tz=UTC)
