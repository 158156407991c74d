"""The three sensors, all on by default and over all code locations: read, hand to the engine, report in a line.

Cursors live in our own database, beside what was made of the events, so Dagster's stay empty.
"""

from datetime import timedelta

import dagster as dg

from incident_ops.core.errors import IncidentOpsError
from incident_ops.defs.resources import Wiring, within
from incident_ops.engine.ops import detection_pass, notification_pass, take_run

TICK_BUDGET = timedelta(seconds=40)


def build_sensors(wiring: Wiring) -> tuple[dg.SensorDefinition, ...]:
    """The three sensors over one wiring."""

    @dg.sensor(
        name="incident_detection_sensor",
        minimum_interval_seconds=1,  # a tick each time the daemon's loop comes round (5 s); 5 would skip beats
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tails check evaluations, freshness changes and run ends of all code locations.",
    )
    def incident_detection_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        now = wiring.now()
        ops = wiring.ops(context.instance, now=now, repository=context.repository_def)
        done = detection_pass(ops, now=now, may_go_on=within(TICK_BUDGET))
        if done.opened or done.resolved:
            context.log.info(
                f"opened {', '.join(done.opened) or 'none'}; resolved {', '.join(done.resolved) or 'none'}"
            )
        return dg.SkipReason(
            f"{done.alerts} alerts: {len(done.opened)} incidents opened, {len(done.resolved)} resolved"
        )

    @dg.run_failure_sensor(
        name="run_failure_alert_sensor",
        monitor_all_code_locations=True,
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="The quick path for failed runs. The tail finds what this one misses.",
    )
    def run_failure_alert_sensor(context: dg.RunFailureSensorContext) -> None:
        """Writes to our store and raises nothing that a retry could cure: Dagster forgets a run whose sensor body
        raised."""
        now = wiring.now()
        try:
            ops = wiring.ops(context.instance, now=now, repository=context.repository_def)
            take_run(ops, context.dagster_run.run_id, now=now)
        except IncidentOpsError as error:
            context.log.error(f"run {context.dagster_run.run_id} is left to the detection sensor: {error}")

    @dg.sensor(
        name="notification_sensor",
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Delivers what is owed to people: posts, edits, replies.",
    )
    def notification_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        now = wiring.now()
        ops = wiring.ops(context.instance, now=now, repository=context.repository_def)
        done = notification_pass(ops, now=now, may_go_on=within(TICK_BUDGET))
        for problem in done.problems:
            context.log.warning(problem)
        return dg.SkipReason(f"{done.delivered} delivered, {done.pending} pending")

    return incident_detection_sensor, run_failure_alert_sensor, notification_sensor
