"""Running: one pass of everything by hand, and the demonstration."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import click

from incident_ops.adapters.wiring import in_force, surroundings_of, utc_now, wire
from incident_ops.cli.options import as_json, moment_of, print_json
from incident_ops.cli.place import around, instance_of
from incident_ops.engine.ops import tick

DELIVERY_BUDGET = timedelta(seconds=60)  # within a lease; what is left is for the next pass


@click.command("tick")
@click.option("--at", "at", metavar="ISO-TIME", help="What time it is; by default now.")
@as_json
def tick_(at: str | None, as_json: bool) -> None:
    """One pass, in the foreground, of everything the sensors do, on the instance of DAGSTER_HOME."""
    now = moment_of(at) if at else utc_now()
    with instance_of(around()) as instance:
        held = in_force(surroundings_of(instance), now=now)
        ops = wire(instance, held, now=now)
        report = tick(ops, now=now, may_go_on=lambda: True, may_deliver=_for_at_most(DELIVERY_BUDGET))
    for sentence in (*held.problems, *report.dispatched.problems):
        click.echo(sentence, err=True)
    if as_json:
        print_json(report.as_record())
    else:
        click.echo(", ".join(f"{name}: {_short(value)}" for name, value in report.as_record().items()))
    if held.problems or report.dispatched.for_people:
        click.get_current_context().exit(2)


def _for_at_most(budget: timedelta) -> Callable[[], bool]:
    """True for so long after the first time it is asked."""
    begun: list[float] = []

    def may() -> bool:
        begun.append(time.monotonic())
        return begun[-1] - begun[0] < budget.total_seconds()

    return may


def _short(value: object) -> str:
    return (", ".join(str(item) for item in value) or "none") if isinstance(value, list) else str(value)


@click.command()
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Keep everything here.")
@click.option("--exit", "exit_after", is_flag=True, help="Stop Dagster once the incident is shown.")
@click.option("--port", type=int, default=3000, show_default=True, help="Of the Dagster UI.")
def demo(home: Path | None, exit_after: bool, port: int) -> None:
    """Start Dagster with the marketplace, break something, and show the incident that comes of it."""
    from incident_ops.demo import run_demo  # the marketplace's packages are optional

    run_demo(home=home, exit_after=exit_after, port=port)


COMMANDS = (tick_, demo)
