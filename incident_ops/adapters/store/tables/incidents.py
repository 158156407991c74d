"""Incidents, what is owed to people, and where we are in the work."""

import sqlalchemy as sa
from sqlalchemy import Column, Index, Table

from incident_ops.adapters.store import columns
from incident_ops.adapters.store.tables.base import metadata

incidents = Table(
    "incidents",
    metadata,
    Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    columns.text("title"),
    columns.text("status"),
    columns.text("severity"),
    columns.json("severity_reasons"),
    columns.text("severity_by"),
    columns.text("priority"),
    columns.text("nature"),
    columns.text("cause_class", nullable=True),
    columns.text("root_asset", nullable=True),
    columns.text("root_check", nullable=True),
    columns.text("root_name", nullable=True),
    columns.text("root_partition", nullable=True),
    columns.big("root_materialization", nullable=True),
    columns.text("root_run_id", nullable=True),
    columns.text("owner", nullable=True),
    columns.text("assignee", nullable=True),
    columns.text("resolution", nullable=True),
    columns.time("started_at"),
    columns.time("detected_at"),
    columns.time("updated_at"),
    columns.time("acknowledged_at", nullable=True),
    columns.time("resolved_at", nullable=True),
    columns.integer("alert_count"),
    columns.integer("failure_count"),
    columns.flag("flaky"),
    columns.flag("backlog"),
    columns.integer("reopened"),
    columns.json("labels"),
    columns.text("error_signature"),
    columns.text("summary"),
    columns.text("detail"),
    columns.json("facts"),
    columns.json("not_run"),
    columns.integer("revision"),
    # What follows is the store's own: answers to the questions below, kept at every save.
    columns.flag("is_open"),
    columns.integer("firing"),
    columns.big("change"),
    columns.integer("published_revision"),
    columns.flag("is_shown"),
    # Since revision 0002; None in what was written before.
    columns.integer("merged_into", nullable=True),
    columns.json("merged_from", nullable=True),
    columns.text("grouped_by", nullable=True),
    # Since revision 0003; None in what was written before.
    columns.text("runbook", nullable=True),
    columns.text("excuse", nullable=True),
    # Since revision 0004; None in what was written before.
    columns.json("responders", nullable=True),
    # Since revision 0005; None in what was written before.
    columns.json("roles", nullable=True),
    Index("ix_incidents_status", "status", "number"),
)

IS_RECOVERED_AND_OPEN = sa.and_(incidents.c.is_open.is_(sa.true()), incidents.c.firing == sa.literal_column("0"))
IS_OPEN_WITHOUT_OWNER = sa.and_(
    incidents.c.is_open.is_(sa.true()), incidents.c.owner.is_(None), incidents.c.root_asset.is_not(None)
)
IS_UNPUBLISHED = incidents.c.published_revision != incidents.c.revision
IS_ANNOUNCED = incidents.c.excuse.is_not(None)
IS_CLASSIFIED = sa.and_(
    incidents.c.resolution.is_not(None), incidents.c.excuse.is_(None), incidents.c.merged_into.is_(None)
)
IS_SHOWN = incidents.c.is_shown.is_(sa.true())

columns.partial_index("ix_incidents_recovered", incidents.c.number, where=IS_RECOVERED_AND_OPEN)
columns.partial_index("ix_incidents_without_owner", incidents.c.number, where=IS_OPEN_WITHOUT_OWNER)
columns.partial_index("ix_incidents_unpublished", incidents.c.change, where=IS_UNPUBLISHED)
columns.partial_index("ix_incidents_announced", incidents.c.resolved_at, where=IS_ANNOUNCED)
columns.partial_index("ix_incidents_classified", incidents.c.resolved_at, where=IS_CLASSIFIED)
columns.partial_index("ix_incidents_shown", incidents.c.resolved_at, where=IS_SHOWN)

