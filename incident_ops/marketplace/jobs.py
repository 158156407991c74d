"""Jobs and schedules.

The hourly checks are on from the start. The daily refresh is not: nothing should rebuild the data behind the
back of somebody who is looking at a fault.
"""

from collections.abc import Sequence

import dagster as dg

from incident_ops.detectors import build_detector_schedule
from incident_ops.marketplace.churn import CHURN_KEY
from incident_ops.marketplace.domains import DOMAINS

refresh = dg.define_asset_job(
    "refresh", dg.AssetSelection.all(), description="Load every source and rebuild all that follows from them."
)
domain_refreshes = [
    dg.define_asset_job(
        f"refresh_{name}", dg.AssetSelection.groups(name), description=f"The same for the assets of {name} only."
    )
    for name in DOMAINS
]
daily_refresh = dg.ScheduleDefinition(
    name="daily_refresh",
    job=refresh,
    cron_schedule="0 5 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)


def build_check_schedule(definitions: Sequence[dg.AssetsDefinition]) -> dg.ScheduleDefinition:
    """Every hour all checks of what is there, dbt's tests among them, and nothing is built."""
    return build_detector_schedule(definitions, name="checks", every="1h", unless=_nothing_is_loaded)


def _nothing_is_loaded(context: dg.ScheduleEvaluationContext) -> str | None:
    """Thirty checks of tables that don't exist yet would greet a new user with thirty alarms, and so would checks
    in the middle of the first refresh. The churn model is the last that it builds."""
    if context.instance.get_latest_materialization_event(CHURN_KEY) is not None:
        return None
    return "nothing has been loaded yet: run the job `refresh` first"


JOBS = [refresh, *domain_refreshes]
