"""Jobs and schedules.

The hourly checks are on from the start. The daily refresh is not: nothing should rebuild the data behind the
back of somebody who is looking at a fault.
"""

import dagster as dg

from incident_ops.marketplace.domains import DOMAINS
from incident_ops.marketplace.home import current_home

refresh = dg.define_asset_job(
    "refresh", dg.AssetSelection.all(), description="Load every source and rebuild all that follows from them."
)
domain_refreshes = [
    dg.define_asset_job(
        f"refresh_{name}", dg.AssetSelection.groups(name), description=f"The same for the assets of {name} only."
    )
    for name in DOMAINS
]
checks = dg.define_asset_job(
    "checks", dg.AssetSelection.all_asset_checks(), description="Check what is there, and build nothing."
)

daily_refresh = dg.ScheduleDefinition(
    name="daily_refresh",
    job=refresh,
    cron_schedule="0 5 * * *",
    default_status=dg.DefaultScheduleStatus.STOPPED,
)


@dg.schedule(job=checks, cron_schedule="15 * * * *", default_status=dg.DefaultScheduleStatus.RUNNING)
def hourly_checks() -> dg.RunRequest | dg.SkipReason:
    if not current_home().warehouse.exists():
        return dg.SkipReason("nothing has been loaded yet: run the job `refresh` first")
    return dg.RunRequest()


JOBS = [refresh, *domain_refreshes, checks]
SCHEDULES = [daily_refresh, hourly_checks]