members = Table(
    "members",
    metadata,
    columns.incident(primary_key=True),
    Column("position", sa.Integer(), primary_key=True, autoincrement=False),
    columns.text("fingerprint"),
    columns.text("asset", nullable=True),
    columns.text("check_name", nullable=True),
    columns.text("subject_name", nullable=True),
    columns.text("kind"),
    columns.text("partition", nullable=True),
    columns.text("check_severity"),
    columns.time("last_fired_at"),
    columns.text("last_cause", nullable=True),
    columns.integer("hops"),
    columns.time("healthy_at", nullable=True),
    # The store's own: the partition as a key ("" for none), and the incident's state, so that the members of
    # a check that failed a thousand times are not all read to find the one that is open.
    columns.text("partition_key"),
    columns.flag("is_open"),
    columns.time("resolved_at", nullable=True),
    # Since revision 0002; None in what was written before.
    columns.text("nature", nullable=True),
    columns.time("first_fired_at", nullable=True),
    columns.big("materialization", nullable=True),
    columns.text("origin_asset", nullable=True),
    columns.big("origin_materialization", nullable=True),
    columns.text("edge", nullable=True),
    # Since revision 0003; None in what was written before.
    columns.json("declared", nullable=True),
    Index("ix_members_fingerprint", "fingerprint", "resolved_at"),
    Index("ix_members_last_cause", "last_cause"),
)

IS_MEMBER_OF_OPEN = members.c.is_open.is_(sa.true())

columns.partial_index(
    "uq_members_open",
    members.c.fingerprint,
    members.c.partition_key,
    where=IS_MEMBER_OF_OPEN,
    unique=True,
)

columns.partial_index("ix_members_firing_since", members.c.first_fired_at, where=IS_MEMBER_OF_OPEN)

alerts = Table(
    "alerts",
    metadata,
    columns.text("event_id", primary_key=True),
    columns.incident(),
    columns.text("fingerprint"),
    columns.text("family"),
    columns.text("kind"),
    columns.text("nature"),
    columns.text("asset", nullable=True),
    columns.text("check_name", nullable=True),
    columns.text("subject_name", nullable=True),
    columns.text("check_severity"),
    columns.text("partition", nullable=True),
    columns.text("run_id", nullable=True),
    columns.text("run_group", nullable=True),
    columns.text("cause", nullable=True),
    columns.flag("is_echo"),
    columns.big("materialization", nullable=True),
    columns.time("occurred_at"),
    columns.time("observed_at"),
    columns.time("began_at", nullable=True),
    columns.json("evidence"),
    # Since revision 0003; None in what was written before.
    columns.json("declared", nullable=True),
    Index("ix_alerts_incident", "incident", "occurred_at", "event_id"),
    Index("ix_alerts_run_id", "run_id"),
    Index("ix_alerts_run_group", "run_group", "incident"),
)

timeline = Table(
    "timeline",
    metadata,
    columns.sequence(),
    columns.incident(),
    columns.time("at"),
    columns.text("kind"),
    columns.text("text"),
    columns.text("by"),
    Index("ix_timeline_incident", "incident", "id"),
    sqlite_autoincrement=True,
)

deliveries = Table(
    "deliveries",
    metadata,
    columns.sequence(),
    columns.text("key"),
    columns.incident(nullable=True),  # None: a digest or a hand-off is about no single one
    columns.text("kind"),
    columns.text("address"),
    columns.text("action"),
    columns.text("text"),
    columns.flag("pushes"),
    columns.text("status"),
    columns.integer("attempts"),
    columns.time("created_at"),
    columns.time("updated_at"),
    columns.time("not_before"),
    columns.time("lease_until", nullable=True),
    columns.time("accepted_at", nullable=True),
    columns.text("error"),
    columns.flag("fate_unknown"),
    columns.text("receipt_channel", nullable=True),
    columns.text("receipt_message", nullable=True),
    # Since revision 0005; None in what was written before.
    columns.time("moved_at", nullable=True),  # when it was owed elsewhere as well
    Index("uq_deliveries_key", "key", unique=True),
    Index("ix_deliveries_incident", "incident", "id"),
    sqlite_autoincrement=True,
)

