"""Reconciliation: whether two assets agree, by counts and sums, overall or by windows of a key."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Unpack

import dagster as dg

from incident_ops.core.alert import Nature
from incident_ops.core.metrics import Measured
from incident_ops.core.pii import MASKED
from incident_ops.core.reconciliation import ROWS, Difference, Sums, differences
from incident_ops.detectors.beside import one_asset, opened_beside, usable_read
from incident_ops.detectors.factory import CheckOptions, DetectorError, Finding, build_checks
from incident_ops.detectors.failing_rows import require_columns
from incident_ops.detectors.options import besides, only, with_usable_options
from incident_ops.detectors.reading import ReadOptions, opened
from incident_ops.detectors.row_counts import reported_rows
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Asset, Assets, Target, targets_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

Window: TypeAlias = Literal["hour", "day", "week", "month", "quarter", "year"]
DIFFERING_WINDOWS = "differing_windows"
_UNITS: Mapping[str, str] = {"hour": "h", "day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}
MOST_TOLD, MOST_SHOWN = 4, 20
"""Differences that the sentence names, and that the table shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    other: Target
    sums: Mapping[str, str]
    by: tuple[str, str] | None
    window: Window | None
    tolerance: float
    read: ReadOptions
    other_read: ReadOptions


class ReconciliationOptions(CheckOptions, ReadOptions, total=False):
    """Options of checks and of reading."""


@with_usable_options
def build_reconciliation_checks(
    assets: Assets,
    *,
    with_: Asset | None = None,
    with_read: ReadOptions | None = None,
    sums: Sequence[str] | Mapping[str, str] = (),
    by: str | tuple[str, str] | None = None,
    window: Window | None = None,
    tolerance: float = 0.0,
    **options: Unpack[ReconciliationOptions],
) -> list[dg.AssetChecksDefinition]:
    """One check `reconciliation` for each asset: that it agrees with another one in its row count and in sums of
    columns, overall or in each window of a key. It runs after both are built.

    With two assets and no `with_` the first is reconciled with the second. Of a partitioned asset the partition is
    compared with the same partition of the other.

    Each side is aggregated where its data is, so the two may be in different engines; where only counts are asked
    for, and both builds reported theirs, nothing is read. A window that one side has not counts as 0 there.

    Args:
        with_: the other asset.
        with_read: where the other asset's data is; by default where this one's is, under its own name. With
            `partition_column` an asset without partitions is read through this one's.
        sums: numeric columns to be summed, by the names that both sides have, or from this side's to the other's.
            NULL counts as 0. Of a column tagged `pii` it is told that sums differ, not what they are.
        by: the column whose values, or windows of time, are compared one by one; as a pair where the other side
            names it otherwise. Without it all rows are one window.
        window: the length of the windows of `by`, where that is a time or a date (or a text that reads as one).
        tolerance: the relative difference, to the greater of the two, that is none. Default 0, with 1e-9 for the
            rounding of sums.
        options: where the data is (`ReadOptions`, but `sample`) and those of every check (`CheckOptions`).

    Raises:
        DetectorError: nothing to reconcile with, a window without a key, one partition against a whole table, an
            option that cannot be used, or no assets. In the check: there is no such column, or `by` is no time.
    """
    if "sample" in options:
        raise DetectorError("samples of two tables do not tell whether these agree: leave sample=… out")
    targets, other = _sides(targets_of(assets, among=options.get("among", ())), with_)
    plan = _Plan(
        other=other,
        sums=dict(sums) if isinstance(sums, Mapping) else {name: name for name in sums},
        by=(by, by) if isinstance(by, str) else by,
        window=window,
        tolerance=tolerance,
        read=only(options, ReadOptions),
        other_read=usable_read(with_read),
    )
    _require_usable(plan, sums, targets)
    return build_checks(
        targets,
        lambda scope: _look(scope, plan),
        nature=Nature.RULE,
        name="reconciliation",
        description=f"Agrees with {other.name}" + (f" by {plan.by[0]}" if plan.by else ""),
        options=besides(options, ReadOptions),
        additional_deps=[other.key],
    )


