"""Which partitions are points of one series."""

import dagster as dg
import pytest

from incident_ops.detectors.partitions import keys_near
from incident_ops_tests.detectors.runs import DAYS

REGIONS = dg.StaticPartitionsDefinition(["de", "fr"])
DAY_AND_REGION = dg.MultiPartitionsDefinition({"date": DAYS, "region": REGIONS})
REGION_AND_TIME = dg.MultiPartitionsDefinition({"area": REGIONS, "time": DAYS})
MONTHS = dg.MonthlyPartitionsDefinition("2026-01-01", timezone="Europe/Berlin")
TWO_TIMES = dg.MultiPartitionsDefinition({"date": DAYS, "month": MONTHS})


@pytest.mark.parametrize(
    ("definition", "key", "near"),
    [
        (None, None, None),
        (DAYS, None, None),
        (None, "eu", ["eu"]),
        (REGIONS, "de", ["de"]),
        (TWO_TIMES, "2026-02-02|2026-02-01", ["2026-02-02|2026-02-01"]),
        (DAYS, "2026-02-02", ["2026-01-31", "2026-02-01", "2026-02-02", "2026-02-03"]),
        (DAY_AND_REGION, "2026-02-02|de", [f"2026-{day}|de" for day in ("01-31", "02-01", "02-02", "02-03")]),
        (REGION_AND_TIME, "de|2026-02-02", [f"de|2026-{day}" for day in ("01-31", "02-01", "02-02", "02-03")]),
    ],
)
def test_a_series_is_the_days_of_one_region_on_either_side(
    definition: dg.PartitionsDefinition[str] | None, key: str | None, near: list[str] | None
) -> None:
    assert keys_near(definition, key, before=2, after=1) == near


def test_months_of_different_lengths_are_all_there() -> None:
    near = keys_near(MONTHS, "2026-06-01", before=4, after=4)
    assert near is not None
    assert {f"2026-{month:02}-01" for month in range(3, 10)} <= set(near)
