"""A dbt project of three models in a row on DuckDB; a test of the middle one fails, so the last one is skipped."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from incident_ops.marketplace.dbt_models import OfflineDbt
from incident_ops.marketplace.manifest import dbt_executable

_FILES = {
    "dbt_project.yml": """
name: small
version: "1.0.0"
profile: small
model-paths: [models]
flags: {send_anonymous_usage_stats: false}
models: {small: {+materialized: table, +meta: {dagster: {owners: ["team:fin"]}}}}
""",
    "profiles.yml": """
small:
  target: local
  outputs: {local: {type: duckdb, path: "PATH", threads: 1}}
""",
    "models/first.sql": "select 1 as id union all select null",
    "models/second.sql": "select id from {{ ref('first') }}",
    "models/third.sql": "select id from {{ ref('second') }}",
    "models/models.yml": """
models:
  - name: second
    columns: [{name: id, data_tests: [not_null]}]
""",
}


def make_project(folder: Path) -> Path:
    """Writes and parses the project; returns its folder."""
    for name, text in _FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("PATH", str(folder / "small.duckdb")))
    subprocess.run(
        [dbt_executable(), "--quiet", "parse", "--project-dir", folder, "--profiles-dir", folder],
        cwd=folder,
        env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        check=True,
    )
    return folder


def definitions_of(project: Path) -> dg.Definitions:
    @dbt_assets(manifest=project / "target" / "manifest.json", name="small")
    def models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        # Given the asset context itself, dagster-dbt reads an attribute of it that Dagster has deprecated.
        yield from dbt.cli(["build"], context=context.op_execution_context).stream()

    dbt = OfflineDbt(project_dir=str(project), profiles_dir=str(project), dbt_executable=str(dbt_executable()))
    return dg.Definitions(assets=[models], resources={"dbt": dbt})
