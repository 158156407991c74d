"""The dashboards, made from dbt's exposures: each materializes as the extract that its readers see.

dagster-dbt does not model exposures. As materializable assets they carry, like any other, pointers to the
exact events of the marts they were drawn from: that is how one knows which figures a reader has seen.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
from dagster_dbt import DagsterDbtTranslator

from incident_ops.marketplace import warehouse
from incident_ops.marketplace.dbt_models import Translator, domain_tags
from incident_ops.marketplace.home import current_home

PREVIEW_ROWS = 7


def build_dashboards(manifest: Mapping[str, Any]) -> list[dg.AssetsDefinition]:
    translator = Translator()
    return [_dashboard(exposure, manifest, translator) for exposure in manifest["exposures"].values()]


def _dashboard(
    exposure: Mapping[str, Any], manifest: Mapping[str, Any], translator: DagsterDbtTranslator
) -> dg.AssetsDefinition:
    name, meta = exposure["name"], exposure["meta"]
    deps = [translator.get_asset_spec(manifest, node, None).key for node in exposure["depends_on"]["nodes"]]

    @dg.asset(
        key=["dashboards", name],
        deps=deps,
        description=exposure["description"],
        group_name=meta["dagster"]["group"],
        owners=meta["dagster"]["owners"],
        tags=domain_tags(exposure),
        kinds={"dashboard"},
        metadata={"incident_ops/consumers": meta["consumers"], "contact": exposure["owner"]["email"]},
        code_version="1",
    )
    def dashboard() -> dg.MaterializeResult:
        home = current_home()
        extract = warehouse.query(home, meta["extract"])
        file = home.dashboards / f"{name}.csv"
        _write(file, extract)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(extract),
                "file": dg.MetadataValue.path(file),
                "preview": dg.MetadataValue.md(_markdown(extract.head(PREVIEW_ROWS))),
            }
        )

    return dashboard


def _write(file: Path, extract: pd.DataFrame) -> None:
    """All or nothing: somebody may be looking."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(f".{os.getpid()}.tmp")
    extract.to_csv(fresh, index=False)
    fresh.replace(file)


def _markdown(frame: pd.DataFrame) -> str:
    rows = [list(frame.columns), ["---"] * len(frame.columns), *(map(_cell, row) for row in frame.to_numpy())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    return f"{value:,.2f}" if isinstance(value, float) else str(value)