def _sides(targets: Sequence[Target], with_: Asset | None) -> tuple[list[Target], Target]:
    if with_ is not None:
        other = one_asset("with_", with_)
        firsts = [target for target in targets if target.key != other.key]
    elif len(targets) == 2:
        firsts, other = [targets[0]], targets[1]
    else:
        raise DetectorError(
            f"there is nothing to reconcile {targets[0].name} with: name the other asset in with_=…, or give two"
        )
    if not firsts:
        raise DetectorError(f"{other.name} would be reconciled with itself: name another asset in with_=…")
    return firsts, other


def _require_usable(plan: _Plan, sums: object, targets: Sequence[Target]) -> None:
    if isinstance(sums, str):
        raise DetectorError(f"sums are a list of columns, such as [{sums!r}]")
    if not 0 <= plan.tolerance < 1:
        raise DetectorError(
            f"tolerance={plan.tolerance} is no relative difference: give a number from 0 to below 1"
        )
    if plan.window is not None and (plan.by is None or plan.window not in _UNITS):
        known = ", ".join(_UNITS)
        raise DetectorError(f"window={plan.window!r} needs the column of a time in by=…, and is one of {known}")
    for target in targets:
        if target.partitions_def is not None and _other_side(plan, target).partitions_def != target.partitions_def:
            raise DetectorError(
                f"a partition of {target.name} would be compared with all of {plan.other.name}: name the other's "
                'column of it, as with_read={"partition_column": …}'
            )


def _other_side(plan: _Plan, target: Target) -> Target:
    """Without partitions of its own, the other asset has those of the first when its column for them is named."""
    if plan.other.partitions_def is None and plan.other_read.get("partition_column"):
        return replace(plan.other, partitions_def=target.partitions_def)
    return plan.other


def _look(scope: Scope, plan: _Plan) -> Finding:
    there = scope.beside(_other_side(plan, scope.target))
    counts = _reported(scope, there, plan)
    if counts is not None:
        return _finding(scope, there, plan, *counts)
    whole: ReadOptions = {} if there.partition is not None else {"partition_column": None}
    with (
        opened(scope, plan.read) as data,
        opened_beside(data, there, plan.read, {**whole, **plan.other_read}) as other,
    ):
        require_columns(_columns(plan, 0), data.table.columns, of=scope.target.name)
        require_columns(_columns(plan, 1), other.table.columns, of=there.target.name)
        sides = data.rows(_aggregated(data.table, plan, 0)), other.rows(_aggregated(other.table, plan, 1))
    here, beside = (_sums(rows, plan) for rows in sides)
    return _finding(scope, there, plan, here, beside, magnitudes=[_magnitudes(rows, plan) for rows in sides])


def _reported(scope: Scope, there: Scope, plan: _Plan) -> tuple[Sums, Sums] | None:
    """The counts that both builds reported, where nothing else is asked for."""
    if plan.by is not None or plan.sums or (there.partition is None) != (scope.partition is None):
        return None
    here, other = reported_rows(scope, plan.read), reported_rows(there, plan.other_read)
    if here is None or other is None:
        return None
    return {None: {ROWS: here}}, {None: {ROWS: other}}


def _columns(plan: _Plan, side: int) -> list[str]:
    summed = plan.sums.values() if side else plan.sums
    return [*([plan.by[side]] if plan.by else []), *summed]


def _aggregated(table: "ir.Table", plan: _Plan, side: int) -> "ir.Table":
    measures: dict[str, Any] = {}
    for place, name in enumerate(plan.sums.values() if side else plan.sums):
        column: Any = table[name]
        if column.type().is_floating():
            column = column.cast("float64")  # PostgreSQL sums up a REAL as one, to seven digits
            measures[f"magnitude_{place}"] = column.abs().sum()
        measures[f"sum_{place}"] = column.sum()
    counted = table.group_by(key=_window(table[plan.by[side]], plan.window)) if plan.by else table
    return counted.aggregate(rows=table.count(), **measures)


def _window(column: Any, window: Window | None) -> Any:
    if window is None:
        return column
    if column.type().is_string():
        column = column.cast("timestamp")
    kind = column.type()
    if not kind.is_timestamp() and not (kind.is_date() and window != "hour"):
        raise DetectorError(f"{column.get_name()} has no {window}, it is of the type {kind}: leave window=… out")
    start = column.truncate(_UNITS[window])
    return start if window == "hour" or kind.is_date() else start.date()


