"""What Dagster says of an asset, above all in GraphQL → `AssetNode`. The questions are in `dagster_queries`."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import dagster as dg

from incident_ops.core.catalog import CONSUMERS_METADATA, RUNBOOK_METADATA, AssetNode
from incident_ops.core.forecast.deadlines import CronWindow, FreshnessTerms, TimeWindow
from incident_ops.core.recipient import recipient_in

DESCRIPTION_LIMIT = 500  # dbt models carry their whole SQL there
CONSUMERS_LIMIT = 100
DOUBTFUL_LIMIT = 60
TEXT_LIMIT = 1_000
COLUMN_SCHEMA = "dagster/column_schema"
PII_TAG = "pii"
STUB = "dagster/auto_created_stub_asset"
"""Metadata of an asset that its location only names (as something upstream, or to check it)."""
CUSTOM = "custom"
"""The label of an automation condition that has none."""

ASSET_FIELDS = f"""
  assetKey {{ path }}
  isMaterializable
  isExecutable
  hasAssetChecks
  owners {{ ... on TeamAssetOwner {{ team }} ... on UserAssetOwner {{ email }} }}
  tags {{ key value }}
  kinds
  groupName
  description(characterLimit: {DESCRIPTION_LIMIT + 1})
  dependencyKeys {{ path }}
  automationCondition {{ label }}
  partitionDefinition {{ type fmt name }}
  internalFreshnessPolicy {{
    ... on TimeWindowFreshnessPolicy {{ failWindowSeconds warnWindowSeconds }}
    ... on CronFreshnessPolicy {{ deadlineCron lowerBoundDeltaSeconds timezone }}
  }}
  metadataEntries {{
    label
    ... on JsonMetadataEntry {{ jsonString }}
    ... on TextMetadataEntry {{ text }}
    ... on UrlMetadataEntry {{ url }}
  }}
"""

DETAIL_FIELDS = """
  assetKey { path }
  assetChecksOrError { ... on AssetChecks { checks { name } } }
  metadataEntries {
    label
    ... on TableSchemaMetadataEntry { schema { columns { name tags { key value } } } }
  }
"""


def node_from(answer: Mapping[str, Any], *, location: str) -> AssetNode:
    """From `ASSET_FIELDS` of one location. Details are left open where there are any."""
    metadata = {entry["label"]: entry for entry in answer["metadataEntries"]}
    return AssetNode(
        key=key_of(answer),
        location=location,
        locations=(location,),
        owners=tuple(owner for owner in map(_owner_of, answer["owners"]) if owner),
        tags=MappingProxyType({tag["key"]: tag["value"] for tag in answer["tags"]}),
        kinds=tuple(sorted(answer["kinds"])),
        group=answer["groupName"],
        description=cut(answer["description"] or "", DESCRIPTION_LIMIT),
        upstream=tuple("/".join(dependency["path"]) for dependency in answer["dependencyKeys"]),
        consumers=_consumers_of(metadata.get(CONSUMERS_METADATA, {})),
        runbook=_runbook_of(metadata.get(RUNBOOK_METADATA, {})),
        freshness=_freshness_of(answer["internalFreshnessPolicy"]),
        partitions=_partitions_of(answer["partitionDefinition"]),
        automation=_automation_of(answer["automationCondition"]),
        is_materializable=answer["isMaterializable"],
        is_executable=answer["isExecutable"],
        is_named_only=STUB in metadata,
        is_detailed=not answer["hasAssetChecks"] and COLUMN_SCHEMA not in metadata,
    )


def details_from(answer: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """From `DETAIL_FIELDS`: the names of the checks, and of the columns tagged `pii`."""
    checks = {check["name"] for check in answer["assetChecksOrError"].get("checks", ())}
    columns = [
        column["name"]
        for entry in answer["metadataEntries"]
        if entry["label"] == COLUMN_SCHEMA and "schema" in entry
        for column in entry["schema"]["columns"]
        if is_pii({tag["key"]: tag["value"] for tag in column["tags"]})
    ]
    return tuple(sorted(checks)), tuple(columns)


def pii_columns_of(schema: object) -> tuple[str, ...]:
    """The tagged columns of Dagster's own value for `dagster/column_schema`."""
    if isinstance(schema, dg.TableSchemaMetadataValue):
        schema = schema.value
    columns = schema.columns if isinstance(schema, dg.TableSchema) else ()
    return tuple(column.name for column in columns if is_pii(column.tags))


def key_of(answer: Mapping[str, Any]) -> str:
    return "/".join(answer["assetKey"]["path"])


def is_pii(tags: Mapping[str, str] | None) -> bool:
    """A column's tags call it personal data."""
    return any(tag.lower() == PII_TAG and str(value).lower() != "false" for tag, value in (tags or {}).items())


def consumers_from(value: object) -> tuple[str, ...]:
    """The list that the metadata holds, or a text of names set apart by commas or white space. What is neither an
    address nor `team:x` is left out."""
    recipients = (recipient_in(name) for name in _names_in(value) if len(name) <= TEXT_LIMIT)
    return tuple(dict.fromkeys(filter(None, recipients)))[:CONSUMERS_LIMIT]


def doubtful_consumers_of(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """From `ASSET_FIELDS`: what stands among the consumers and is left out."""
    for entry in answer["metadataEntries"]:
        if entry["label"] == CONSUMERS_METADATA:
            names = [name.strip() for name in _names_in(_value_of(entry))]
            return tuple(cut(name, DOUBTFUL_LIMIT) for name in names if name and recipient_in(name) is None)
    return ()


def _names_in(value: object) -> Iterable[str]:
    if isinstance(value, str):
        return re.split(r"[\s,;]+", value)
    return [str(name) for name in (value if isinstance(value, list | tuple) else [value]) if name is not None]


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _owner_of(owner: Mapping[str, str]) -> str:
    return f"team:{owner['team']}" if "team" in owner else owner.get("email", "")


def _consumers_of(entry: Mapping[str, str]) -> tuple[str, ...]:
    return consumers_from(_value_of(entry))


def _value_of(entry: Mapping[str, str]) -> object:
    return json.loads(entry["jsonString"]) if "jsonString" in entry else entry.get("text", "")


def _runbook_of(entry: Mapping[str, str]) -> str:
    return cut((entry.get("url") or entry.get("text") or "").strip(), TEXT_LIMIT)


def _freshness_of(policy: Mapping[str, Any] | None) -> FreshnessTerms | None:
    if not policy:
        return None
    if "failWindowSeconds" in policy:
        warn = policy["warnWindowSeconds"]
        return TimeWindow(
            fail_window=timedelta(seconds=policy["failWindowSeconds"]),
            warn_window=timedelta(seconds=warn) if warn is not None else None,
        )
    return CronWindow(
        deadline_cron=policy["deadlineCron"],
        lower_bound_delta=timedelta(seconds=policy["lowerBoundDeltaSeconds"]),
        timezone=policy["timezone"],
    )


def _automation_of(condition: Mapping[str, Any] | None) -> str:
    return (condition["label"] or CUSTOM) if condition else ""


def _partitions_of(definition: Mapping[str, Any] | None) -> str:
    """Its kind, and the format of its keys or the name of the dynamic ones. Not Dagster's description: that of
    static partitions lists every key."""
    if not definition:
        return ""
    words = (definition["type"].lower().replace("_", " "), definition["fmt"], definition["name"])
    return " ".join(word for word in words if word)