IS_UNFINISHED = deliveries.c.status.in_([sa.literal_column("'pending'"), sa.literal_column("'sending'")])
IS_SENDING = deliveries.c.status == sa.literal_column("'sending'")
IS_DRAWN = sa.and_(
    deliveries.c.action == sa.literal_column("'edit'"), deliveries.c.status == sa.literal_column("'accepted'")
)
IS_POST = deliveries.c.action == sa.literal_column("'post'")
IS_PUSH = deliveries.c.pushes.is_(sa.true())
HAS_RECEIPT = deliveries.c.receipt_message.is_not(None)

_destination = (deliveries.c.incident, deliveries.c.kind, deliveries.c.address)
columns.partial_index("ix_deliveries_unfinished", *_destination, deliveries.c.id, where=IS_UNFINISHED)
columns.partial_index("ix_deliveries_waiting", deliveries.c.id, where=IS_UNFINISHED)
columns.partial_index("ix_deliveries_owed", *_destination[1:], deliveries.c.created_at, where=IS_UNFINISHED)
columns.partial_index("ix_deliveries_sending", *_destination[1:], deliveries.c.id, where=IS_SENDING)
columns.partial_index("ix_deliveries_edit", *_destination, deliveries.c.accepted_at, where=IS_DRAWN)
columns.partial_index("ix_deliveries_post", *_destination, where=IS_POST)
columns.partial_index("ix_deliveries_push", *_destination, deliveries.c.accepted_at, where=IS_PUSH)
columns.partial_index(
    "ix_deliveries_receipt",
    deliveries.c.receipt_message,
    deliveries.c.receipt_channel,
    where=HAS_RECEIPT,
)
columns.partial_index(
    "ix_deliveries_pushes", deliveries.c.kind, deliveries.c.address, deliveries.c.created_at, where=IS_PUSH
)

circuits = Table(
    "circuits",
    metadata,
    columns.text("kind", primary_key=True),
    columns.text("address", primary_key=True),
    columns.integer("failures"),
    columns.time("open_until", nullable=True),
    columns.big("probe", nullable=True),  # a delivery's id
    columns.flag("needs_person"),
    columns.text("error"),
    columns.time("died_at", nullable=True),
    columns.text("died_of"),
    columns.time("well_at", nullable=True),
    columns.time("updated_at"),
)

inbox = Table(
    "inbox",
    metadata,
    columns.sequence(),
    columns.text("key"),
    columns.text("incident_id"),
    columns.text("recipient"),
    columns.text("headline"),
    columns.text("text"),
    columns.text("thread", nullable=True),
    columns.time("at"),
    columns.time("edited_at", nullable=True),
    Index("uq_inbox_key", "key", unique=True),
    sqlite_autoincrement=True,
)

cursors = Table(
    "cursors", metadata, columns.text("name", primary_key=True), columns.text("value"), columns.time("saved_at")
)

named_values = Table(
    "named_values", metadata, columns.text("name", primary_key=True), columns.text("value"), columns.time("set_at")
)

counters = Table("counters", metadata, columns.text("name", primary_key=True), columns.big("value"))

findings = Table(
    "findings",
    metadata,
    columns.incident(primary_key=True),
    columns.time("at"),
    columns.json("suspects"),
    columns.json("impact"),
    columns.json("forecast"),
)

unassessed = Table(
    "unassessed",
    metadata,
    columns.incident(primary_key=True),
    columns.big("turn"),
)

audience = Table(
    "audience",
    metadata,
    columns.sequence(),
    columns.incident(),
    columns.text("recipient"),
    columns.text("kind"),
    columns.integer("round"),
    columns.time("at"),
    columns.text("text"),
    columns.time("ended_at", nullable=True),
    Index("uq_audience", "incident", "recipient", "kind", "round", unique=True),
    sqlite_autoincrement=True,
)

IS_STILL_TOLD = sa.and_(audience.c.ended_at.is_(None), audience.c.kind != sa.literal_column("'end'"))

columns.partial_index("ix_audience_unended", audience.c.incident, where=IS_STILL_TOLD)
