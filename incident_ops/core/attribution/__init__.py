"""Which combination of dimensions explains the failing rows? Why this algorithm: docs/adr/0006."""

from incident_ops.core.attribution.cube import MISSING, OTHER, AttributionError, Slice
from incident_ops.core.attribution.localisation import Explanation, localise, localise_columns, sentence

__all__ = [
    "MISSING",
    "OTHER",
    "AttributionError",
    "Explanation",
    "Slice",
    "localise",
    "localise_columns",
    "sentence",
]
