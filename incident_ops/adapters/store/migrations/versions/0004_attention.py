"""What was done so far about an incident; silences, digests and groups; messages that are about no incident."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attention",
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.JSON(), nullable=False),
        _incident_of("attention"),
        sa.PrimaryKeyConstraint("incident", name=op.f("pk_attention")),
    )
    _partial_index("ix_attention_wake_at", "attention", ["wake_at", "incident"], where="wake_at IS NOT NULL")
    op.create_table(
        "silences",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("matchers", sa.JSON(), nullable=False),
        sa.Column("begins", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_silences")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_silences_ends", "silences", ["ends"])
    op.create_table(
        "digest_items",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        _incident_of("digest_items"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest_items")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_digest_items_incident", "digest_items", ["incident"])
    _partial_index(
        "uq_digest_items_unsent",
        "digest_items",
        ["kind", "address", "incident"],
        where="sent_at IS NULL",
        unique=True,
    )
    _partial_index("ix_digest_items_due_at", "digest_items", ["due_at"], where="sent_at IS NULL")
    op.create_table(
        "group_members",
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("incident", sa.Integer(), nullable=False),
        _incident_of("group_members"),
        sa.PrimaryKeyConstraint("group_key", "incident", name=op.f("pk_group_members")),
    )
    op.create_index("ix_group_members_incident", "group_members", ["incident"])
    op.add_column("incidents", sa.Column("responders", sa.JSON(none_as_null=True), nullable=True))
    _partial_index(
        "ix_incidents_classified",
        "incidents",
        ["resolved_at"],
        where="resolution IS NOT NULL AND excuse IS NULL AND merged_into IS NULL",
    )
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_deliveries()
    else:
        op.alter_column("deliveries", "incident", existing_type=sa.Integer(), nullable=True)
    on_sqlite, on_postgres = sa.text("pushes IS 1"), sa.text("pushes IS true")
    op.create_index(
        "ix_deliveries_pushes",
        "deliveries",
        ["kind", "address", "created_at"],
        sqlite_where=on_sqlite,
        postgresql_where=on_postgres,
    )


def _incident_of(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["incident"],
        ["incidents.number"],
        name=op.f(f"fk_{table}_incident_incidents"),
        deferrable=True,
        initially="DEFERRED",
    )


def _partial_index(name: str, table: str, columns: list[str], *, where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


_COLUMNS_OF_DELIVERIES = (
    "id, key, incident, kind, address, action, text, pushes, status, attempts, created_at, updated_at, "
    "not_before, lease_until, accepted_at, error, fate_unknown, receipt_channel, receipt_message"
)


def _rebuild_deliveries() -> None:
    """SQLite cannot take NOT NULL off a column: a new table, filled from the old one, in its place
    (https://www.sqlite.org/lang_altertable.html#otheralter). Nothing refers to this table. The old one's place in
    the sequence is handed on, so that the id of a delivery that was deleted is not given again."""
    op.create_table(
        "new_deliveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("incident", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("pushes", sa.Boolean(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("fate_unknown", sa.Boolean(), nullable=False),
        sa.Column("receipt_channel", sa.Text(), nullable=True),
        sa.Column("receipt_message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        _incident_of("deliveries"),
        sqlite_autoincrement=True,
    )
    columns = _COLUMNS_OF_DELIVERIES
    op.execute(f"INSERT INTO new_deliveries ({columns}) SELECT {columns} FROM deliveries ORDER BY id")
    op.execute("DELETE FROM sqlite_sequence WHERE name = 'new_deliveries'")
    op.execute("UPDATE sqlite_sequence SET name = 'new_deliveries' WHERE name = 'deliveries'")
    op.drop_table("deliveries")
    op.rename_table("new_deliveries", "deliveries")
    op.create_index("uq_deliveries_key", "deliveries", ["key"], unique=True)
    op.create_index("ix_deliveries_incident", "deliveries", ["incident", "id"])
    for name, columns_of_index, condition in (
        ("ix_deliveries_unfinished", ["incident", "kind", "address", "id"], "status IN ('pending', 'sending')"),
        ("ix_deliveries_post", ["incident", "kind", "address"], "action = 'post'"),
        ("ix_deliveries_push", ["incident", "kind", "address", "accepted_at"], "pushes IS 1"),
    ):
        op.create_index(name, "deliveries", columns_of_index, sqlite_where=sa.text(condition))
