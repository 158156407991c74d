"""What a user imports in a code location of their own.

The factories `build_…_checks` give asset checks, `build_detector_schedule` runs them. `explain_failing_rows` says
which rows fail, `explain_change` which slices have more rows than before, or fewer; the explanation's `metadata()`
goes with the result of an asset check of one's own. A `History` of one's own may remember what was measured
elsewhere.
"""

from incident_ops.core.attribution import AttributionError, Slice
from incident_ops.core.feedback import Feedback
from incident_ops.core.metrics import Measured, Measurement
from incident_ops.detectors.attribution import DuckDBMissing, Explanation, explain_change, explain_failing_rows
from incident_ops.detectors.factory import CheckOptions, DetectorError
from incident_ops.detectors.field_health import build_field_health_checks
from incident_ops.detectors.freshness import build_freshness_checks
from incident_ops.detectors.history import EventLog, History, Remembers
from incident_ops.detectors.reading import IbisMissing, ReadError, ReadOptions, ReadTimeout
from incident_ops.detectors.reconciliation import build_reconciliation_checks
from incident_ops.detectors.references import build_referential_integrity_checks
from incident_ops.detectors.rules import build_accepted_values_checks, build_uniqueness_checks
from incident_ops.detectors.schedule import build_detector_condition, build_detector_schedule
from incident_ops.detectors.schema import build_schema_checks
from incident_ops.detectors.sql_rules import build_sql_checks
from incident_ops.detectors.targets import UnknownAssets
from incident_ops.detectors.volume import build_volume_checks

__all__ = [
    "AttributionError",
    "CheckOptions",
    "DetectorError",
    "DuckDBMissing",
    "EventLog",
    "Explanation",
    "Feedback",
    "History",
    "IbisMissing",
    "Measured",
    "Measurement",
    "ReadError",
    "ReadOptions",
    "ReadTimeout",
    "Remembers",
    "Slice",
    "UnknownAssets",
    "build_accepted_values_checks",
    "build_detector_condition",
    "build_detector_schedule",
    "build_field_health_checks",
    "build_freshness_checks",
    "build_reconciliation_checks",
    "build_referential_integrity_checks",
    "build_schema_checks",
    "build_sql_checks",
    "build_uniqueness_checks",
    "build_volume_checks",
    "explain_change",
    "explain_failing_rows",
]
