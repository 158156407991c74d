"""What a rule says of the rows that break it: how many, a masked sample, a query that finds them, where they lie.

Which rows break a rule is each rule's own.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

import dagster as dg

from incident_ops.core.metrics import Measured
from incident_ops.core.pii import MASKED, mask
from incident_ops.detectors.attributing import attributed
from incident_ops.detectors.attribution import quoted
from incident_ops.detectors.factory import DetectorError, Finding
from incident_ops.detectors.scope import Scope

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from incident_ops.detectors.reading import Data

HANDLE_METADATA = "incident_ops/failing_rows"
VERSION = 1
FAILING_ROWS = "failing_rows"
FAILING_SHARE = "failing_share"
MARK = "incident_ops_failing"
"""The boolean column that marks the failing rows among all."""
SAMPLED = 10
MOST_SHOWN = 8
"""Columns of the sample, when nobody said which."""
LONGEST_VALUE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingRows:
    """The rows that break a rule.

    Attributes:
        rows: an expression of them, or of some where `count` says how many there are.
        what: of them, after "12 of 100 rows": "share their id with another row".
        columns: those the rule speaks of: the sample shows them first, and they explain nothing.
        bad: those whose values are wrong; empty where the rows are.
        marked: all rows with the boolean column `MARK`, where the engine can tell it for each row: then they are
            counted in one scan, and it can be asked in which slice of the table they lie.
        shown: columns that the sample may be of; None for all of `rows`.
        query: in the engine's own SQL; by default `rows`'.
        is_withheld: whether any of their values may be made of personal data: then none is shown, only the number
            of rows and the query.
    """

    rows: "ir.Table"
    what: str
    columns: Sequence[str] = ()
    bad: Sequence[str] = ()
    marked: "ir.Table | None" = None
    shown: Sequence[str] | None = None
    query: str = ""
    is_withheld: bool = False
    count: int | None = None


def finding_of(
    scope: Scope,
    data: "Data",
    failing: FailingRows,
    *,
    at_most: float,
    context_columns: Sequence[str] | None,
    dimensions: Sequence[str] | None,
) -> Finding:
    """Counts the failing rows and, where they are more than is tolerated, shows what helps to find them.

    Args:
        at_most: rows (an int) or a share of all rows (a float) that may fail.
        context_columns: columns that the sample shows beside the rule's own; None for the first few.
        dimensions: columns along which the failing rows are looked at; None for those that tell the most.

    Raises:
        DetectorError: there is no such context column.
    """
    everything, count = _counts(data, failing)
    share = count / everything if everything else 0.0
    # the share and not `at_most * everything`, which for 0.29 of 100 rows is a little below 29
    passed = count == 0 or (share if isinstance(at_most, float) else count) <= at_most
    return Finding(
        passed=passed,
        summary=_summary(count, everything, failing.what, data.note, tolerated=passed),
        metadata={
            **({} if count == 0 else _evidence(scope, data, failing, context_columns)),
            **({} if passed or count == everything else _explained(scope, data, failing, dimensions)),
        },
        metrics=[
            Measured(metric=FAILING_ROWS, value=count, score=0.0 if passed else 0.5),
            Measured(metric=FAILING_SHARE, value=share, score=0.0 if passed else 0.5),
        ],
        columns=() if passed else failing.bad,
    )


def require_columns(names: Sequence[str], columns: Collection[str], *, of: str) -> None:
    """
    Raises:
        DetectorError: a column is not there, or the names are no list.
    """
    missing = [name for name in names if name not in columns]
    if missing:
        known = ", ".join(list(columns)[:20])
        raise DetectorError(f"there is no column {', '.join(map(repr, missing))} in {of}: there are {known}")


def require_tolerance(at_most: float) -> None:
    """
    Raises:
        DetectorError: it is neither a number of rows nor a share.
    """
    if isinstance(at_most, bool) or at_most < 0 or (isinstance(at_most, float) and not at_most <= 1):
        raise DetectorError(
            f"at_most={at_most!r} is neither a number of rows (an int) nor a share (a float of 0 to 1)"
        )


def _counts(data: "Data", failing: FailingRows) -> tuple[int, int]:
    """All rows and the failing ones: in one scan where the rows are marked."""
    if failing.marked is not None:
        marks: Any = failing.marked[MARK]
        counts = data.one(failing.marked.aggregate(rows=failing.marked.count(), failing=marks.sum()))
        return counts["rows"], counts["failing"] or 0
    everything = data.one(data.table.aggregate(rows=data.table.count()))["rows"]
    if failing.count is not None:
        return everything, failing.count
    return everything, data.one(failing.rows.aggregate(rows=failing.rows.count()))["rows"]


def _summary(count: int, everything: int, what: str, note: str, *, tolerated: bool) -> str:
    if not everything and not count:
        return "no rows to look at"
    note = f", {note}" if note else ""
    if not count:
        return f"none of {everything:,} rows {what}{note}"
    if count > everything:
        return f"{count:,} rows {what}, of a table of {everything:,}{note}"
    share = count / everything
    told = f"{share:.1%}" if share >= 0.001 else "below 0.1%"
    return f"{count:,} of {everything:,} rows ({told}) {what}{note}{', as is tolerated' if tolerated else ''}"


def _evidence(
    scope: Scope, data: "Data", failing: FailingRows, context_columns: Sequence[str] | None
) -> dict[str, dg.MetadataValue]:
    hidden = {name.casefold() for name in scope.pii}
    names = _shown(failing, context_columns)
    told = [] if failing.is_withheld else [name for name in names if name.casefold() not in hidden]
    query = failing.query or str(data.backend.compile(failing.rows))
    handle = {
        "version": VERSION,
        "backend": data.backend_name,
        "asset": scope.target.name,
        "table": _table_name(data),
        "partition": scope.partition,
        # a value that stands by the name of a column of personal data does not leave, be it in a rule
        "query": query if mask(query, scope.pii) == query else None,
        "columns": list(failing.columns),
        "context_columns": names,
    }
    evidence: dict[str, dg.MetadataValue] = {HANDLE_METADATA: dg.MetadataValue.json(handle)}
    if told:
        rows = data.rows(failing.rows.select(told).limit(SAMPLED))
        records = [{name: _plain(row[name]) if name in row else MASKED for name in names} for row in rows]
        evidence["sample"] = dg.MetadataValue.table([dg.TableRecord(record) for record in records])
    return evidence


def _table_name(data: "Data") -> str | None:
    """None where the rows are not simply those of a table."""
    from ibis.expr.operations import DatabaseTable

    tables: list[Any] = data.table.op().find(DatabaseTable)
    return tables[0].name if tables else None


def _shown(failing: FailingRows, context_columns: Sequence[str] | None) -> list[str]:
    """The rule's columns, then those that are asked for, else the first of the table."""
    known = list(failing.rows.columns) if failing.shown is None else list(failing.shown)
    if context_columns is None:
        own = [name for name in failing.columns if name in known]
        return [*own, *(name for name in known if name not in own)][: max(MOST_SHOWN, len(own))]
    require_columns(context_columns, failing.rows.columns, of="the failing rows")
    own = [name for name in failing.columns if name in failing.rows.columns]
    return list(dict.fromkeys([*own, *context_columns]))


def _plain(value: Any) -> Any:
    """As a table of Dagster's takes it: text, numbers, true and false."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    text = value.isoformat() if isinstance(value, date | datetime) else str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _explained(
    scope: Scope, data: "Data", failing: FailingRows, dimensions: Sequence[str] | None
) -> Mapping[str, dg.MetadataValue]:
    if data.duckdb is None or failing.marked is None:
        return {}
    rows = str(data.backend.compile(failing.marked))
    about = [*failing.columns, MARK]
    return attributed(scope, data, rows, quoted(MARK), about=about, dimensions=dimensions)
