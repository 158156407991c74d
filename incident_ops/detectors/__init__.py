"""What a user imports in a code location of their own.

`explain_failing_rows` says which rows fail; the explanation's `metadata()` goes with the result of an asset check.
"""

from incident_ops.core.attribution import AttributionError, Slice
from incident_ops.detectors.attribution import DuckDBMissing, Explanation, explain_failing_rows

__all__ = ["AttributionError", "DuckDBMissing", "Explanation", "Slice", "explain_failing_rows"]
