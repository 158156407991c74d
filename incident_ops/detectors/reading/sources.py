"""From what a user gives as `source` to an engine, and to a table where the source is one already."""

import inspect
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import dagster as dg
import duckdb
import ibis
import ibis.expr.types as ir
from ibis.backends import BaseBackend

from incident_ops.detectors.reading.options import ReadError, ReadOptions
from incident_ops.detectors.reading.urls import connected
from incident_ops.detectors.scope import Scope

REMEDY = "give source=… (a URL, an Ibis backend, a DataFrame, or a callable that returns one)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the data is.

    Attributes:
        table: where the source is a table by itself; None where one is to be found by its name.
        of_partition: whether the source gave only the partition's rows.
        is_pandas: whether the table is a frame of pandas.
    """

    backend: BaseBackend
    table: ir.Table | None = None
    of_partition: bool = False
    is_pandas: bool = False


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
    with _given(_called(source, scope)) as place:
        yield place


def _loaded(scope: Scope) -> Any:
    context = scope.context.op_execution_context
    try:
        return context.load_asset_value(scope.target.key, partition_key=scope.partition)
    except (FileNotFoundError, dg.DagsterInvariantViolationError):
        # without the cause: who looks at the innermost error should find the remedy, not a path of a pickle
        raise ReadError(
            f"the IO manager has no value of {scope.target.name}: where the asset writes its table by itself, "
            f"or belongs to another code location, {REMEDY}"
        ) from None


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
def _given(source: Any) -> Iterator[Place]:
    """What a user said: beside tables and engines a URL, or a context manager. What an IO manager loads is data,
    and never taken for one of these."""
    if isinstance(source, str):
        backend = connected(source, remedy=REMEDY)
        try:
            yield Place(backend=backend)
        finally:
            backend.disconnect()
    elif isinstance(source, AbstractContextManager) and _kind(source) is None:
        with cast("AbstractContextManager[Any]", source) as inner, _given(inner) as place:
            yield place
    else:
        with _place(source) as place:
            yield place


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
        table = backend.table("incident_ops_value")
        yield Place(backend=backend, table=table, is_pandas=_kind(value) == "pandas")
    finally:
        backend.disconnect()


def _arrow(value: Any) -> Any:
    """As something that can be scanned more than once."""
    match type(value).__name__, _kind(value):
        case "LazyFrame", _:
            return value.collect().to_arrow()
        case "DataFrame", "polars":
            return value.to_arrow()
        case "DataFrame", _:
            return _with_index(value)
        case "RecordBatchReader", _:
            return value.read_all()
        case "DuckDBPyRelation", _:
            return value.to_arrow_table()
        case _:
            return value


def _with_index(frame: Any) -> Any:
    """Pandas keeps columns in the index too, and DuckDB does not look there: those that have a name, and several
    always. An index of row numbers is none; one that is a column as well, under its name, is that one."""
    names = list(frame.index.names)
    levels = [
        level
        for level, name in enumerate(names)
        if (name is not None or len(names) > 1) and name not in frame.columns
    ]
    return frame.reset_index(level=levels) if levels else frame
