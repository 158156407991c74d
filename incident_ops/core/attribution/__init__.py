"""Which combination of dimensions explains the failing rows? Why this algorithm: docs/adr/0006."""

from incident_ops.core.attribution.answer import Explanation, LeftOut, Unattributed, sentence
from incident_ops.core.attribution.cube import MISSING, OTHER, AttributionError, Folded, Slice
from incident_ops.core.attribution.localisation import localise, localise_columns

__all__ = [
    "MISSING",
    "OTHER",
    "AttributionError",
    "Explanation",
    "Folded",
    "LeftOut",
    "Slice",
    "Unattributed",
    "localise",
    "localise_columns",
    "sentence",
]
