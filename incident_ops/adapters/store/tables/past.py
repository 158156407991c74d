"""What was known and when: catalogs, what was built from what, what was measured, and what people said of it."""

import sqlalchemy as sa
from sqlalchemy import Column, Index, Table

from incident_ops.adapters.store import columns
from incident_ops.adapters.store.tables.base import metadata

catalogs = Table(
    "catalogs",
    metadata,
    Column("id", sa.Integer(), primary_key=True, autoincrement=False),
    columns.big("version"),
    columns.time("fetched_at"),
    columns.json("nodes"),
)

# ---- what the catalog was: snapshots only when something changed, and the changes one by one

catalog_snapshots = Table(
    "catalog_snapshots",
    metadata,
    columns.sequence(),
    columns.time("taken_at"),
    columns.json("nodes"),
    Index("ix_catalog_snapshots_taken_at", "taken_at"),
    sqlite_autoincrement=True,
)

catalog_changes = Table(
    "catalog_changes",
    metadata,
    columns.sequence(),
    columns.time("at"),
    columns.text("asset"),
    columns.text("kind"),
    columns.text("text"),
    Index("ix_catalog_changes_asset", "asset", "at"),
    sqlite_autoincrement=True,
)

# ---- provenance, kept when Dagster forgets. An id alone is no key: SQLite gives it anew

materializations = Table(
    "materializations",
    metadata,
    columns.text("asset", primary_key=True),
    Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
    Column("at", columns.UtcDateTime(), primary_key=True),
    columns.text("kind"),
    columns.text("partition", nullable=True),
    columns.text("run_id", nullable=True),
    columns.text("job"),
    columns.json("inputs"),
    columns.text("data_version", nullable=True),
    columns.text("code_version", nullable=True),
    columns.big("row_count", nullable=True),
    columns.json("columns"),
    columns.json("column_lineage"),
    columns.text("config"),
    columns.json("tags"),
    columns.time("ready_at", nullable=True),
    Index("ix_materializations_history", "asset", "partition", "at", "id"),
    Index("ix_materializations_newest", "asset", "at", "id"),
)

columns.partial_index(
    "ix_materializations_remarks",
    materializations.c.asset,
    materializations.c.at,
    materializations.c.id,
    where=materializations.c.kind == sa.literal_column("'remark'"),
)

pointers = Table(
    "pointers",
    metadata,
    columns.text("upstream", primary_key=True),
    Column("upstream_id", sa.BigInteger(), primary_key=True, autoincrement=False),
    columns.text("asset", primary_key=True),
    Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
    Column("at", columns.UtcDateTime(), primary_key=True),
)

evaluations = Table(
    "evaluations",
    metadata,
    columns.text("event_id", primary_key=True),
    columns.text("asset"),
    columns.big("materialization", nullable=True),
    columns.text("check_name"),
    columns.text("partition", nullable=True),
    columns.flag("passed"),
    columns.text("severity"),
    columns.time("at"),
    columns.text("summary"),
    Index("ix_evaluations_materialization", "asset", "materialization"),
    Index("ix_evaluations_at", "asset", "at"),
)

views = Table(
    "views",
    metadata,
    columns.text("event_id", primary_key=True),
    columns.text("asset"),
    columns.text("viewer"),
    columns.time("at"),
    columns.big("materialization", nullable=True),
    Index("ix_views_asset", "asset", "at"),
)

# ---- what checks measured, and what people said of it: the memory of detectors

measurements = Table(
    "measurements",
    metadata,
    columns.text("event_id", primary_key=True),
    columns.text("asset"),
    columns.text("check_name"),
    columns.text("partition", nullable=True),
    columns.time("at"),
    columns.time("evaluated_at"),
    Index("ix_measurements_check", "asset", "check_name", "evaluated_at", "event_id"),
)

# The bounds are None where they were infinite: nothing was known.
metric_points = Table(
    "metric_points",
    metadata,
    columns.text("event_id", primary_key=True),
    columns.text("metric", primary_key=True),
    columns.text("column_name", primary_key=True),
    columns.number("value"),
    columns.number("low", nullable=True),
    columns.number("high", nullable=True),
    columns.number("score"),
)

feedback = Table(
    "feedback",
    metadata,
    columns.sequence(),
    columns.text("asset"),
    columns.text("check_name"),
    columns.text("lesson"),
    columns.time("since"),
    columns.time("until"),
    columns.incident(),
    columns.time("told_at", nullable=True),
    Index("uq_feedback", "asset", "check_name", "lesson", "since", "until", unique=True),
    sqlite_autoincrement=True,
)

IS_UNTOLD = feedback.c.told_at.is_(None)

columns.partial_index("ix_feedback_untold", feedback.c.id, where=IS_UNTOLD)
