"""What all tables are part of, and how their constraints are named."""

from sqlalchemy import MetaData

VERSION_TABLE = "incident_ops_version"
"""Where Alembic keeps the revision; not `alembic_version`, which Dagster's tables in the same database use."""

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=_NAMES)
