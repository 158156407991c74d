"""Referential integrity: values of a column that a column of another asset must have.

Which column refers to which, where nobody says it in the call, is `referring`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Unpack

import dagster as dg

from incident_ops.core.alert import Nature
from incident_ops.detectors.attributing import AttributionOptions
from incident_ops.detectors.beside import one_asset, opened_beside, usable_read
from incident_ops.detectors.factory import CheckOptions, DetectorError, Finding, build_checks
from incident_ops.detectors.failing_rows import (
    MARK,
    FailingRows,
    finding_of,
    require_columns,
    require_tolerance,
)
from incident_ops.detectors.options import besides, only, with_usable_options
from incident_ops.detectors.reading import ReadOptions, opened
from incident_ops.detectors.referring import (
    REFERENCES_METADATA,
    Reference,
    column_of,
    declared_references,
    named_after,
)
from incident_ops.detectors.rules import RuleOptions
from incident_ops.detectors.scope import Scope
from incident_ops.detectors.targets import Asset, Assets, Target, targets_of
from incident_ops.detectors.together import listed, together

if TYPE_CHECKING:
    from incident_ops.detectors.reading import Data

_MARKING = ("duckdb", "postgres")
"""Engines that look up a value in a subquery for each row; others do it in a filter only."""
MOST_LOOKED_UP = 1000
"""Values by which failing rows are looked up, where the values they refer to are in another engine."""


@with_usable_options
def build_referential_integrity_checks(
    assets: Assets,
    *,
    column: str | None = None,
    references: tuple[Asset, str] | None = None,
    references_read: ReadOptions | None = None,
    at_most: float = 0,
    context_columns: Sequence[str] | None = None,
    **options: Unpack[RuleOptions],
) -> list[dg.AssetChecksDefinition]:
    """One check `referential_integrity` for each asset: that every value of a column occurs in a column of another
    asset, of which all partitions count. NULL refers to nothing, and passes. The check runs after both are built.

    Without `column` and `references` the references are those that the definition declares: its metadata
    `incident_ops/references`, a mapping from column to `a/b.column`. Where it declares none they are told by name
    among the assets of the call: a column `customer_id` (or `customer_key`) refers to `customers`, `customer`,
    `dim_customer` or `stg_customers`, to its column of the same name, else `id`, where both are of one kind of
    type. The result says which references were looked at; an asset without any passes. The check then runs after
    all assets of the call: which of them it needs, only the data tells.

    In one engine it is one query there. Between two engines the distinct values of both columns are fetched and
    compared here, which takes memory for them.

    Args:
        column: its name.
        references: the other asset and its column.
        references_read: where the other assets' data is; by default where this one's is, under their own names.
        at_most: rows (an int), or a share of the rows (a float of 0 to 1), that may fail, of each reference.
            Default: none.
        context_columns: what the sample of failing rows (ten) shows beside the column; by default the first
            columns of the table. Columns tagged `pii` are masked.
        options: where the data is (`ReadOptions`), `dimensions` (`AttributionOptions`), and those of every check
            (`CheckOptions`).

    Raises:
        DetectorError: a column without references or the reverse, `blocking` where references are told by name
            (the check waits for assets that may wait for it), an option that cannot be used, or no assets. In the
            check: there is no such column.
    """
    require_tolerance(at_most)
    targets = targets_of(assets, among=options.get("among", ()))
    given = _given(column, references)
    look_at = _Looking(
        read=only(options, ReadOptions),
        there={"partition_column": None, **usable_read(references_read)},
        at_most=at_most,
        context_columns=context_columns,
        dimensions=options.get("dimensions"),
    )
    return [
        check
        for target in targets
        for check in _checks(
            target,
            targets,
            [given] if given else declared_references(target, targets),
            look_at,
            besides(options, ReadOptions, AttributionOptions),
        )
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looking:
    """How references are looked at.

    Attributes:
        read, there: where the data of the asset, and of the others, is.
    """

    read: ReadOptions
    there: ReadOptions
    at_most: float
    context_columns: Sequence[str] | None
    dimensions: Sequence[str] | None

    def given(self, scope: Scope, references: Sequence[Reference]) -> Finding:
        with opened(scope, self.read) as data:
            require_columns([r.column for r in references], data.table.columns, of=scope.target.name)
            return _together([(r, self._found(scope, data, r)) for r in references])

    def by_name(self, scope: Scope, among: Sequence[Target]) -> Finding:
        with opened(scope, self.read) as data:
            found = [
                self._named(scope, data, column, other)
                for column in data.table.columns
                if (other := named_after(column, scope.target, among)) is not None
            ]
        looked_at = [each for each in found if each is not None]
        if not looked_at:
            return Finding(passed=True, summary="nothing refers to another asset")
        finding = _together(looked_at)
        which = listed([str(reference) for reference, _ in looked_at])
        return replace(finding, summary=f"{finding.summary} (told by name: {which})")

    def _found(self, scope: Scope, data: "Data", reference: Reference) -> Finding:
        with opened_beside(data, scope.beside(reference.to), self.read, self.there) as referred:
            require_columns([reference.to_column], referred.table.columns, of=reference.to.name)
            return self._finding(scope, data, referred, reference)

    def _named(self, scope: Scope, data: "Data", column: str, other: Target) -> tuple[Reference, Finding] | None:
        with opened_beside(data, scope.beside(other), self.read, self.there) as referred:
            to_column = column_of(column, referred.table.columns)
            if to_column is None or not _are_alike(data.table[column], referred.table[to_column]):
                return None
            reference = Reference(column=column, to=other, to_column=to_column)
            return reference, self._finding(scope, data, referred, reference)

    def _finding(self, scope: Scope, data: "Data", referred: "Data", reference: Reference) -> Finding:
        failing = dangling_rows(data, referred, reference.column, reference.to_column, reference.to)
        return finding_of(
            scope,
            data,
            failing,
            at_most=self.at_most,
            context_columns=self.context_columns,
            dimensions=self.dimensions,
        )


def _given(column: str | None, references: tuple[Asset, str] | None) -> Reference | None:
    if column is None and references is None:
        return None
    if references is None:
        raise DetectorError(f'column={column!r} refers to nothing: add references=("customers", "id")')
    if isinstance(references, str) or len(references) != 2:
        raise DetectorError('references are an asset and its column, such as ("customers", "id")')
    if column is None:
        raise DetectorError(f"nothing refers to references={references!r}: name the column with column=…")
    return Reference(column=column, to=one_asset("references", references[0]), to_column=references[1])


def _checks(
    target: Target, among: Sequence[Target], known: Sequence[Reference], looking: _Looking, options: CheckOptions
) -> list[dg.AssetChecksDefinition]:
    """
    Args:
        known: the references; where there are none they are told by name.
    """

    def look(scope: Scope) -> Finding:
        return looking.given(scope, known) if known else looking.by_name(scope, among)

    if not known and options.get("blocking", False) and len(among) > 1:
        raise DetectorError(
            f"a blocking check on {target.name} would wait for assets that may wait for it: name its "
            f"reference with column=… and references=…, or declare it in the metadata {REFERENCES_METADATA}"
        )
    told = [f"every {r.column} is a {r.to_column} of {r.to.name}" for r in known]
    by_name = "Every x_id or x_key is in the asset it is named after, told by name among the assets of this call"
    others = [r.to.key for r in known] if known else [other.key for other in among]
    return build_checks(
        [target],
        look,
        nature=Nature.FIELD_HEALTH,
        name="referential_integrity",
        description=f"E{listed(told)[1:]}" if told else by_name,
        options=options,
        additional_deps=list(dict.fromkeys(others)),
    )


def _together(found: Sequence[tuple[Reference, Finding]]) -> Finding:
    if len(found) == 1:
        return found[0][1]
    holds = f"all {len(found)} references hold: {listed([str(reference) for reference, _ in found])}"
    findings = {str(reference): finding for reference, finding in found}
    return together(findings, kind="references", of=len(found), holds=holds)


def _are_alike(column: Any, other: Any) -> bool:
    """Whether values of the two can be the same: names that agree by chance are no reference."""
    kind, its = column.type(), other.type()
    return kind == its or (kind.is_numeric() and its.is_numeric()) or (kind.is_string() and its.is_string())


def dangling_rows(data: "Data", referred: "Data", column: str, other: str, target: Target) -> FailingRows:
    """The rows whose `column` has a value that column `other` of the data referred to has not."""
    table, values = data.table, referred.table[other]
    count = None
    if referred.backend is data.backend:
        known = referred.table.filter(values.notnull()).select(other).distinct()[other]
        fails = table[column].notnull() & table[column].notin(known)
    else:
        missing = _missing(data, referred, column, other)
        count = sum(missing.values())
        fails = table[column].isin(list(missing)[:MOST_LOOKED_UP])
    return FailingRows(
        rows=table.filter(fails),
        what=f"have a {column} that is not in {target.name}",
        columns=[column],
        bad=[column],
        marked=table.mutate(**{MARK: fails}) if count is None and data.backend_name in _MARKING else None,
        count=count,
    )


def _missing(data: "Data", referred: "Data", column: str, other: str) -> dict[Any, int]:
    """The values that only the first has, with their rows."""
    known = {row[other] for row in referred.rows(referred.table.select(other).distinct())}
    own = data.table.filter(data.table[column].notnull())
    counted = data.rows(own.group_by(column).aggregate(rows=own.count()))
    return {row[column]: row["rows"] for row in counted if row[column] not in known}
