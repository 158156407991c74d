"""Which day a run is about: the last complete one before the run was created.

All steps of a run agree on it, though midnight may pass between them. The run tag `marketplace/until` sets
another day.
"""

from datetime import UTC, date, timedelta

import dagster as dg

UNTIL_TAG = "marketplace/until"


def reporting_day(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> date:
    run = context.run
    if explicit := run.tags.get(UNTIL_TAG):
        try:
            return date.fromisoformat(explicit)
        except ValueError as error:
            raise dg.DagsterInvariantViolationError(f"run tag {UNTIL_TAG} is not a date: {explicit!r}") from error
    record = context.instance.get_run_record_by_id(run.run_id)
    if record is None:
        raise dg.DagsterInvariantViolationError(f"the instance does not know run {run.run_id}")
    return record.create_timestamp.astimezone(UTC).date() - timedelta(days=1)
