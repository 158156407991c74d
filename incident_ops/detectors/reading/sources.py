"""From what a user gives as `source` to an engine, and to a table where the source is one already."""

import inspect
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import dagster as dg
import duckdb
import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from incident_ops.detectors.reading.options import ReadError, ReadOptions
from incident_ops.detectors.scope import Scope

REMEDY = "give source=… (a URL, an Ibis backend, a DataFrame, or a callable that returns one)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the data is.

    Attributes:
        table: where the source is a table by itself; None where one is to be found by its name.
        of_partition: whether the source gave only the partition's rows.
    """

    backend: BaseBackend
    table: ir.Table | None = None
    of_partition: bool = False


@contextmanager
def reached(scope: Scope, options: ReadOptions) -> Iterator[Place]:
    """The place of the asset's data, as long as the context lasts.

    Raises:
        ReadError: the source is nothing that can be read.
    """
    source = options.get("source")
    if scope.target.partitions_def is not None and scope.partition is None:
        raise ReadError(f"no partition of {scope.target.name} was built yet: build one first")
    if source is None:
        with _place(_loaded(scope)) as place:
            yield replace(place, of_partition=place.table is not None)
        return
    with _place(_called(source, scope)) as place:
        yield place


def _loaded(scope: Scope) -> Any:
    context = scope.context.op_execution_context
    try:
        return context.load_asset_value(scope.target.key, partition_key=scope.partition)
    except FileNotFoundError as error:
        raise ReadError(
            f"the IO manager has no value of {scope.target.name}: where the asset writes its table by itself, "
            f"or belongs to another code location, {REMEDY}"
        ) from error


def _called(source: Any, scope: Scope) -> Any:
    if not callable(source) or _kind(source) is not None:
        return source
    needed = [
        parameter
        for parameter in inspect.signature(source).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    return source(scope) if needed else source()


def _kind(value: Any) -> str | None:
    """The library that the value is a table or an engine of. By name, since none of them need be installed."""
    if isinstance(value, ir.Table | BaseBackend):
        return "ibis"
    library = type(value).__module__.partition(".")[0].removeprefix("_")
    known = {
        "pandas": ("DataFrame",),
        "polars": ("DataFrame", "LazyFrame"),
        "pyarrow": ("Table", "RecordBatchReader"),
        "duckdb": ("DuckDBPyConnection", "DuckDBPyRelation"),
    }
    return library if type(value).__name__ in known.get(library, ()) else None


@contextmanager
def _place(value: Any) -> Iterator[Place]:
    match _kind(value):
        case "ibis" if isinstance(value, BaseBackend):
            yield Place(backend=value)
        case "ibis":
            yield Place(backend=_backend_of(value), table=value)
        case "duckdb" if isinstance(value, duckdb.DuckDBPyConnection):
            with _borrowed(value) as backend:
                yield Place(backend=backend)
        case "pandas" | "polars" | "pyarrow" | "duckdb":
            with _in_memory(value) as place:
                yield place
        case _ if isinstance(value, str):
            backend = _connected(_url(value))
            try:
                yield Place(backend=backend)
            finally:
                backend.disconnect()
        case _ if isinstance(value, AbstractContextManager):
            with cast("AbstractContextManager[Any]", value) as inner, _place(inner) as place:
                yield place
        case _:
            raise ReadError(f"a {type(value).__name__} is no table and no place of tables: {REMEDY}")


def _backend_of(table: ir.Table) -> BaseBackend:
    found = table._find_backends()[0]  # `get_backend` would connect to a default one
    return found[0] if found else ibis.get_backend(table)


@contextmanager
def _borrowed(connection: duckdb.DuckDBPyConnection) -> Iterator[BaseBackend]:
    """Ibis sets the session to UTC and turns variables as tables off: the owner finds them as they were."""
    names = ("TimeZone", "python_enable_replacements")
    before = [connection.execute(f"SELECT current_setting('{name}')").fetchall()[0][0] for name in names]
    try:
        yield ibis.duckdb.from_connection(connection)
    finally:
        for name, value in zip(names, before, strict=True):
            connection.execute(f"SET {name} = '{value}'")


@contextmanager
def _in_memory(value: Any) -> Iterator[Place]:
    """A table in this process, which DuckDB scans where it lies."""
    backend = ibis.duckdb.connect()
    try:
        backend.con.register("incident_ops_value", _arrow(value))
        yield Place(backend=backend, table=backend.table("incident_ops_value"))
    finally:
        backend.disconnect()


def _arrow(value: Any) -> Any:
    """As something that can be scanned more than once."""
    match type(value).__name__, _kind(value):
        case "LazyFrame", _:
            return value.collect().to_arrow()
        case "DataFrame", "polars":
            return value.to_arrow()
        case "RecordBatchReader", _:
            return value.read_all()
        case "DuckDBPyRelation", _:
            return value.to_arrow_table()
        case _:
            return value


def _url(value: str) -> str:
    if not isinstance(value, dg.EnvVar):
        return value
    found = os.environ.get(value.env_var_name)
    if not found:
        raise ReadError(
            f"the environment variable {value.env_var_name} is not set, and holds the URL of the source"
        )
    return found


def _connected(url: str) -> BaseBackend:
    """Read-only where the engine can. The driver that a URL of SQLAlchemy names is Ibis's to choose."""
    url = re.sub(r"^(\w+)\+\w+://", r"\1://", url)
    if re.match(r"duckdb://|[^:]*\.duckdb$", url):
        return _duckdb(url)
    try:
        backend = ibis.connect(url)
    except ValueError as error:
        if "know how to connect" not in str(error):
            raise
        scheme = url.partition(":")[0]  # the rest may hold a password
        raise ReadError(f"no engine is known for a source {scheme}:…: {REMEDY}") from None
    if backend.name == "postgres":
        getattr(backend, "con").execute("SET default_transaction_read_only = on")  # noqa: B009
    return backend


def _duckdb(url: str) -> BaseBackend:
    path = re.sub(r"^duckdb://", "", url).partition("?")[0]
    if path in ("", ":memory:") or path.startswith(("md:", "motherduck:")):
        return ibis.connect(url)
    if not Path(path).exists():
        raise ReadError(f"there is no DuckDB file {path}: name it in source=…")
    try:
        return ibis.connect(url, read_only=True)
    except duckdb.ConnectionException:
        return ibis.connect(url)  # this very process has it open for writing, and may have only one configuration
