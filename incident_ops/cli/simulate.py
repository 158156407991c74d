"""What another configuration would have changed: the alerts of the last days go through it once more.

What needs Dagster is imported where it is used (see `place`)."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from incident_ops import terminal_simulation
from incident_ops.adapters.store.simulated import SimulatedStore
from incident_ops.adapters.wiring import InForce, policy_of, utc_now
from incident_ops.cli.lineage import tell_age
from incident_ops.cli.options import as_json, moment_of, print_json
from incident_ops.cli.place import around, finish, held_here, knowledge_of
from incident_ops.config import load_settings
from incident_ops.core.durations import DurationSyntaxError, parse_duration
from incident_ops.core.message import moment
from incident_ops.engine.happenings import Happenings, happenings
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.simulation import Simulated, record_of
from incident_ops.engine.simulation import simulate as simulate_with

_TOLD_EVERY = 2.0  # seconds


@click.command()
@click.option("--since", default="30d", show_default=True, metavar="DURATION|ISO-TIME", help="How far back.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The changed configuration; without one only that in force is tried.",
)
@click.option("--days", type=click.IntRange(0, 31), default=7, show_default=True, help="So many as columns.")
@as_json
def simulate(since: str, config: Path | None, days: int, as_json: bool) -> None:
    """Replay the alerts that were recorded, and count who would have been pushed, day by day.

    With --config before and after that change. Nothing is sent, and nothing is written to the store. What people
    did (acknowledged, resolved, snoozed …) and when all was well again is replayed as far as it is known; what was
    built from what is not.
    """
    now = utc_now()
    begins = _beginning(since, now)
    held = held_here()
    changed = _policy_in(config) if config is not None else None
    happened = happenings(held.store.recorded(since=begins))
    if not happened.alerts:
        click.echo(f"no alert was recorded since {moment(begins)}", err=True)
    knowledge = _knowledge(held, begins=begins, now=now)
    tell_age(knowledge.catalog, held.store.value("catalog trouble"), now=now)
    before = _tried(happened, knowledge, "before" if config else "replayed", until=now)
    after = None
    if changed is not None:
        after = _tried(happened, replace(knowledge, policy=changed), "after", until=now)
    record = record_of(happened, before, after, since=begins, until=now)
    if as_json:
        print_json({"config": str(config) if config is not None else None, **record})
    else:
        terminal_simulation.show(record, days=days)
    finish(held)


def _beginning(text: str, now: datetime) -> datetime:
    try:
        begins = moment_of(text, option="--since") if "-" in text else now - parse_duration(text)
    except DurationSyntaxError as error:
        raise click.BadParameter(f"{error}, or give an ISO time", param_hint="--since") from error
    except OverflowError as error:
        raise click.BadParameter(f'"{text}" is too long', param_hint="--since") from error
    if begins >= now:
        raise click.BadParameter("that time is still to come", param_hint="--since")
    return begins


def _policy_in(file: Path) -> Policy:
    """Raises `ConfigError` with all that is wrong with the file."""
    here = around()
    return policy_of(load_settings({**here.environ, "INCIDENT_OPS_CONFIG": str(file.absolute())}, here.cwd))


def _knowledge(held: InForce, *, begins: datetime, now: datetime) -> Knowledge:
    """As it is now, with the silences of the whole time."""
    from incident_ops.adapters.dagster_deadlines import cron_ticks

    known = held.store.value("installed at")
    return replace(
        knowledge_of(held, now=now),
        installed_at=datetime.fromisoformat(known) if known else begins,
        silences=tuple(held.store.silences(since=begins)),
        ticks=cron_ticks,
    )


def _tried(happened: Happenings, knowledge: Knowledge, what: str, *, until: datetime) -> Simulated:
    with SimulatedStore() as trial:
        return simulate_with(trial, happened, knowledge, until=until, tell=_telling(what, happened.alerts))


def _telling(what: str, alerts: int) -> Callable[[int], None]:
    """Says on standard error how far it is, once it has taken a while."""
    told = [time.monotonic()]

    def tell(done: int) -> None:
        if time.monotonic() - told[0] >= _TOLD_EVERY:
            told[0] = time.monotonic()
            click.echo(f"{what}: {done:,} of {alerts:,} alerts", err=True)

    return tell


COMMANDS = (simulate,)
