"""Attribution that goes with a check's result: which slice the failing rows, or a change of the rows, come from,
or why that is not known.

The finding stands in either case. How the slice is found is `attribution`'s; which rows fail is each detector's.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

import dagster as dg

from incident_ops.core.attribution import AttributionError, Unattributed
from incident_ops.core.attribution.record import ATTRIBUTION_METADATA, Attribution, document_of
from incident_ops.core.error_text import redact
from incident_ops.detectors.attribution import Explanation, explain_change, explain_failing_rows
from incident_ops.detectors.partitions import keys_near, window_of
from incident_ops.detectors.reading.options import ReadError, ReadOptions, ReadTimeout
from incident_ops.detectors.scope import Scope

if TYPE_CHECKING:
    from incident_ops.detectors.reading import Data

NOT_ATTRIBUTED = "not_attributed"
"""What went wrong, in the engine's own words; it stays in Dagster."""


class AttributionOptions(TypedDict, total=False):
    """Options of the detectors whose failing rows are attributed, on DuckDB.

    Attributes:
        dimensions: the columns along which failing rows are looked at, such as `["channel", "app_version"]`. By
            default those of few values that tell the most (`explain_failing_rows` says which).
    """

    dimensions: Sequence[str]


def attributed(
    scope: Scope,
    data: "Data",
    rows: str,
    failing: str,
    *,
    about: Collection[str],
    dimensions: Sequence[str] | None,
) -> dict[str, dg.MetadataValue]:
    """For the metadata of a check's result; nothing where the engine is another than DuckDB.

    Args:
        rows: a query of all rows.
        failing: a SQL condition on one of them.
        about: the columns that the condition is about, which would explain it by itself.
    """
    connection = data.duckdb
    if connection is None:
        return {}

    def explain() -> Explanation:
        with data.limit():
            return explain_failing_rows(connection, rows, failing, dimensions, pii=scope.pii, about=about)

    return _told(scope, explain)


def attributed_change(
    scope: Scope,
    read: ReadOptions,
    *,
    dimensions: Sequence[str] | None,
    wrong: Collection[datetime],
    mean_of: str | None = None,
) -> dict[str, dg.MetadataValue]:
    """Where rows are missing or too many, or (with `mean_of`, a column) what its mean comes from, for the metadata
    of a check's result: by comparison with an earlier partition, see `_earlier`.

    Nothing is said where rows of the past are not at hand: of an asset without partitions of time, where the
    source (an IO manager, or one of `partition_column=None`) gives the rows of one partition only, and on another
    engine than DuckDB.

    Args:
        wrong: the times of partitions that were out of the ordinary themselves.
    """
    earlier = _earlier(scope, wrong)
    if earlier is None or read.get("source") is None or read.get("partition_column", "") is None:
        return {}
    from incident_ops.detectors.reading import opened
    from incident_ops.detectors.reading.data import sql_of
    from incident_ops.detectors.reading.restriction import restricted
    from incident_ops.detectors.reading.sources import Place

    whole: ReadOptions = {**read, "partition_column": None}
    whole.pop("sample", None)
    by_partition: ReadOptions = {}
    if "partition_column" in read:
        by_partition["partition_column"] = read["partition_column"]

    def explain() -> Explanation | None:
        with opened(scope, whole) as data:
            connection = data.duckdb
            if connection is None:
                return None
            place = Place(backend=data.backend, table=data.table)
            rows, before = (
                sql_of(data.backend, restricted(place, each, by_partition)) for each in (scope, earlier)
            )
            with data.limit():
                if not connection.execute(f"SELECT 1 FROM ({before}) LIMIT 1").fetchall():
                    return None  # a source of one's own that gives only what is looked at
                return explain_change(
                    connection, rows, before, mean_of=mean_of, dimensions=dimensions, pii=scope.pii
                )

    return _told(scope, explain)


def _earlier(scope: Scope, wrong: Collection[datetime]) -> Scope | None:
    """The partition to compare with: that of a week before, else the newest of up to seven before; one that was
    built and was not wrong itself."""
    definition, key = scope.target.partitions_def, scope.partition
    if scope.window is None or key is None:
        return None
    built = scope.instance.get_materialized_partitions(scope.target.key)
    near = keys_near(definition, key, before=7, after=0) or []
    windows = {each: window_of(definition, each) for each in near if each in built and each != key}
    usual = {
        each: window
        for each, window in windows.items()
        if window is not None and window[0] < scope.window[0] and window[0].astimezone(UTC) not in wrong
    }
    week_before = scope.window[0] - timedelta(days=7)
    found = max(usual, key=lambda each: (usual[each][0] == week_before, usual[each][0]), default=None)
    return None if found is None else replace(scope, partition=found, window=usual[found])


def _told(scope: Scope, explain: Callable[[], Explanation | None]) -> dict[str, dg.MetadataValue]:
    import duckdb

    try:
        found = explain()
        return {**found.metadata()} if found else {}
    except ReadTimeout as error:
        return _failed(Unattributed.TIMEOUT, str(error))
    except ReadError as error:
        return _failed(Unattributed.ENGINE, str(error))
    except AttributionError as error:
        return _failed(Unattributed.NO_DIMENSION, str(error))
    except duckdb.Error as error:  # it may quote a value that it could not compare
        return _failed(Unattributed.ENGINE, "" if scope.pii else str(error))


def _failed(reason: Unattributed, words: str) -> dict[str, dg.MetadataValue]:
    told = {NOT_ATTRIBUTED: dg.MetadataValue.text(redact(words))} if words else {}
    return {ATTRIBUTION_METADATA: dg.MetadataValue.json(document_of(Attribution(failed=reason))), **told}
