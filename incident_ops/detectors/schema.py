"""Schema: columns added, removed, renamed or retyped, against a contract or against the last good ones.

What differs between two schemas is `core.schema_diff`'s, which ones are the good ones `schema_memory`'s, and how a
contract is written `schema_contract`'s.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, Unpack

import dagster as dg

from incident_ops.core.alert import Nature
from incident_ops.core.schema_diff import SchemaDiff, schema_diff, with_known_types
from incident_ops.detectors.factory import CheckOptions, Finding, build_checks
from incident_ops.detectors.history import EventLog, Remembers
from incident_ops.detectors.options import besides, only, with_usable_options
from incident_ops.detectors.reading import ReadOptions, opened
from incident_ops.detectors.schema_contract import Contract, contracted
from incident_ops.detectors.schema_memory import (
    SCHEMA_METADATA,
    Columns,
    Look,
    columns_of,
    document_of,
    good_columns,
)
from incident_ops.detectors.schema_reading import columns_in
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Assets, schema_in, targets_of

MOST_CHANGES = 50
"""Shown with a result."""


class SchemaOptions(CheckOptions, ReadOptions, total=False):
    """Options of checks and of reading."""


@with_usable_options
def build_schema_checks(
    assets: Assets,
    *,
    contract: Contract | Literal[True] | None = None,
    history: Remembers = EventLog,
    **options: Unpack[SchemaOptions],
) -> list[dg.AssetChecksDefinition]:
    """One check `schema` for each asset: which columns were added, removed, renamed or retyped.

    The columns are those that the build reported (`dagster/column_schema`; nothing is read), else those of the
    data. Names are compared exactly, their order is not looked at. Types are compared by what they mean
    (`core.column_types.same_type`): BIGINT is `int64`, VARCHAR(40) is `text`; case, lengths of texts, units of
    time stamps and nullability are noise, precision and scale of a decimal are not. A renaming is proposed where
    a column vanished and one of the same type came in its place.

    Types that are read are those that the values tell: a frame's column of nothing but nulls, and every column of
    a table without rows, may be of any type; a pandas column of whole floating-point numbers and nulls may be of
    integers. What was known of its type before is kept.

    *Breaking* is a column that was removed, renamed or retyped: it fails with `severity` (ERROR by default). A
    column that was only added fails as a WARN.

    Without a contract the check looks for *drift* from the last good columns: those it looked at when it last
    found nothing breaking, on its first look those of the build before. So an added column is told once and is
    then one of the table's, and a breaking change fails until the columns are back, or until the incident is
    resolved as `expected` (or `false_positive`): then the columns of that evaluation are the good ones.

    With a contract every difference fails until one of the two is changed.

    Args:
        contract: the columns that must be there: names with types, names alone (of any type), or Dagster's
            `TableSchema` or `TableColumn`s. True: those of each asset's definition (its metadata
            `dagster/column_schema`). A type may be of any system, or of your own making, and is refused only where
            it is nearly a common one (`itneger`).
        history: where people's answers are remembered; by default in Dagster's event log.
        options: where the data is (`ReadOptions`), for builds that report no columns, and those of every check
            (`CheckOptions`).

    Raises:
        DetectorError: `contract=True` for an asset whose definition declares no columns, a contract without
            columns or with a type that is a slip of the pen, an option that cannot be used, or no assets.
    """
    targets = targets_of(assets, among=options.get("among", ()))
    contracts = None if contract is None else {target.key: contracted(contract, target) for target in targets}
    read = only(options, ReadOptions)

    def look(scope: Scope) -> Finding:
        seen = _seen(scope, read)
        if contracts is None:
            return _drift(scope, seen, history)
        return _finding(schema_diff(contracts[scope.target.key], seen), seen, reference="the contract")

    return build_checks(
        targets,
        look,
        nature=Nature.SCHEMA,
        name="schema",
        description="Columns added, removed, renamed or retyped",
        options=besides(options, ReadOptions),
    )


def _seen(scope: Scope, options: ReadOptions) -> Columns:
    event = scope.built.asset_materialization if scope.built else None
    reported = columns_of(schema_in(event.metadata) if event else None)
    if reported:
        return reported
    with opened(scope, options) as data:
        return columns_in(data)


def _drift(scope: Scope, seen: Columns, history: Remembers) -> Finding:
    good = good_columns(scope, history)
    diff = schema_diff(good, seen) if good is not None else SchemaDiff()
    known = with_known_types(seen, good or ())
    look = Look(at=scope.now, seen=known, good=good if good is not None and diff.is_breaking else known)
    memory = {SCHEMA_METADATA: dg.MetadataValue.json(document_of(look))}
    if good is None:
        return Finding(passed=True, summary=f"{_count(seen)}, looked at for the first time", metadata=memory)
    return _finding(diff, seen, reference="the last good ones", metadata=memory)


def _finding(
    diff: SchemaDiff, seen: Columns, *, reference: str, metadata: Mapping[str, Any] | None = None
) -> Finding:
    shown: dict[str, Any] = {**(metadata or {}), "columns": len(seen)}
    if not diff:
        return Finding(passed=True, summary=f"{_count(seen)}, as {reference}", metadata=shown)
    changes = [_record(*change) for change in _changes(diff)]
    return Finding(
        passed=False,
        summary=f"{diff} (against {reference})",
        severity=None if diff.is_breaking else dg.AssetCheckSeverity.WARN,
        metadata={**shown, "changes": dg.MetadataValue.table(changes[:MOST_CHANGES])},
        columns=sorted(diff.lost),
    )


def _changes(diff: SchemaDiff) -> Iterator[tuple[str, str, str, str]]:
    yield from (("removed", name, "", "") for name in diff.removed)
    yield from (("renamed, it seems", old, old, new) for old, new in diff.renamed)
    yield from (("retyped", name, old, new) for name, old, new in diff.retyped)
    yield from (("added", name, "", "") for name in diff.added)


def _record(change: str, column: str, before: str, after: str) -> dg.TableRecord:
    return dg.TableRecord({"change": change, "column": column, "before": before, "after": after})


def _count(columns: Columns) -> str:
    return f"{len(columns):,} column{'' if len(columns) == 1 else 's'}"
