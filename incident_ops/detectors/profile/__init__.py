"""A table's profile, read in one scan: every metric of every column is an aggregate of the same SELECT.

An earlier profile tells what the next one is likely to find: about how many rows there are, which decides whether
distinct values are counted exactly, and which categories, each of which is counted in the same SELECT. Beside it
stands what the values of no known category are: one new category is named by that, too. What costs more than one
scan:

- the first profile of a table: a count, which columnar engines answer from their metadata (PostgreSQL is not
  asked), and one grouped query over the columns that turn out to have few distinct values;
- two or more new categories at once, or few values where there were many: the grouped query, over these columns;
- a table so wide that the engine needs several SELECTs (`plan.MOST_AGGREGATES`).

What is approximate: distinct counts of tables of more than `EXACT_ROWS` rows (HyperLogLog, a few percent; not on
PostgreSQL, which has no such thing), and quantiles: on DuckDB of `QUANTILE_ROWS` values drawn from the whole table
(each rank within about one percent), elsewhere by the engine's own sketch.
"""

from incident_ops.detectors.profile.categories import groups
from incident_ops.detectors.profile.look import EXACT_ROWS, profile_of
from incident_ops.detectors.profile.plan import planned
from incident_ops.detectors.profile.scan import expressions

__all__ = ["EXACT_ROWS", "expressions", "groups", "planned", "profile_of"]
