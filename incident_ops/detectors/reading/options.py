"""What a user may say of where the data is, and what can go wrong there. Needs no Ibis."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib.util import find_spec
from typing import Any, TypedDict

from incident_ops.core.errors import IncidentOpsError
from incident_ops.detectors.factory import DetectorError
from incident_ops.detectors.targets import Target


class ReadError(DetectorError):
    """The data cannot be found or read as asked; the message names the remedy.

    ReadError           no such table, no partition column, a value that is no table
    ├── ReadTimeout     the engine did not answer in time
    └── TableChanged    a column went away while the table was read
    """


class ReadTimeout(ReadError):
    """The engine was stopped, because it did not answer within `timeout`."""


class TableChanged(ReadError):
    """A column that was there when the table was opened is not there any more; the message is the engine's."""


class IbisMissing(IncidentOpsError, ImportError):
    """Data is read through Ibis, and it is not installed."""


class ReadOptions(TypedDict, total=False):
    """Options of the detectors that read data.

    Attributes:
        source: where the asset's table is. None, the default: the asset's value, loaded by its own IO manager.
            Else a URL as `ibis.connect` takes it (`duckdb:///data/shop.duckdb`, `postgres://…`) or a `dg.EnvVar`
            that holds one, opened read-only where the engine can and closed afterwards; an Ibis backend, an Ibis
            table, a pandas, Polars or PyArrow table, a DuckDB connection or relation (which is read into memory),
            all left open (what pandas has in an index with a name, or with several levels, are columns); or a
            callable that returns any of these or a context manager of one, called for each
            evaluation without an argument or with the `Scope`.
        table: its name in the source (`orders`, `shop.orders`, `"my shop".orders`), or a callable from the
            `Target` to one. By default the metadata `dagster/table_name`; without it the last two parts of the
            asset's key as `schema.table`, or the last alone.
        partition_column: the column of the partition: a name, or for several dimensions a mapping from dimension
            to name; by default the metadata `partition_expr`. Both may be SQL expressions. A partitioned asset
            is read through its partition only: half-open windows of time (of times without a zone: as clocks
            show them in the zone of the partitions), equal to the key elsewhere (whole numbers: to its digits,
            20260105). None says that the source gives the partition's rows by itself, as IO managers do.
        where: rows to look at: a SQL condition, run as it stands (never take it from outside), or a callable from
            the Ibis table to a condition.
        sample: most rows to look at, drawn at random where there are more; by default all.
        timeout: for each query (a timedelta, or `30s`): on DuckDB and PostgreSQL. By default none.
    """

    source: Any
    table: str | Callable[[Target], str]
    partition_column: str | Mapping[str, str] | None
    where: str | Callable[[Any], Any]
    sample: int
    timeout: timedelta | str


def require_ibis() -> None:
    """
    Raises:
        IbisMissing: it is not installed.
    """
    if find_spec("ibis") is None:
        raise IbisMissing("to read data Ibis is needed: pip install 'incident-ops[detectors]'")
