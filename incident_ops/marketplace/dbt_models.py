"""The dbt models as assets: one step per domain, so that a domain is built when another one cannot be.

Also the only place that knows how dbt's metadata becomes Dagster's: `meta` in the project's YAML carries tier,
domain and deadline; owners and group are `meta.dagster`, which dagster-dbt reads by itself.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliInvocation,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)
from dagster_dbt.core.dbt_event_iterator import DbtEventIterator
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from packaging.version import Version

from incident_ops.marketplace import warehouse
from incident_ops.marketplace.domains import DOMAINS, Domain
from incident_ops.marketplace.home import Home, current_home
from incident_ops.marketplace.manifest import PARTIAL_PARSE, PROJECT, dbt_environment, dbt_executable
from incident_ops.marketplace.sources import SOURCES

ColumnTags = Mapping[str, Mapping[str, frozenset[str]]]
"""Tags by dbt's unique id of the model and by column."""


class OfflineDbt(DbtCliResource):
    """`dbt --version`, which the resource runs before every command, asks the package index for updates.

    That costs 1.6 s, and more where there is no network. The version of the installed package is the same.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(installed_version("dbt-core"))


class Translator(DagsterDbtTranslator):
    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))

    def get_tags(self, dbt_resource_props: Mapping[str, Any]) -> Mapping[str, str]:
        return {**super().get_tags(dbt_resource_props), **domain_tags(dbt_resource_props)}

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        deadline = self.get_resource_props(manifest, unique_id).get("meta", {}).get("deadline_cron")
        if deadline is None:
            return spec
        policy = dg.FreshnessPolicy.cron(deadline_cron=deadline, lower_bound_delta=timedelta(hours=24))
        return spec.replace_attributes(freshness_policy=policy)


def domain_tags(props: Mapping[str, Any]) -> dict[str, str]:
    meta = props.get("meta", {})
    return {f"incident_ops/{key}": meta[key] for key in ("domain", "tier") if key in meta}


def build_dbt() -> DbtCliResource:
    return OfflineDbt(project_dir=str(PROJECT), profiles_dir=str(PROJECT), dbt_executable=str(dbt_executable()))


def build_dbt_assets(manifest: Path) -> list[dg.AssetsDefinition]:
    translator = Translator()
    return [_domain_models(domain, manifest, translator) for domain in DOMAINS.values()]


def _domain_models(domain: Domain, manifest: Path, translator: Translator) -> dg.AssetsDefinition:
    column_tags = _column_tags(manifest)

    @dbt_assets(
        manifest=manifest,
        select=_selection(domain),
        name=f"dbt_{domain.name}",
        dagster_dbt_translator=translator,
    )
    def models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        home = current_home()
        with warehouse.reserved(home), dbt_environment(home):
            # Given the asset context itself, dagster-dbt reads an attribute of it that Dagster has deprecated.
            context_of_op, target = context.op_execution_context, _target(home, domain, manifest)
            build = dbt.cli(["build"], context=context_of_op, target_path=target)
            for event in _events_with_metadata(build):
                yield with_column_tags(event, column_tags)

    return models


def _events_with_metadata(build: DbtCliInvocation) -> Iterator[Any]:
    """What dbt did, with row counts, columns and column lineage; at last dbt's error, if it failed.

    `build.stream().fetch_row_counts()…` says the same, but spins on a processor for as long as dbt runs, and
    dbt needs it: on two busy cores that doubled the time. So dbt ends first, then the metadata is fetched.
    """
    finished, error = [], None
    try:
        finished.extend(build.stream())
    except DagsterDbtCliRuntimeError as failure:
        error = failure
    yield from DbtEventIterator(iter(finished), build).fetch_row_counts().fetch_column_metadata()
    if error is not None:
        raise error


def _column_tags(manifest: Path) -> ColumnTags:
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
    return {
        node: {name: frozenset(column.get("tags", ())) for name, column in props.get("columns", {}).items()}
        for node, props in nodes.items()
    }


def with_column_tags(event: Any, column_tags: ColumnTags) -> Any:
    """The columns that dbt found in the warehouse, with the tags that the project gives them.

    dagster-dbt reports names and types only, so `pii` would be known of the model and not of its tables.
    """
    if not isinstance(event, dg.Output):
        return event
    schema = event.metadata.get("dagster/column_schema")
    if not isinstance(schema, dg.TableSchemaMetadataValue):
        return event
    tags = column_tags[str(event.metadata["unique_id"].value)]
    columns = [
        dg.TableColumn(name=column.name, type=column.type, tags=dict.fromkeys(tags.get(column.name, ()), ""))
        for column in schema.schema.columns
    ]
    return event.with_metadata({**event.metadata, "dagster/column_schema": dg.TableSchema(columns=columns)})


def _selection(domain: Domain) -> str:
    """The domain's models and its sources: tests of sources not selected would be planned and never run."""
    sources = [f"source:raw.{source.name}" for source in SOURCES.values() if source.domain is domain]
    return " ".join([f"fqn:marketplace.{domain.name}", *sources])


def _target(home: Home, domain: Domain, manifest: Path) -> Path:
    """dbt's artifacts of the latest run of this domain, next to a parsed project that saves it a second."""
    target = home.dbt_targets / domain.name
    target.mkdir(parents=True, exist_ok=True)
    if not (target / PARTIAL_PARSE).exists():
        shutil.copy(manifest.with_name(PARTIAL_PARSE), target / PARTIAL_PARSE)
    return target
