"""Which table of the source is the asset's."""

import re
from collections.abc import Sequence
from typing import Any

import dagster as dg
import ibis.expr.types as ir
from ibis.backends import BaseBackend
from ibis.common.exceptions import TableNotFound

from incident_ops.detectors.reading.options import ReadError, ReadOptions
from incident_ops.detectors.scope import Scope

TABLE_METADATA = ("dagster/table_name", "dagster/relation_identifier")
Name = tuple[str, ...]


def named_table(backend: BaseBackend, scope: Scope, options: ReadOptions) -> ir.Table:
    """The asset's table in the source.

    Raises:
        ReadError: it is not there; the message says under which names it was looked for.
    """
    names = _names(scope, options)
    for name in names:
        table = _found(backend, name)
        if table is not None:
            return table
    tried = " or ".join(".".join(name) for name in names)
    raise ReadError(f"there is no table {tried} for {scope.target.name}: name it with table=…")


def parts_of(name: str) -> Name:
    """`shop.orders`, `"my shop"."orders.v2"` as their parts.

    Raises:
        ReadError: it is no name of one to three parts.
    """
    found = re.findall(r'(?:^|\.)(?:"((?:[^"]|"")+)"|([^".]+))(?=\.|$)', name.strip())
    parts = tuple(quoted.replace('""', '"') or plain for quoted, plain in found)
    written = ".".join('"' + q + '"' if q else p for q, p in found)
    if not 1 <= len(parts) <= 3 or written != name.strip():
        raise ReadError(
            f'{name!r} is no name of a table: write `table`, `schema.table` or `"my schema"."my.table"`'
        )
    return parts


def _names(scope: Scope, options: ReadOptions) -> Sequence[Name]:
    given: Any = options.get("table")
    if callable(given):
        given = given(scope.target)
    if given is None:
        given = next((scope.metadata[name] for name in TABLE_METADATA if name in scope.metadata), None)
    if isinstance(given, dg.MetadataValue):
        given = given.value
    if given is not None:
        return [parts_of(str(given))]
    path = scope.target.key.path
    return [tuple(path[-length:]) for length in (2, 1) if len(path) >= length]


def _found(backend: BaseBackend, name: Name) -> ir.Table | None:
    *place, table = name
    database: Any = tuple(place) if len(place) > 1 else place[0] if place else None
    try:
        return backend.table(table, database=database)
    except TableNotFound:
        return None
