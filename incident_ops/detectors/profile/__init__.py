"""A table's profile, read in one scan: every metric of every column is an aggregate of the same SELECT.

Only categories need groups. DuckDB counts those that are known already in the same SELECT; those that are not
yet, and those of other engines, cost one grouped query more, over the columns that have few distinct values.
What is approximate: distinct counts where `exact` is off (HyperLogLog, a few percent), and quantiles: on DuckDB
of `QUANTILE_ROWS` rows drawn from the whole table (each rank within about one percent), elsewhere by the engine's
own sketch.
"""

from incident_ops.detectors.profile.categories import groups
from incident_ops.detectors.profile.look import EXACT_ROWS, profile_of
from incident_ops.detectors.profile.plan import Plan, kind_of, planned
from incident_ops.detectors.profile.scan import expressions, share_of

__all__ = [
    "EXACT_ROWS",
    "Plan",
    "expressions",
    "groups",
    "kind_of",
    "planned",
    "profile_of",
    "share_of",
]
