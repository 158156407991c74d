"""Where the data is: an asset's table as an Ibis expression, restricted to what is looked at.

`opened` is the one entrance. Nothing here says what is measured; that is each detector's.
"""

from incident_ops.detectors.reading.data import Data
from incident_ops.detectors.reading.opening import opened
from incident_ops.detectors.reading.options import (
    IbisMissing,
    ReadError,
    ReadOptions,
    ReadTimeout,
    TableChanged,
    require_ibis,
)

__all__ = [
    "Data",
    "IbisMissing",
    "ReadError",
    "ReadOptions",
    "ReadTimeout",
    "TableChanged",
    "opened",
    "require_ibis",
]
