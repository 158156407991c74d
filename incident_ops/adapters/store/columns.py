"""The kinds of columns that our tables are made of, alike on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, Index
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DontWrapMixin


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


def text(name: str, *, nullable: bool = False, **options: Any) -> Column[str]:
    return Column(name, SafeText(), nullable=nullable, **options)


def time(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, UtcDateTime(), nullable=nullable)


def flag(name: str) -> Column[bool]:
    return Column(name, sa.Boolean(), nullable=False)


def integer(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, sa.Integer(), nullable=nullable)


def big(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, sa.BigInteger(), nullable=nullable)


def number(name: str, *, nullable: bool = False) -> Column[float]:
    """A finite number; JSON's and PostgreSQL's ideas of the others differ."""
    return Column(name, sa.Double(), nullable=nullable)


def json(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, sa.JSON(none_as_null=nullable), nullable=nullable)


def sequence() -> Column[int]:
    """A number the database counts up and never reuses."""
    return Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)


def incident(*, nullable: bool = False, **options: Any) -> Column[int]:
    """A reference to the incident, checked at commit: inside a transaction the order of writing is free."""
    reference = ForeignKey("incidents.number", deferrable=True, initially="DEFERRED")
    return Column("incident", sa.Integer(), reference, nullable=nullable, **options)


def partial_index(
    name: str, *columns: sa.ColumnElement[Any], where: sa.ColumnElement[bool], unique: bool = False
) -> Index:
    """A partial index. The planner takes it only for a query with the very same condition."""
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)
