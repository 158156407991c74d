"""Our own database: incidents, alerts, timeline, outbox, inbox, catalog, on SQLite or PostgreSQL."""

from incident_ops.adapters.store.sql import SqlStore, open_store

__all__ = ["SqlStore", "open_store"]
