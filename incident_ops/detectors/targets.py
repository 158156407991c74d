"""Which assets a factory was asked for, and what their definitions say of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeAlias

import dagster as dg

from incident_ops.core.errors import IncidentOpsError

COLUMN_SCHEMA = "dagster/column_schema"
PII_TAG = "pii"


class UnknownAssets(IncidentOpsError, ValueError):
    """It cannot be told which assets are meant; the message says what to give instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """An asset to look at.

    Attributes:
        partitions_def: None for an asset without partitions, and for one of which only the key is known.
        metadata: of the definition.
        policy: Dagster's freshness policy, where the definition has one.
    """

    key: dg.AssetKey
    partitions_def: dg.PartitionsDefinition[Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    policy: dg.FreshnessPolicy | None = None

    @property
    def name(self) -> str:
        """The key as `a/b`."""
        return "/".join(self.key.path)


Asset: TypeAlias = dg.AssetsDefinition | dg.AssetSpec | dg.SourceAsset | dg.AssetKey | str | Sequence[str] | Target
Assets: TypeAlias = Iterable[Asset] | dg.AssetSelection
"""A string is a key written `a/b`. Definitions say more than keys: partitions, column tags, freshness policy,
where the table is. A selection works where it names its assets (`AssetSelection.assets(…)`), else with the
definitions that it chooses from: what has a tag or a group is not known before Dagster loads the location."""


def targets_of(assets: Assets, *, among: Iterable[dg.AssetsDefinition | dg.SourceAsset] = ()) -> list[Target]:
    """The assets meant, each once, in the order given. A definition of several assets stands for all of them.

    Args:
        among: the definitions that a selection is resolved in.

    Raises:
        UnknownAssets: nothing is given, or a selection that cannot be resolved.
    """
    if isinstance(assets, str | dg.AssetsDefinition | dg.AssetSpec | dg.SourceAsset | dg.AssetKey):
        raise UnknownAssets(f"assets are a list, such as [{assets!r}]")
    each = _selected(assets, list(among)) if isinstance(assets, dg.AssetSelection) else map(_targets, assets)
    found: dict[dg.AssetKey, Target] = {}
    for target in chain.from_iterable(each):
        found.setdefault(target.key, target)
    if not found:
        raise UnknownAssets("no assets are given: name at least one")
    return list(found.values())


def _selected(
    selection: dg.AssetSelection, among: Sequence[dg.AssetsDefinition | dg.SourceAsset]
) -> Iterable[list[Target]]:
    if not among:
        keys = getattr(selection, "selected_keys", None)
        if not keys:
            raise UnknownAssets(
                f"the selection {selection} names no asset keys: give the definitions it chooses from as among=[…]"
            )
        return [_targets(key) for key in keys]
    chosen = selection.resolve(among)
    return [[target for target in _targets(asset) if target.key in chosen] for asset in among]


def _targets(asset: Asset) -> list[Target]:
    if isinstance(asset, Target):
        return [asset]
    if isinstance(asset, dg.AssetsDefinition):
        return [_of_spec(spec) for spec in asset.specs]
    if isinstance(asset, dg.AssetSpec):
        return [_of_spec(asset)]
    if isinstance(asset, dg.SourceAsset):
        return [Target(key=asset.key, partitions_def=asset.partitions_def, metadata=asset.metadata)]
    if isinstance(asset, str):
        return [Target(key=dg.AssetKey.from_user_string(asset))]
    return [Target(key=dg.AssetKey.from_coercible(asset))]


def _of_spec(spec: dg.AssetSpec) -> Target:
    return Target(
        key=spec.key, partitions_def=spec.partitions_def, metadata=spec.metadata, policy=spec.freshness_policy
    )


def schema_in(metadata: Mapping[str, Any]) -> dg.TableSchema | None:
    """The column schema of a definition or a materialization, in either of the forms that Dagster keeps."""
    found = metadata.get(COLUMN_SCHEMA)
    if isinstance(found, dg.TableSchemaMetadataValue):
        return found.schema
    return found if isinstance(found, dg.TableSchema) else None


def pii_in(metadata: Mapping[str, Any]) -> Collection[str]:
    """Names of the columns that are tagged as personal data."""
    schema = schema_in(metadata)
    return frozenset(column.name for column in schema.columns if _is_tagged(column)) if schema else frozenset()


def _is_tagged(column: dg.TableColumn) -> bool:
    return any(tag.lower() == PII_TAG and value.lower() != "false" for tag, value in column.tags.items())
