"""Columns held against their accepted values: which are declared, and which rows have others.

The factory is `rules`'; values that nobody declared are `learnt_values`'.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import dagster as dg

from incident_ops.detectors.factory import DetectorError, Finding
from incident_ops.detectors.failing_rows import MARK, FailingRows, require_columns
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.together import listed, together

if TYPE_CHECKING:
    from incident_ops.detectors.reading import Data

VALUES_METADATA = "incident_ops/accepted_values"
"""Of a definition: a mapping from column to the list of its values."""
MOST_NEW = 50
"""Values of a column that are not accepted and are looked at, the most frequent first."""
MOST_TOLD = 5
"""Values that are named in a sentence."""

Found: TypeAlias = Callable[[FailingRows], Finding]
"""What is to be said of the failing rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """The rows of one column that have none of the accepted values, and these values, the most frequent first: at
    most `MOST_NEW`, none of a column of personal data."""

    failing: FailingRows
    values: Sequence[Any]


def declared_values(metadata: Mapping[str, Any]) -> dict[str, list[Any]]:
    """
    Raises:
        DetectorError: what is declared is no mapping from columns to lists.
    """
    declared = metadata.get(VALUES_METADATA)
    declared = declared.value if isinstance(declared, dg.MetadataValue) else declared
    if declared is None:
        return {}
    lists = declared.values() if isinstance(declared, Mapping) else [None]
    if not all(
        isinstance(values, Sequence) and not isinstance(values, str) and without_null(values) for values in lists
    ):
        raise DetectorError(
            f"the metadata {VALUES_METADATA} is a mapping from columns to lists of their values, such as "
            '{"status": ["paid", "open"]}, not ' + repr(declared)
        )
    columns = cast("Mapping[str, Sequence[Any]]", declared)
    return {name: without_null(values) for name, values in columns.items()}


def without_null(values: Sequence[Any]) -> list[Any]:
    """Each once, and without NULL, which passes by itself: SQL's NOT IN is true of nothing where a NULL is among
    the values, so that no row would ever fail."""
    return [value for value in dict.fromkeys(values) if value is not None]


def held_against(scope: Scope, data: "Data", accepted: Mapping[str, Sequence[Any]], found: Found) -> Finding:
    """The columns, and the values that each may have.

    Raises:
        DetectorError: a column is not there.
    """
    require_columns(list(accepted), data.table.columns, of=scope.target.name)
    if len(accepted) > 1:
        return judged(scope, data, accepted, found)[0]
    hidden = {name.casefold() for name in scope.pii}
    ((column, values),) = accepted.items()
    return found(against(data, column, values, is_told=column.casefold() not in hidden).failing)


def against(data: "Data", column: str, accepted: Sequence[Any], *, is_told: bool) -> Against:
    """
    Args:
        accepted: of the column's type.
        is_told: whether values of the column may leave.
    """
    table = data.table
    fails = _fails(data, column, accepted)
    rows = table.filter(fails)
    what = f"have a {column} that is none of the {len(accepted)} accepted values"
    counted = rows.group_by(column).aggregate(rows=rows.count())
    counted = counted.order_by(counted["rows"].desc(), counted[column]).limit(MOST_NEW)
    new = data.rows(counted) if is_told else []
    if new:
        what += ", such as " + ", ".join(f"{_short(row[column])} ({row['rows']:,})" for row in new[:MOST_TOLD])
    marked = table.mutate(**{MARK: fails})
    failing = FailingRows(rows=rows, what=what, columns=[column], bad=[column], marked=marked)
    return Against(failing=failing, values=[row[column] for row in new])


def judged(
    scope: Scope, data: "Data", accepted: Mapping[str, Sequence[Any]], found: Found
) -> tuple[Finding, dict[str, list[str]]]:
    """The finding, and by column the values that are not accepted, as text. One scan, and more for those that
    fail."""
    fails = {f"failing_{place}": _fails(data, *each).sum() for place, each in enumerate(accepted.items())}
    counts = data.one(data.table.aggregate(rows=data.table.count(), **fails))
    hidden = {name.casefold() for name in scope.pii}
    findings: dict[str, Finding] = {}
    new: dict[str, list[str]] = {}
    for place, (name, values) in enumerate(accepted.items()):
        if counts[f"failing_{place}"]:
            seen = against(data, name, values, is_told=name.casefold() not in hidden)
            findings[name] = found(seen.failing)
            new[name] = [str(value) for value in seen.values]
    rows = f"{counts['rows']:,} rows{', ' + data.note if data.note else ''}"
    holds = (
        "no rows to look at"
        if not counts["rows"]
        else f"all of {rows} have accepted values in {listed(list(accepted))}"
        if not findings
        else f"all but a few of {rows} have accepted values in {listed(list(accepted))}, as is tolerated"
    )
    return together(findings, kind="columns", of=len(accepted), holds=holds), new


def _fails(data: "Data", column: str, accepted: Sequence[Any]) -> Any:
    value: Any = data.table[column]
    return value.notnull() & value.notin(accepted)


def _short(value: Any) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else f"{text[:39]}…") if isinstance(value, str) else text
