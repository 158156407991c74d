"""What the tables of one job do together: their common movement, and how unlike each other they are today.

A holiday, a campaign or a late feed moves all tables of a job at once. The median forecast error of the peers is
such a movement, and most of it is expected of the series too. Where the peers scatter more than they use to, the
day is strange, and the bounds widen.
"""

from math import log, sqrt

import numpy as np

from incident_ops.core.anomaly.history import Array, Cadence
from incident_ops.core.anomaly.seasonal import medians, spreads, windows

LEAST_PEERS = 3
SHARE = 0.8  # of the common movement is expected of the series: no two tables move quite alike
MOST = log(4)  # a job whose tables all fall below a quarter is not excused by it: a shared outage is one
CALM = 0.5  # usual median of |error| ÷ spread, of errors with heavy tails; .67 for normal ones
ALONE = 1.4  # without peers a holiday can't be told from a fault: all bounds are wider


def common(errors: Array) -> Array:
    """The common movement per slot, from the peers' forecast errors, shape (peers, slots); 0 for fewer than 3."""
    return np.nan_to_num(medians(errors.T, least=LEAST_PEERS))


def expected_share(movement: Array) -> Array:
    """The part of a common movement that is expected of the series too."""
    return SHARE * np.minimum(np.maximum(movement, -MOST), MOST)


def scatter(errors: Array, movement: Array, cadence: Cadence, *, asked: int) -> Array:
    """How unlike the peers are in each slot, as the median of |error − common movement| ÷ its usual size.

    NaN where fewer than three peers can tell.

    Args:
        errors: of the peers, shape (peers, slots).
        asked: how many of the last slots are asked for.
    """
    own = errors - movement
    usual = spreads(windows(own, cadence.errors)[:, -asked:])
    ratios = np.abs(own[:, -asked:]) / np.maximum(usual, 1e-9)
    return medians(ratios.T, least=LEAST_PEERS)


def widening(scattered: float) -> float:
    """The factor on the bounds of a series whose peers scatter so; that of a series without peers for NaN."""
    return sqrt(max(1.0, scattered / CALM)) if scattered == scattered else ALONE
