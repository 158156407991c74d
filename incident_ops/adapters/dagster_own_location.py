"""The catalog of our own code location, as its definitions say it in this process: always there, webserver or not.

Public Dagster API only. The classes of freshness policies are not public; they are told apart by what they have.
"""

from collections.abc import Iterator
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import dagster as dg

from incident_ops.adapters.dagster_definitions import (
    COLUMN_SCHEMA,
    CUSTOM,
    DESCRIPTION_LIMIT,
    STUB,
    TEXT_LIMIT,
    consumers_from,
    cut,
    pii_columns_of,
)
from incident_ops.core.catalog import CONSUMERS_METADATA, RUNBOOK_METADATA, AssetNode, Catalog
from incident_ops.core.catalog.merge import merge
from incident_ops.core.forecast.deadlines import CronWindow, FreshnessTerms, TimeWindow

SOURCE = "own location"
_KIND = "dagster/kind/"


@lru_cache(maxsize=2)
def catalog_of(repository: dg.RepositoryDefinition) -> Catalog:
    """The assets of the repository that a sensor runs in; never read, so without a time. Made once per process:
    definitions do not change while it lives. The name of the location is not known from in here."""
    checks: dict[str, set[str]] = {}
    for key in repository.asset_checks_defs_by_key:
        checks.setdefault("/".join(key.asset_key.path), set()).add(key.name)
    definitions = {id(each): each for each in repository.assets_defs_by_key.values()}
    for each in definitions.values():
        for spec in each.check_specs:
            checks.setdefault("/".join(spec.asset_key.path), set()).add(spec.name)
    nodes = merge(node for each in definitions.values() for node in _nodes_of(each, checks))
    return Catalog(nodes, source=SOURCE)


def _nodes_of(assets: dg.AssetsDefinition, checks: dict[str, set[str]]) -> Iterator[AssetNode]:
    for spec in assets.specs:
        key = "/".join(spec.key.path)
        yield AssetNode(
            key=key,
            owners=tuple(spec.owners),
            tags=MappingProxyType(dict(spec.tags)),
            kinds=tuple(sorted(tag.removeprefix(_KIND) for tag in spec.tags if tag.startswith(_KIND))),
            group=spec.group_name or "default",
            description=cut(spec.description or "", DESCRIPTION_LIMIT),
            upstream=tuple(sorted("/".join(dep.asset_key.path) for dep in spec.deps)),
            consumers=consumers_from(_plain(spec.metadata.get(CONSUMERS_METADATA))),
            runbook=cut(str(_plain(spec.metadata.get(RUNBOOK_METADATA)) or "").strip(), TEXT_LIMIT),
            freshness=_freshness_of(spec.freshness_policy),
            checks=tuple(sorted(checks.get(key, ()))),
            partitions=_partitions_of(spec.partitions_def),
            automation=(spec.automation_condition.get_label() or CUSTOM) if spec.automation_condition else "",
            pii_columns=pii_columns_of(spec.metadata.get(COLUMN_SCHEMA)),
            is_materializable=assets.is_materializable,
            is_executable=assets.is_executable,
            is_named_only=STUB in spec.metadata,
        )


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, dg.MetadataValue) else value


def _freshness_of(policy: Any) -> FreshnessTerms | None:
    if policy is None:
        return None
    if hasattr(policy, "deadline_cron"):
        return CronWindow(
            deadline_cron=policy.deadline_cron,
            lower_bound_delta=policy.lower_bound_delta,
            timezone=policy.timezone,
        )
    return TimeWindow(
        fail_window=policy.fail_window.to_timedelta(),
        warn_window=policy.warn_window.to_timedelta() if policy.warn_window else None,
    )


def _partitions_of(definition: dg.PartitionsDefinition | None) -> str:
    """In the words of `dagster_definitions`."""
    match definition:
        case None:
            return ""
        case dg.TimeWindowPartitionsDefinition():
            return f"time window {definition.fmt}"
        case dg.DynamicPartitionsDefinition():
            return f"dynamic {definition.name}" if definition.name else "dynamic"
        case dg.MultiPartitionsDefinition():
            return "multipartitioned"
        case _:
            return "static"
