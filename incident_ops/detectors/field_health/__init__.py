"""Field health: what the columns of a table look like, against what is usual."""

from incident_ops.detectors.field_health.checks import FieldHealthOptions, build_field_health_checks

__all__ = ["FieldHealthOptions", "build_field_health_checks"]
