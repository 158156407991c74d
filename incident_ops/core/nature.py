"""Which nature has a check? Told by its author, else by its maker's naming, else `rule`."""

import re

from incident_ops.core.alert import Nature

NATURE_METADATA = "incident_ops/nature"

# First match wins. Names that Dagster's own factories and dbt's generic tests give, then common words.
_BY_NAME: tuple[tuple[str, Nature], ...] = (
    (r"fresh|recency|last_update|late\b|stale", Nature.FRESHNESS),
    (r"column_schema_change|schema|columns_|contract", Nature.SCHEMA),
    (r"row_?count|volume|num_rows|\brows?\b|increment", Nature.VOLUME),
    (
        r"field_health|null|blank|empty|present|missing|unique|distinct|duplicate|accepted_values|relationships|in_range|between|positive|negative",
        Nature.FIELD_HEALTH,
    ),
)


def nature_of_check(name: str, declared: str | None) -> Nature:
    """`declared` is the evaluation's metadata `incident_ops/nature`; a value that is no nature is not obeyed."""
    if declared in set(Nature):
        return Nature(declared)
    for pattern, nature in _BY_NAME:
        if re.search(pattern, name, re.IGNORECASE):
            return nature
    return Nature.RULE
