"""The entry point: which combination of dimensions explains the rows on which a condition holds."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from incident_ops.core import attribution
from incident_ops.core.attribution import AttributionError, localise_columns
from incident_ops.core.attribution.record import ATTRIBUTION_METADATA, document_of
from incident_ops.core.errors import IncidentOpsError
from incident_ops.detectors.attribution.dimensions import MOST_DISTINCT, checked, chosen
from incident_ops.detectors.attribution.leaves import leaves, values_of
from incident_ops.detectors.attribution.source import Source

if TYPE_CHECKING:
    import duckdb


class DuckDBMissing(IncidentOpsError, ImportError):
    """The rows are counted by DuckDB, and it is not installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation(attribution.Explanation):
    """What explains the failing rows, ready to go with a check's result."""

    def metadata(self) -> dict[str, dg.JsonMetadataValue]:
        """For `AssetCheckResult(metadata={**explanation.metadata(), …})`: the incident then says it.

        Values of dimensions are in it, so name columns of personal data in `pii` when you ask.
        """
        return {ATTRIBUTION_METADATA: dg.MetadataValue.json(document_of(self))}


def explain_failing_rows(
    connection: "duckdb.DuckDBPyConnection",
    relation: "str | duckdb.DuckDBPyRelation",
    failing: str,
    dimensions: Sequence[str] | None = None,
    *,
    pii: Collection[str] = (),
    about: Collection[str] | None = None,
) -> Explanation:
    """Which combination of dimensions explains the rows on which `failing` holds.

    Two scans of the table: failing rows by each dimension alone, which tells the values that matter, then by all
    of them at once. To choose among more than eight columns takes two more, of which samples are counted.

    Args:
        relation: a table (`orders`, `"my schema".orders`), a query (`SELECT …`), or a DuckDB relation.
        failing: a SQL condition on one row, such as `customer_id IS NULL`. It is run as it stands: never take it
            from outside. Where it is NULL the row does not fail.
        dimensions: columns to look along. By default those with 2 to about 1,000 distinct values (and two rows for
            each), but for fractions and nested values, those of `about` and those of `pii`; where they are more
            than eight, the eight of which one value has the most failing rows beyond its share of the table.
        pii: columns whose values must not be told. Naming one in `dimensions` is an error.
        about: columns that are not looked along, since they would explain the failure by itself. By default those
            that `failing` mentions, unless they are named in `dimensions`.

    Raises:
        AttributionError: no such column, one that is named twice, a PII column was asked for, or nothing to look
            along.
        DuckDBMissing: DuckDB is not installed.
        duckdb.Error: the table or the condition cannot be queried.
    """
    require_duckdb("explain_failing_rows")
    source = Source.of(connection, relation, failing)
    hidden = {name.lower() for name in pii}
    own = None if about is None else {name.lower() for name in about}
    if dimensions is None:
        choice = chosen(source, about=source.mentioned() if own is None else own, hidden=hidden)
    else:
        choice = checked(dimensions, source.types, about=own or (), hidden=hidden)
    values = values_of(source, choice.dimensions) if choice.dimensions else {}
    told = {name: each.told for name, each in values.items() if dimensions is not None or each.count > 1}
    if not told:
        raise AttributionError(
            f"no column has 2 to {MOST_DISTINCT:,} distinct values: name the dimensions to look at"
        )
    columns, (bad, total) = leaves(source, told)
    failing_rows, rows = sum(bad), sum(total)
    slices = localise_columns(columns, {"bad": bad, "total": total}, measure="rate") if failing_rows else []
    return Explanation(
        slices=tuple(slices), dimensions=tuple(told), failing=failing_rows, rows=rows, left_out=choice.left_out
    )


def require_duckdb(who: str) -> None:
    """
    Raises:
        DuckDBMissing: it is not installed, and `who` needs it.
    """
    try:
        import duckdb  # noqa: F401
    except ImportError as error:
        raise DuckDBMissing(f"{who} needs DuckDB: pip install 'incident-ops[detectors]'") from error
