"""Data that can be asked: a restricted Ibis table and the engine it lives in."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from incident_ops.detectors.reading.options import ReadError, TableChanged

if TYPE_CHECKING:
    import duckdb
    import ibis.expr.types as ir
    from ibis.backends import BaseBackend


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """
    Attributes:
        table: the rows to look at; expressions made from it run where the data is.
        backend: Ibis's.
        limit: what a query runs in, so that it ends in time.
        sample: how many rows were drawn from more, None where all are looked at.
        is_pandas: whether it is a frame of pandas, whose types are not all declared.
    """

    table: "ir.Table"
    backend: "BaseBackend"
    limit: Callable[[], AbstractContextManager[None]]
    sample: int | None = None
    is_pandas: bool = False

    @property
    def backend_name(self) -> str:
        """Such as `duckdb`, `postgres`, `snowflake`."""
        return self.backend.name

    @property
    def note(self) -> str:
        """What a result must say of how it was read; empty where all rows were."""
        return "" if self.sample is None else f"in a random sample of {self.sample:,} rows"

    @property
    def sql(self) -> str:
        """The query that gives the rows, in the engine's own SQL."""
        return sql_of(self.backend, self.table)

    @property
    def duckdb(self) -> "duckdb.DuckDBPyConnection | None":
        """The connection, where the engine is DuckDB."""
        return getattr(self.backend, "con", None) if self.backend_name == "duckdb" else None

    def rows(self, expression: "ir.Table") -> list[dict[str, Any]]:
        """The rows of an expression made from `table`.

        Raises:
            ReadTimeout: the engine did not answer in time.
            TableChanged: a column went away meanwhile (told on DuckDB and PostgreSQL).
        """
        with self.limit(), _changes_told(self.backend_name):
            return self.backend.to_pyarrow(_fetchable(expression)).to_pylist()

    def one(self, expression: "ir.Table") -> dict[str, Any]:
        """The only row of an expression, such as one of aggregates.

        Raises:
            ReadTimeout: the engine did not answer in time.
            ReadError: there are none, or several.
        """
        rows = self.rows(expression)
        if len(rows) != 1:
            raise ReadError(f"one row was to be read, and there are {len(rows)}")
        return rows[0]


def sql_of(backend: Any, table: "ir.Table") -> str:
    """The query that gives the rows, with their columns as they are: Ibis's own makes texts of PostgreSQL's JSON,
    of which a rule could ask no part."""
    return str(backend.compiler.translate(table.op(), params={}).sql(backend.dialect))


def _fetchable(expression: "ir.Table") -> "ir.Table":
    """UUIDs as text: Ibis cannot fetch those of PostgreSQL."""
    texts = {name: expression[name].cast("string") for name, kind in expression.schema().items() if kind.is_uuid()}
    return expression.mutate(**texts) if texts else expression


@contextmanager
def _changes_told(engine: str) -> Iterator[None]:
    if engine == "duckdb":
        import duckdb

        gone = duckdb.BinderException
    elif engine == "postgres":
        import psycopg

        gone = psycopg.errors.UndefinedColumn
    else:
        yield
        return
    try:
        yield
    except gone as error:
        raise TableChanged(f"the table changed while it was read: {str(error).splitlines()[0]}") from error
