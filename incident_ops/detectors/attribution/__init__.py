"""Attribution pushed down to DuckDB: one group-by to leaves there, the search for the slice in `core.attribution`.

For a user's own code location: the failing rows are named by a SQL condition, the answer is an `Explanation` that
goes with the check's result. What it does not do is choose the condition; a check that fails knows it.
"""

from incident_ops.core.attribution import AttributionError
from incident_ops.detectors.attribution.changing import explain_change
from incident_ops.detectors.attribution.explaining import DuckDBMissing, Explanation, explain_failing_rows
from incident_ops.detectors.attribution.source import quoted

__all__ = ["AttributionError", "DuckDBMissing", "Explanation", "explain_change", "explain_failing_rows", "quoted"]
