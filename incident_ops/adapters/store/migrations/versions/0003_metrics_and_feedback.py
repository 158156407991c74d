"""What checks measured and what people said of it; what a check says of itself; what was announced."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "measurements",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("check_name", sa.Text(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evaluated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_measurements")),
    )
    op.create_index(
        "ix_measurements_check", "measurements", ["asset", "check_name", "evaluated_at", "event_id"], unique=False
    )
    op.create_table(
        "metric_points",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.Column("score", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "metric", "column_name", name=op.f("pk_metric_points")),
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("check_name", sa.Text(), nullable=False),
        sa.Column("lesson", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident"],
            ["incidents.number"],
            name=op.f("fk_feedback_incident_incidents"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_feedback", "feedback", ["asset", "check_name", "lesson", "since", "until"], unique=True)
    op.create_index(
        "ix_feedback_untold",
        "feedback",
        ["id"],
        unique=False,
        sqlite_where=sa.text("told_at IS NULL"),
        postgresql_where=sa.text("told_at IS NULL"),
    )
    op.add_column("incidents", sa.Column("runbook", sa.Text(), nullable=True))
    op.add_column("incidents", sa.Column("excuse", sa.Text(), nullable=True))
    op.create_index(
        "ix_incidents_announced",
        "incidents",
        ["resolved_at"],
        unique=False,
        sqlite_where=sa.text("excuse IS NOT NULL"),
        postgresql_where=sa.text("excuse IS NOT NULL"),
    )
    op.add_column("members", sa.Column("declared", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("alerts", sa.Column("declared", sa.JSON(none_as_null=True), nullable=True))
