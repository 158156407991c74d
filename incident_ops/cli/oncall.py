"""Who is on call: now, at another time, and over a period."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import click

from incident_ops import terminal_routes
from incident_ops.adapters.wiring import policy_of, utc_now
from incident_ops.cli.options import as_json, moment_of, print_json
from incident_ops.cli.place import finish, held_here
from incident_ops.core.errors import NotFound
from incident_ops.core.lineage.spelling import close_to
from incident_ops.core.oncall import Schedule, gaps, next_handoff, who_is_on_call
from incident_ops.core.oncall import shifts as shifts_of
from incident_ops.core.record import utc_text

PERIOD = timedelta(days=14)
NONE_CONFIGURED = "No schedule is configured."


@click.group()
def oncall() -> None:
    """Who is on call, by the schedules of the configuration."""


@oncall.command()
@click.argument("schedule", required=False)
@click.option("--at", "at", metavar="ISO-TIME", help="By default now; without a zone UTC.")
@as_json
def who(schedule: str | None, at: str | None, as_json: bool) -> None:
    """Say who is on call in SCHEDULE, or in each schedule."""
    now = moment_of(at) if at else utc_now()
    held = held_here()
    known = policy_of(held.settings).schedules
    asked = list(known.values()) if schedule is None else [_named(schedule, known)]
    records = [_who(each, now) for each in asked]
    if as_json:
        print_json(records if schedule is None else records[0])
    elif not records:
        click.echo(NONE_CONFIGURED)
    else:
        for each in asked:
            click.echo(_sentence(each, now))
    finish(held)


@oncall.command()
@click.argument("schedule")
@click.option("--from", "begins", metavar="ISO-TIME", help="By default now; without a zone UTC.")
@click.option("--until", "ends", metavar="ISO-TIME", help="By default two weeks later.")
@as_json
def shifts(schedule: str, begins: str | None, ends: str | None, as_json: bool) -> None:
    """List the shifts of SCHEDULE over a period, by its own clock and in UTC, and where nobody is on call."""
    since = moment_of(begins, option="--from") if begins else utc_now().replace(microsecond=0)
    until = moment_of(ends, option="--until") if ends else since + PERIOD
    if until <= since:
        raise click.BadParameter("the period ends before it begins", param_hint="--until")
    held = held_here()
    found = _named(schedule, policy_of(held.settings).schedules)
    record = _shifts(found, since, until)
    if as_json:
        print_json(record)
    else:
        terminal_routes.show_shifts(record)
    finish(held)


def _named(name: str, known: Mapping[str, Schedule]) -> Schedule:
    if (schedule := known.get(name)) is not None:
        return schedule
    if not known:
        raise NotFound(f'there is no schedule "{name}"; the configuration has none')
    close = close_to(name, known)
    hint = f"did you mean {' or '.join(close)}?" if close else f"the configuration has {', '.join(sorted(known))}"
    raise NotFound(f'there is no schedule "{name}"; {hint}')


def _who(schedule: Schedule, at: datetime) -> dict[str, Any]:
    return {
        "schedule": schedule.name,
        "on_call": list(who_is_on_call(schedule, at)),
        "until": utc_text(next_handoff(schedule, at)),
    }


def _sentence(schedule: Schedule, at: datetime) -> str:
    until = next_handoff(schedule, at)
    end = f" until {until.astimezone(schedule.zone):%a %Y-%m-%d %H:%M %Z}" if until is not None else ""
    return f"{schedule.name}: {', '.join(who_is_on_call(schedule, at)) or 'nobody'}{end}"


def _shifts(schedule: Schedule, begins: datetime, ends: datetime) -> dict[str, Any]:
    def edges(since: datetime, until: datetime) -> dict[str, Any]:
        return {
            "begins": utc_text(since),
            "ends": utc_text(until),
            "begins_local": since.astimezone(schedule.zone).isoformat(),
            "ends_local": until.astimezone(schedule.zone).isoformat(),
        }

    return {
        "schedule": schedule.name,
        "timezone": str(schedule.zone),
        "shifts": [
            {"member": shift.member, **edges(shift.begins, shift.ends)}
            for shift in shifts_of(schedule, begins, ends)
        ],
        "gaps": [edges(*gap) for gap in gaps(schedule, begins, ends)],
    }


COMMANDS = (oncall,)
