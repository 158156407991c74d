"""The tables, as SQLAlchemy Core sees them, and the two column types that make SQLite and PostgreSQL alike.

What is searched has a column and an index; JSON holds only what is shown. Every partial index is one question
that a quiet tick asks, so that the answer costs the same whatever the history. Values in and out of the rows
are in `rows`; changes of this file need a migration beside them (`migrations/versions`).
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index, MetaData, Table
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DontWrapMixin

VERSION_TABLE = "incident_ops_version"
"""Where Alembic keeps the revision; not `alembic_version`, which Dagster's tables in the same database use."""


class NaiveDatetime(DontWrapMixin, ValueError):
    """A datetime without a time zone was about to be stored."""


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out. SQLite keeps fixed-width text, which sorts as time does."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.utcoffset() is None:
            raise NaiveDatetime(f"a naive datetime cannot be stored: {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class SafeText(sa.types.TypeDecorator[str]):
    """Text from outside. PostgreSQL refuses NUL and neither database takes half a surrogate pair; an error
    text that contains one must not stop an alert from being stored, so both become U+FFFD or `?`."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        text = str(value).replace("\x00", "\ufffd")
        return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=_NAMES)


def _text(name: str, *, nullable: bool = False, **options: Any) -> Column[str]:
    return Column(name, SafeText(), nullable=nullable, **options)


def _time(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, UtcDateTime(), nullable=nullable)


def _flag(name: str) -> Column[bool]:
    return Column(name, sa.Boolean(), nullable=False)


def _integer(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, sa.Integer(), nullable=nullable)


def _big(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, sa.BigInteger(), nullable=nullable)


def _json(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, sa.JSON(none_as_null=nullable), nullable=nullable)


def _sequence() -> Column[int]:
    """A number the database counts up and never reuses."""
    return Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)


def _incident(**options: Any) -> Column[int]:
    """A reference to the incident, checked at commit: inside a transaction the order of writing is free."""
    reference = ForeignKey("incidents.number", deferrable=True, initially="DEFERRED")
    return Column("incident", sa.Integer(), reference, nullable=False, **options)


def _index(
    name: str, *columns: sa.ColumnElement[Any], where: sa.ColumnElement[bool], unique: bool = False
) -> Index:
    """A partial index. The planner takes it only for a query with the very same condition."""
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


incidents = Table(
    "incidents",
    metadata,
    Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    _text("title"),
    _text("status"),
    _text("severity"),
    _json("severity_reasons"),
    _text("severity_by"),
    _text("priority"),
    _text("nature"),
    _text("cause_class", nullable=True),
    _text("root_asset", nullable=True),
    _text("root_check", nullable=True),
    _text("root_name", nullable=True),
    _text("root_partition", nullable=True),
    _big("root_materialization", nullable=True),
    _text("root_run_id", nullable=True),
    _text("owner", nullable=True),
    _text("assignee", nullable=True),
    _text("resolution", nullable=True),
    _time("started_at"),
    _time("detected_at"),
    _time("updated_at"),
    _time("acknowledged_at", nullable=True),
    _time("resolved_at", nullable=True),
    _integer("alert_count"),
    _integer("failure_count"),
    _flag("flaky"),
    _flag("backlog"),
    _integer("reopened"),
    _json("labels"),
    _text("error_signature"),
    _text("summary"),
    _text("detail"),
    _json("facts"),
    _json("not_run"),
    _integer("revision"),
    # What follows is the store's own: answers to the questions below, kept at every save.
    _flag("is_open"),
    _integer("firing"),
    _big("change"),
    _integer("published_revision"),
    _flag("is_shown"),
    # Since revision 0002; None in what was written before.
    _integer("merged_into", nullable=True),
    _json("merged_from", nullable=True),
    _text("grouped_by", nullable=True),
    Index("ix_incidents_status", "status", "number"),
)

IS_RECOVERED_AND_OPEN = sa.and_(incidents.c.is_open.is_(sa.true()), incidents.c.firing == sa.literal_column("0"))
IS_OPEN_WITHOUT_OWNER = sa.and_(
    incidents.c.is_open.is_(sa.true()), incidents.c.owner.is_(None), incidents.c.root_asset.is_not(None)
)
IS_UNPUBLISHED = incidents.c.published_revision != incidents.c.revision
IS_SHOWN = incidents.c.is_shown.is_(sa.true())

_index("ix_incidents_recovered", incidents.c.number, where=IS_RECOVERED_AND_OPEN)
_index("ix_incidents_without_owner", incidents.c.number, where=IS_OPEN_WITHOUT_OWNER)
_index("ix_incidents_unpublished", incidents.c.change, where=IS_UNPUBLISHED)
_index("ix_incidents_shown", incidents.c.resolved_at, where=IS_SHOWN)

members = Table(
    "members",
    metadata,
    _incident(primary_key=True),
    Column("position", sa.Integer(), primary_key=True, autoincrement=False),
    _text("fingerprint"),
    _text("asset", nullable=True),
    _text("check_name", nullable=True),
    _text("subject_name", nullable=True),
    _text("kind"),
    _text("partition", nullable=True),
    _text("check_severity"),
    _time("last_fired_at"),
    _text("last_cause", nullable=True),
    _integer("hops"),
    _time("healthy_at", nullable=True),
    # The store's own: the partition as a key ("" for none), and the incident's state, so that the members of
    # a check that failed a thousand times are not all read to find the one that is open.
    _text("partition_key"),
    _flag("is_open"),
    _time("resolved_at", nullable=True),
    # Since revision 0002; None in what was written before.
    _text("nature", nullable=True),
    _time("first_fired_at", nullable=True),
    _big("materialization", nullable=True),
    _text("origin_asset", nullable=True),
    _big("origin_materialization", nullable=True),
    _text("edge", nullable=True),
    Index("ix_members_fingerprint", "fingerprint", "resolved_at"),
    Index("ix_members_last_cause", "last_cause"),
)

IS_MEMBER_OF_OPEN = members.c.is_open.is_(sa.true())

_index(
    "uq_members_open",
    members.c.fingerprint,
    members.c.partition_key,
    where=IS_MEMBER_OF_OPEN,
    unique=True,
)

_index("ix_members_firing_since", members.c.first_fired_at, where=IS_MEMBER_OF_OPEN)

alerts = Table(
    "alerts",
    metadata,
    _text("event_id", primary_key=True),
    _incident(),
    _text("fingerprint"),
    _text("family"),
    _text("kind"),
    _text("nature"),
    _text("asset", nullable=True),
    _text("check_name", nullable=True),
    _text("subject_name", nullable=True),
    _text("check_severity"),
    _text("partition", nullable=True),
    _text("run_id", nullable=True),
    _text("run_group", nullable=True),
    _text("cause", nullable=True),
    _flag("is_echo"),
    _big("materialization", nullable=True),
    _time("occurred_at"),
    _time("observed_at"),
    _time("began_at", nullable=True),
    _json("evidence"),
    Index("ix_alerts_incident", "incident", "occurred_at", "event_id"),
    Index("ix_alerts_run_id", "run_id"),
    Index("ix_alerts_run_group", "run_group", "incident"),
)

timeline = Table(
    "timeline",
    metadata,
    _sequence(),
    _incident(),
    _time("at"),
    _text("kind"),
    _text("text"),
    _text("by"),
    Index("ix_timeline_incident", "incident", "id"),
    sqlite_autoincrement=True,
)

deliveries = Table(
    "deliveries",
    metadata,
    _sequence(),
    _text("key"),
    _incident(),
    _text("kind"),
    _text("address"),
    _text("action"),
    _text("text"),
    _flag("pushes"),
    _text("status"),
    _integer("attempts"),
    _time("created_at"),
    _time("updated_at"),
    _time("not_before"),
    _time("lease_until", nullable=True),
    _time("accepted_at", nullable=True),
    _text("error"),
    _flag("fate_unknown"),
    _text("receipt_channel", nullable=True),
    _text("receipt_message", nullable=True),
    Index("uq_deliveries_key", "key", unique=True),
    Index("ix_deliveries_incident", "incident", "id"),
    sqlite_autoincrement=True,
)

IS_UNFINISHED = deliveries.c.status.in_([sa.literal_column("'pending'"), sa.literal_column("'sending'")])
IS_POST = deliveries.c.action == sa.literal_column("'post'")
IS_PUSH = deliveries.c.pushes.is_(sa.true())

_destination = (deliveries.c.incident, deliveries.c.kind, deliveries.c.address)
_index("ix_deliveries_unfinished", *_destination, deliveries.c.id, where=IS_UNFINISHED)
_index("ix_deliveries_post", *_destination, where=IS_POST)
_index("ix_deliveries_push", *_destination, deliveries.c.accepted_at, where=IS_PUSH)

inbox = Table(
    "inbox",
    metadata,
    _sequence(),
    _text("key"),
    _text("incident_id"),
    _text("recipient"),
    _text("headline"),
    _text("text"),
    _text("thread", nullable=True),
    _time("at"),
    _time("edited_at", nullable=True),
    Index("uq_inbox_key", "key", unique=True),
    sqlite_autoincrement=True,
)

cursors = Table("cursors", metadata, _text("name", primary_key=True), _text("value"), _time("saved_at"))

named_values = Table("named_values", metadata, _text("name", primary_key=True), _text("value"), _time("set_at"))

counters = Table("counters", metadata, _text("name", primary_key=True), _big("value"))

catalogs = Table(
    "catalogs",
    metadata,
    Column("id", sa.Integer(), primary_key=True, autoincrement=False),
    _big("version"),
    _time("fetched_at"),
    _json("nodes"),
)

# ---- what the catalog was: snapshots only when something changed, and the changes one by one

catalog_snapshots = Table(
    "catalog_snapshots",
    metadata,
    _sequence(),
    _time("taken_at"),
    _json("nodes"),
    Index("ix_catalog_snapshots_taken_at", "taken_at"),
    sqlite_autoincrement=True,
)

catalog_changes = Table(
    "catalog_changes",
    metadata,
    _sequence(),
    _time("at"),
    _text("asset"),
    _text("kind"),
    _text("text"),
    Index("ix_catalog_changes_asset", "asset", "at"),
    sqlite_autoincrement=True,
)

# ---- provenance, kept when Dagster forgets. An id alone is no key: SQLite gives it anew

materializations = Table(
    "materializations",
    metadata,
    _text("asset", primary_key=True),
    Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
    Column("at", UtcDateTime(), primary_key=True),
    _text("kind"),
    _text("partition", nullable=True),
    _text("run_id", nullable=True),
    _text("job"),
    _json("inputs"),
    _text("data_version", nullable=True),
    _text("code_version", nullable=True),
    _big("row_count", nullable=True),
    _json("columns"),
    _json("column_lineage"),
    _text("config"),
    _json("tags"),
    _time("ready_at", nullable=True),
    Index("ix_materializations_history", "asset", "partition", "at", "id"),
    Index("ix_materializations_newest", "asset", "at", "id"),
)

_index(
    "ix_materializations_remarks",
    materializations.c.asset,
    materializations.c.at,
    materializations.c.id,
    where=materializations.c.kind == sa.literal_column("'remark'"),
)

pointers = Table(
    "pointers",
    metadata,
    _text("upstream", primary_key=True),
    Column("upstream_id", sa.BigInteger(), primary_key=True, autoincrement=False),
    _text("asset", primary_key=True),
    Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
    Column("at", UtcDateTime(), primary_key=True),
)

evaluations = Table(
    "evaluations",
    metadata,
    _text("event_id", primary_key=True),
    _text("asset"),
    _big("materialization", nullable=True),
    _text("check_name"),
    _text("partition", nullable=True),
    _flag("passed"),
    _text("severity"),
    _time("at"),
    _text("summary"),
    Index("ix_evaluations_materialization", "asset", "materialization"),
    Index("ix_evaluations_at", "asset", "at"),
)

views = Table(
    "views",
    metadata,
    _text("event_id", primary_key=True),
    _text("asset"),
    _text("viewer"),
    _time("at"),
    _big("materialization", nullable=True),
    Index("ix_views_asset", "asset", "at"),
)

# ---- what was found out about an incident, and who was told of the data

findings = Table(
    "findings",
    metadata,
    _incident(primary_key=True),
    _time("at"),
    _json("suspects"),
    _json("impact"),
    _json("forecast"),
)

unassessed = Table(
    "unassessed",
    metadata,
    _incident(primary_key=True),
    _big("turn"),
)

audience = Table(
    "audience",
    metadata,
    _sequence(),
    _incident(),
    _text("recipient"),
    _text("kind"),
    _integer("round"),
    _time("at"),
    _text("text"),
    _time("ended_at", nullable=True),
    Index("uq_audience", "incident", "recipient", "kind", "round", unique=True),
    sqlite_autoincrement=True,
)

IS_STILL_TOLD = sa.and_(audience.c.ended_at.is_(None), audience.c.kind != sa.literal_column("'end'"))

_index("ix_audience_unended", audience.c.incident, where=IS_STILL_TOLD)
