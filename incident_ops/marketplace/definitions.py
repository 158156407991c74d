"""The code location `marketplace`: `defs` is what Dagster loads.

Unlike any other module here, importing this one works: dagster-dbt needs the manifest to say which assets
there are, so on a fresh home dbt parses the project first (seconds; `manifest.py`). Later loads read a file.
"""

import json
from pathlib import Path

import dagster as dg

from incident_ops.marketplace.checks import build_checks
from incident_ops.marketplace.churn import churn
from incident_ops.marketplace.dashboards import build_dashboards
from incident_ops.marketplace.dbt_models import build_dbt, build_dbt_assets
from incident_ops.marketplace.detectors import build_detectors
from incident_ops.marketplace.home import current_home
from incident_ops.marketplace.ingestion import build_ingestion
from incident_ops.marketplace.jobs import JOBS, build_check_schedule, daily_refresh
from incident_ops.marketplace.manifest import prepared_manifest


def build_definitions(manifest: Path) -> dg.Definitions:
    exposures = json.loads(manifest.read_text(encoding="utf-8"))
    ingestion, models = build_ingestion(), build_dbt_assets(manifest)
    checks = [*build_detectors(ingestion), *build_checks()]
    return dg.Definitions(
        assets=[*ingestion, *models, *build_dashboards(exposures), churn],
        asset_checks=checks,
        jobs=JOBS,
        schedules=[daily_refresh, build_check_schedule([*models, *checks])],
        resources={"dbt": build_dbt()},
        # Steps queue for the one DuckDB file anyway, and a process for each would cost seconds.
        executor=dg.in_process_executor,
    )


defs = build_definitions(prepared_manifest(current_home()))
