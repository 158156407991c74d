"""Provenance, catalog snapshots, findings, audience; incidents that were merged, members with their evidence."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalog_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_changes")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_catalog_changes_asset", "catalog_changes", ["asset", "at"], unique=False)
    op.create_table(
        "catalog_snapshots",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("nodes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalog_snapshots")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_catalog_snapshots_taken_at", "catalog_snapshots", ["taken_at"], unique=False)
    op.create_table(
        "evaluations",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("materialization", sa.BigInteger(), nullable=True),
        sa.Column("check_name", sa.Text(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_evaluations")),
    )
    op.create_index("ix_evaluations_at", "evaluations", ["asset", "at"], unique=False)
    op.create_index("ix_evaluations_materialization", "evaluations", ["asset", "materialization"], unique=False)
    op.create_table(
        "materializations",
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.Column("data_version", sa.Text(), nullable=True),
        sa.Column("code_version", sa.Text(), nullable=True),
        sa.Column("row_count", sa.BigInteger(), nullable=True),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("column_lineage", sa.JSON(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("asset", "id", "at", name=op.f("pk_materializations")),
    )
    op.create_index(
        "ix_materializations_history", "materializations", ["asset", "partition", "at", "id"], unique=False
    )
    op.create_index("ix_materializations_newest", "materializations", ["asset", "at", "id"], unique=False)
    op.create_index(
        "ix_materializations_remarks",
        "materializations",
        ["asset", "at", "id"],
        unique=False,
        sqlite_where=sa.text("kind = 'remark'"),
        postgresql_where=sa.text("kind = 'remark'"),
    )
    op.create_table(
        "pointers",
        sa.Column("upstream", sa.Text(), nullable=False),
        sa.Column("upstream_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("upstream", "upstream_id", "asset", "id", "at", name=op.f("pk_pointers")),
    )
    op.create_table(
        "views",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("viewer", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("materialization", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_views")),
    )
    op.create_index("ix_views_asset", "views", ["asset", "at"], unique=False)
    op.create_table(
        "audience",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["incident"],
            ["incidents.number"],
            name=op.f("fk_audience_incident_incidents"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audience")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_audience_unended",
        "audience",
        ["incident"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL AND kind != 'end'"),
        postgresql_where=sa.text("ended_at IS NULL AND kind != 'end'"),
    )
    op.create_index("uq_audience", "audience", ["incident", "recipient", "kind", "round"], unique=True)
    op.create_table(
        "findings",
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("suspects", sa.JSON(), nullable=False),
        sa.Column("impact", sa.JSON(), nullable=False),
        sa.Column("forecast", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident"],
            ["incidents.number"],
            name=op.f("fk_findings_incident_incidents"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("incident", name=op.f("pk_findings")),
    )
    op.create_table(
        "unassessed",
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["incident"],
            ["incidents.number"],
            name=op.f("fk_unassessed_incident_incidents"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("incident", name=op.f("pk_unassessed")),
    )
    op.add_column("incidents", sa.Column("merged_into", sa.Integer(), nullable=True))
    op.add_column("incidents", sa.Column("merged_from", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("incidents", sa.Column("grouped_by", sa.Text(), nullable=True))
    op.add_column("members", sa.Column("nature", sa.Text(), nullable=True))
    op.add_column("members", sa.Column("first_fired_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("members", sa.Column("materialization", sa.BigInteger(), nullable=True))
    op.add_column("members", sa.Column("origin_asset", sa.Text(), nullable=True))
    op.add_column("members", sa.Column("origin_materialization", sa.BigInteger(), nullable=True))
    op.add_column("members", sa.Column("edge", sa.Text(), nullable=True))
    op.create_index(
        "ix_members_firing_since",
        "members",
        ["first_fired_at"],
        unique=False,
        sqlite_where=sa.text("is_open IS 1"),
        postgresql_where=sa.text("is_open IS true"),
    )
