"""Alembic's entry: runs the revisions on the connection, and in the transaction, that `migrate` hands over."""

from alembic import context

from incident_ops.adapters.store.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
