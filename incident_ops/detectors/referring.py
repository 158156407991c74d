"""Which column refers to which asset: what definitions declare, and what names tell.

What is found of the references is `references`'.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from incident_ops.detectors.factory import DetectorError
from incident_ops.detectors.targets import Target

REFERENCES_METADATA = "incident_ops/references"
"""Of a definition: a mapping from column to the column it refers to, `a/b.column`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A column, and the column of another asset that has its values."""

    column: str
    to: Target
    to_column: str

    def __str__(self) -> str:
        return f"{self.column} → {self.to.name}.{self.to_column}"


def declared_references(target: Target, among: Sequence[Target]) -> list[Reference]:
    """
    Args:
        among: targets of which more is known than their keys.

    Raises:
        DetectorError: what is declared is no mapping from columns to columns.
    """
    declared = target.metadata.get(REFERENCES_METADATA)
    declared = declared.value if isinstance(declared, dg.MetadataValue) else declared
    if declared is None:
        return []
    if not isinstance(declared, Mapping):
        raise _not_declared(target, declared)
    return [_reference(target, str(column), to, among) for column, to in declared.items()]


def _reference(target: Target, column: str, to: Any, among: Sequence[Target]) -> Reference:
    asset, _, to_column = to.rpartition(".") if isinstance(to, str) else ("", "", "")
    if not asset or not to_column:
        raise _not_declared(target, {column: to})
    key = dg.AssetKey(asset.split("/"))
    known = next((other for other in among if other.key == key), Target(key=key))
    return Reference(column=column, to=known, to_column=to_column)


def _not_declared(target: Target, declared: Any) -> DetectorError:
    return DetectorError(
        f"the metadata {REFERENCES_METADATA} of {target.name} is a mapping from columns to columns of other "
        f'assets, such as {{"customer": "shop/customers.id"}}, not {declared!r}'
    )


def named_after(column: str, target: Target, among: Sequence[Target]) -> Target | None:
    """The asset that a column `x_id` or `x_key` is named after: its key ends in `x` or the plural, perhaps after
    `dim_` or `stg_` (dbt's `stg_source__` too). Of several the one with the same prefix of the key, then the one
    with the plainest name. A table's own key refers to nothing."""
    found = re.fullmatch(r"(\w+)_(?:id|key)", column, re.IGNORECASE)
    if found is None:
        return None
    forms = _forms(found[1].casefold())
    if _noun(target) in forms:
        return None
    others = [other for other in among if other.key != target.key and _noun(other) in forms]
    return min(others, key=lambda other: _distance(target, other), default=None)


def column_of(column: str, columns: Sequence[str]) -> str | None:
    """Among an asset's columns the one that `column`, named after the asset, refers to: of the same name, else
    `id`; whatever the case."""
    known = {name.casefold(): name for name in reversed(columns)}
    return known.get(column.casefold()) or known.get("id")


def _forms(noun: str) -> set[str]:
    return {noun, f"{noun}s", f"{noun}es", *({f"{noun[:-1]}ies"} if noun.endswith("y") else ())}


def _noun(target: Target) -> str:
    return re.sub(r"^(?:dim|stg)_(?:\w+__)?", "", target.key.path[-1].casefold())


def _distance(target: Target, other: Target) -> tuple[bool, int]:
    return other.key.path[:-1] != target.key.path[:-1], len(other.key.path[-1])
