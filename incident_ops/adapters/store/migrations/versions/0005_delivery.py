"""Roles in an incident; destinations that do not answer; which message belongs to which incident; whose we are."""

import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


_UNFINISHED = "status IN ('pending', 'sending')"
_INDEXES = (
    ("ix_deliveries_receipt", ["receipt_message", "receipt_channel"], "receipt_message IS NOT NULL"),
    ("ix_deliveries_waiting", ["id"], _UNFINISHED),
    ("ix_deliveries_owed", ["kind", "address", "created_at"], _UNFINISHED),
    ("ix_deliveries_sending", ["kind", "address", "id"], "status = 'sending'"),
    (
        "ix_deliveries_edit",
        ["incident", "kind", "address", "accepted_at"],
        "action = 'edit' AND status = 'accepted'",
    ),
)


def upgrade() -> None:
    op.add_column("incidents", sa.Column("roles", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("deliveries", sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True))
    for name, indexed, where in _INDEXES:
        op.create_index(name, "deliveries", indexed, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    op.create_table(
        "circuits",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe", sa.BigInteger(), nullable=True),
        sa.Column("needs_person", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("died_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("died_of", sa.Text(), nullable=False),
        sa.Column("well_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "address", name=op.f("pk_circuits")),
    )
    named_values = sa.table(
        "named_values",
        sa.column("name", sa.Text()),
        sa.column("value", sa.Text()),
        sa.column("set_at", sa.DateTime(timezone=True)),
    )
    # Other systems know our incidents by this and their number: two installations never share an incident there.
    ours = {"name": "installation", "value": uuid.uuid4().hex[:12], "set_at": datetime.now(tz=UTC)}
    op.bulk_insert(named_values, [ours])
