"""What detectors remember of a check that has several series: one of them must not crowd out the others."""

from datetime import timedelta

import dagster as dg
import pytest

from incident_ops.core.metrics import METRICS_METADATA, Measured, Measurement, document_of
from incident_ops.detectors.history import MOST_PAGES, EventLog
from incident_ops_tests.detectors.runs import START

CHECK = dg.AssetCheckKey(dg.AssetKey("orders"), "volume")


def measured(instance: dg.DagsterInstance, regions: str) -> None:
    """One measurement of each region in turn, which counts them."""
    for number, region in enumerate(regions):
        at = START + timedelta(hours=number)
        measurement = Measurement(
            at=at, evaluated_at=at, partition=region, points=(Measured(metric="row_count", value=number),)
        )
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=CHECK.asset_key,
                check_name=CHECK.name,
                passed=True,
                metadata={METRICS_METADATA: dg.MetadataValue.json(document_of(measurement))},
            )
        )


@pytest.mark.parametrize(
    ("regions", "limit", "remembered"),
    [
        ("abababab", 4, [0, 2, 4, 6]),
        ("aaaabbbbbbbb", 4, [0, 1, 2, 3]),
        ("aaaaaa", 4, [2, 3, 4, 5]),
        ("abbb", 4, [0]),
        ("bbbb", 4, []),
        ("a" + "b" * (MOST_PAGES - 1), 1, [0]),
        ("a" + "b" * MOST_PAGES, 1, []),
    ],
)
def test_each_series_has_its_share_and_the_reading_an_end(
    instance: dg.DagsterInstance, regions: str, limit: int, remembered: list[int]
) -> None:
    measured(instance, regions)
    found = EventLog(instance, limit=limit).measurements_of(CHECK, lambda partition: partition == "a")
    assert [measurement.points[0].value for measurement in found] == remembered