def _sums(rows: Sequence[Mapping[str, Any]], plan: _Plan) -> Sums:
    return {
        _key(row.get("key")): {
            ROWS: row["rows"],
            **{name: float(row[f"sum_{place}"] or 0) for place, name in enumerate(plan.sums)},
        }
        for row in rows
    }


def _magnitudes(rows: Sequence[Mapping[str, Any]], plan: _Plan) -> Sums:
    return {
        _key(row.get("key")): {
            name: float(row.get(f"magnitude_{place}") or 0) for place, name in enumerate(plan.sums)
        }
        for row in rows
    }


def _key(value: Any) -> Any:
    """Alike from two engines."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return nan if value != value else value  # one is not equal to another, but to itself as a key


def _finding(
    scope: Scope, there: Scope, plan: _Plan, here: Sums, other: Sums, *, magnitudes: Sequence[Sums] = ()
) -> Finding:
    found = differences(here, other, tolerance=plan.tolerance, magnitudes=magnitudes)
    windows = list(dict.fromkeys(difference.window for difference in found))
    compared = len({*here, *other})
    measured = Measured(metric=DIFFERING_WINDOWS, value=len(windows), score=0.5 if found else 0.0)
    if not found:
        return Finding(
            passed=True, summary=_agreement(here, there, plan, compared), metrics=[measured] if plan.by else []
        )
    hidden = {name.casefold() for name in (*scope.pii, *there.pii)}
    told = "; ".join(_told(difference, plan, hidden) for difference in found[:MOST_TOLD])
    more = f" and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
    of = f" in {len(windows):,} of {compared:,} {_windows(plan)}" if plan.by else ""
    rows_differ = any(difference.measure == ROWS for difference in found)
    return Finding(
        passed=False,
        summary=f"differs from {there.target.name}{of}: {told}{more}",
        metadata={"differences": _table(found, plan, hidden)},
        metrics=[measured] if plan.by else [],
        columns=[] if rows_differ else sorted({difference.measure for difference in found}),
    )


def _agreement(here: Sums, there: Scope, plan: _Plan, compared: int) -> str:
    rows = sum(measures[ROWS] for measures in here.values())
    of = f" in all of {compared:,} {_windows(plan)}" if plan.by else ""
    return f"{rows:,.0f} rows agree with {there.target.name}{of}"


def _windows(plan: _Plan) -> str:
    return f"{plan.window}s" if plan.window else f"values of {plan.by[0]}" if plan.by else ""


def _told(difference: Difference, plan: _Plan, hidden: Collection[str]) -> str:
    here, there = _values(difference, plan, hidden)
    at = f"{_spoken(difference.window, plan, hidden)}: " if plan.by else ""
    return f"{at}{_measure(difference)} {here}, there {there}"


def _table(found: Sequence[Difference], plan: _Plan, hidden: Collection[str]) -> dg.TableMetadataValue:
    records: list[dg.TableRecord] = []
    for difference in found[:MOST_SHOWN]:
        here, there = _values(difference, plan, hidden)
        window = {"window": _spoken(difference.window, plan, hidden)} if plan.by else {}
        records.append(dg.TableRecord({**window, "measure": _measure(difference), "here": here, "there": there}))
    return dg.MetadataValue.table(records)


def _measure(difference: Difference) -> str:
    return ROWS if difference.measure == ROWS else f"sum of {difference.measure}"


def _values(difference: Difference, plan: _Plan, hidden: Collection[str]) -> tuple[str, str]:
    names = {difference.measure.casefold(), plan.sums.get(difference.measure, "").casefold()}
    if difference.measure != ROWS and names & set(hidden):
        return MASKED, MASKED
    return _number(difference.here), _number(difference.there)


def _spoken(window: Any, plan: _Plan, hidden: Collection[str]) -> str:
    if plan.by and {name.casefold() for name in plan.by} & set(hidden):
        return MASKED
    if window is None:
        return f"no {plan.by[0]}" if plan.by else ""
    return window.isoformat() if isinstance(window, date | datetime) else str(window)


def _number(value: float) -> str:
    return f"{value:,.0f}" if isfinite(value) and value == round(value) else f"{value:,.10g}"
