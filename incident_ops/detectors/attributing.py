"""Attribution that goes with a check's result: which slice the failing rows come from, or why that is not known.

The finding stands in either case. How the slice is found is `attribution`'s; which rows fail is each detector's.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, TypedDict

import dagster as dg

from incident_ops.core.attribution import AttributionError, Unattributed
from incident_ops.core.attribution.record import ATTRIBUTION_METADATA, Attribution, document_of
from incident_ops.core.error_text import redact
from incident_ops.detectors.attribution import explain_failing_rows
from incident_ops.detectors.reading.options import ReadTimeout
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
    import duckdb

    try:
        with data.limit():
            found = explain_failing_rows(connection, rows, failing, dimensions, pii=scope.pii, about=about)
            return {**found.metadata()}
    except ReadTimeout as error:
        return _failed(Unattributed.TIMEOUT, str(error))
    except AttributionError as error:
        return _failed(Unattributed.NO_DIMENSION, str(error))
    except duckdb.Error as error:  # it may quote a value that it could not compare
        return _failed(Unattributed.ENGINE, "" if scope.pii else str(error))


def _failed(reason: Unattributed, words: str) -> dict[str, dg.MetadataValue]:
    told = {NOT_ATTRIBUTED: dg.MetadataValue.text(redact(words))} if words else {}
    return {ATTRIBUTION_METADATA: dg.MetadataValue.json(document_of(Attribution(failed=reason))), **told}
