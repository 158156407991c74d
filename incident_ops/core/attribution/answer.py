"""What explains the failing rows, as a value and as a sentence. How the slices are found is `localisation`'s."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import isnan
from typing import Literal

from incident_ops.core.attribution.cube import MISSING, Slice

Measure = Literal["rate", "sum", "count"]

LONGEST_VALUE = 80
MOST_NAMED = 6


class LeftOut(StrEnum):
    """Why a column was not looked at."""

    MANY_VALUES = "many_values"
    TYPE = "type"
    PERSONAL = "personal"
    LESS_TELLING = "less_telling"
    NEW_VALUES = "new_values"


class Unattributed(StrEnum):
    """Why nothing is known of where the failing rows lie."""

    TIMEOUT = "timeout"
    ENGINE = "engine"
    NO_DIMENSION = "no_dimension"


_LEFT_OUT: Mapping[LeftOut, str] = {
    LeftOut.MANY_VALUES: "of too many values",
    LeftOut.TYPE: "of fractions or nested values",
    LeftOut.NEW_VALUES: "of values that were not there before",
    LeftOut.PERSONAL: "of personal data",
    LeftOut.LESS_TELLING: "that tell less than these",
}
_UNATTRIBUTED: Mapping[Unattributed, str] = {
    Unattributed.TIMEOUT: "the engine did not answer in time",
    Unattributed.ENGINE: "the engine could not count them by column",
    Unattributed.NO_DIMENSION: "there is no column that can be looked along",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What explains the failing rows of one table, or a change of its rows.

    Attributes:
        slices: alternatives (of a change: causes), best first; empty when no single slice explains it.
        dimensions: what was looked at.
        failing, rows: how many rows fail, of how many; where a change is explained none fails.
        left_out: how many columns were not looked at, and why.
        measure: `rate` where rows fail, else what has changed.
    """

    slices: tuple[Slice, ...]
    dimensions: tuple[str, ...]
    failing: int
    rows: int
    left_out: Mapping[LeftOut, int] = field(default_factory=dict[LeftOut, int])
    measure: Measure = "rate"

    @property
    def sentence(self) -> str:
        """The answer in plain words."""
        return sentence(self.slices, self.dimensions, measure=self.measure, left_out=self.left_out)


def sentence(
    slices: Sequence[Slice],
    dimensions: Sequence[str] = (),
    *,
    measure: Measure = "rate",
    left_out: Mapping[LeftOut, int] | None = None,
) -> str:
    """The answer in plain words, with the share explained; or that no single slice explains it.

    Of a rate's alternatives only the first is told. `dimensions` are what was looked at.
    """
    if not slices:
        looked = "; ".join(filter(None, (_looked_at(dimensions), _not_looked_at(left_out or {}))))
        return "no single slice explains it" + (f" ({looked})" if looked else "")
    if measure == "rate":
        best = slices[0]
        whole = "" if isnan(best.share) else f" ({_percent(best.share)} of all rows)"
        return f"{_percent(best.explained)} of the failing rows: {_words(best)}{whole}"
    first, *others = slices
    told = [f"{_percent(first.explained)} of the deviation: {_words(first)}"]
    return "; ".join([*told, *(f"{_percent(other.explained)}: {_words(other)}" for other in others)])


def why_not(reason: Unattributed) -> str:
    """That the failing rows could not be attributed, and why."""
    return f"the failing rows could not be attributed: {_UNATTRIBUTED[reason]}"


def _looked_at(dimensions: Sequence[str]) -> str:
    named = [*dimensions[:MOST_NAMED], *(["…"] if len(dimensions) > MOST_NAMED else [])]
    return f"looked at {', '.join(named)}" if named else ""


def _not_looked_at(left_out: Mapping[LeftOut, int]) -> str:
    """`not at 4 columns: 3 of too many values, 1 of personal data`."""
    told = [(left_out[reason], words) for reason, words in _LEFT_OUT.items() if left_out.get(reason)]
    count = sum(number for number, _ in told)
    if len(told) == 1:
        return f"not at {_columns(count)} {told[0][1]}"
    return f"not at {_columns(count)}: {', '.join(f'{number} {words}' for number, words in told)}" if told else ""


def _columns(count: int) -> str:
    return f"{count} column{'' if count == 1 else 's'}"


def _words(found: Slice) -> str:
    return " and ".join(
        f"{name} is missing" if value == MISSING else f"{name} = {_shortened(value)}"
        for name, value in found.conditions.items()
    )


def _shortened(value: str) -> str:
    plain = " ".join(value.split()) or "(empty)"
    return plain if len(plain) <= LONGEST_VALUE else plain[: LONGEST_VALUE - 1] + "…"


def _percent(share: float) -> str:
    """Never "100 %" for less than all, never "0 %" for more than nothing."""
    if 0 < share < 0.01:
        return "< 1 %"
    return f"{99 if 0.99 <= share < 1 - 1e-9 else round(share * 100)} %"
