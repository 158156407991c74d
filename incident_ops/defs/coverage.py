"""The asset `detector_coverage`: which assets lack an owner or a detector, as a report in Dagster's catalog.

Materialized by hand, or on a schedule of one's own. What is missing is decided by `core.coverage`.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from incident_ops.adapters.dagster_natures import nature_in
from incident_ops.core.coverage import coverage_of, record_of
from incident_ops.core.importance import importances
from incident_ops.core.own import GROUP
from incident_ops.defs.resources import Wiring

DETECTOR_COVERAGE = "detector_coverage"
LISTED = 50


def build_coverage_asset(wiring: Wiring) -> dg.AssetsDefinition:
    """The asset over one wiring: its metadata hold the share that has each part, and what to add first."""

    @dg.asset(
        name=DETECTOR_COVERAGE,
        group_name=GROUP,
        kinds={"report"},
        description="Which assets lack an owner or a detector, the most important first. Materialize it to look.",
    )
    def detector_coverage(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        ops = wiring.ops(context.instance, now=wiring.now())
        catalog = ops.store.catalog().with_consumers(ops.policy.consumers)
        found = coverage_of(
            catalog, importances(catalog.graph, catalog), nature_of=nature_in(context.instance, catalog)
        )
        return dg.MaterializeResult(metadata=_shown(record_of(found, limit=LISTED)))

    return detector_coverage


def _shown(record: Mapping[str, Any]) -> dict[str, Any]:
    """The shares as numbers, so that Dagster draws them over time."""
    shares = {f"{part} share": dg.MetadataValue.float(share["share"]) for part, share in record["shares"].items()}
    return {
        "assets": dg.MetadataValue.int(record["assets"]),
        "assets that lack something": dg.MetadataValue.int(record["lacking"]),
        **shares,
        "to add first": dg.MetadataValue.md(_table(record)),
        "code": dg.MetadataValue.md(
            f"```python\n{record['code']}```" if record["code"] else "Nothing is missing."
        ),
    }


def _table(record: Mapping[str, Any]) -> str:
    rows = [
        f"| {asset['importance']:.2f} | {_cell(asset['asset'])} | {', '.join(asset['missing'])} |"
        for asset in record["first"]
    ]
    return "\n".join(["| importance | asset | missing |", "|---|---|---|", *rows])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
