"""Whether two sides agree: counts and sums, window by window."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isclose, isfinite

Sums = Mapping[Hashable, Mapping[str, float]]
"""By window: the row count as `ROWS`, and the sums by column. The window is None for rows without one."""

ROWS = "rows"
NOISE = 1e-9
"""How far two sums of the same floating-point numbers in another order may be apart, relative to the sum of their
magnitudes: the error of a sum is bounded by that, not by the sum, which is near 0 where a ledger balances
(N. Higham, Accuracy and Stability of Numerical Algorithms, 2002, §4.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One measure in one window that the two assets do not agree on."""

    window: Hashable
    measure: str
    here: float
    there: float

    @property
    def size(self) -> float:
        apart = abs(self.here - self.there)
        return apart if isfinite(apart) else inf


def differences(here: Sums, there: Sums, *, tolerance: float, magnitudes: Sequence[Sums] = ()) -> list[Difference]:
    """The windows and measures in which two sides are further apart than `tolerance` (relative to the greater; at
    least `NOISE` for sums), the greatest difference first. A window that one side has not counts as 0 there. What
    is no number differs from everything but its like.

    Args:
        magnitudes: of each side the sums of the absolute values, where the numbers are floating-point.
    """
    found: list[Difference] = []
    for window in [*here, *(window for window in there if window not in here)]:
        mine, theirs = here.get(window, {}), there.get(window, {})
        for measure in mine or theirs:
            one, other = mine.get(measure, 0.0), theirs.get(measure, 0.0)
            magnitude = max((each.get(window, {}).get(measure, 0.0) for each in magnitudes), default=0.0)
            least = 0.0 if measure == ROWS else NOISE
            if not _agree(one, other, relative=max(tolerance, least), absolute=least * magnitude):
                found.append(Difference(window=window, measure=measure, here=one, there=other))
    return sorted(found, key=lambda it: (-it.size, str(it.window), it.measure))


def _agree(one: float, other: float, *, relative: float, absolute: float) -> bool:
    return isclose(one, other, rel_tol=relative, abs_tol=absolute) or (one != one and other != other)
