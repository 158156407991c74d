"""Acting on incidents by hand. What a person decided is kept, and its name is on the timeline."""

from datetime import datetime
from typing import Any

import click

from incident_ops.adapters.wiring import InForce, utc_now
from incident_ops.cli.options import as_json, by_whom, end_of, incident_id, number_of, one_of, print_json
from incident_ops.cli.place import finish, held_here, knowledge_of
from incident_ops.core.commands import (
    Acknowledge,
    Assign,
    Command,
    FollowUp,
    Grade,
    Note,
    Resolve,
    Snooze,
    TakeRole,
)
from incident_ops.core.incident import Incident
from incident_ops.core.message import moment
from incident_ops.core.record import incident_record, utc_text
from incident_ops.core.severity import Severity
from incident_ops.core.status import EntryKind, Resolution, Role
from incident_ops.engine import regroup
from incident_ops.engine.commands import perform


def _done(held: InForce, command: Command, *, by: str, now: datetime) -> Incident:
    return perform(held.store, command, knowledge_of(held, now=now), by=by, now=now)


def _do(command: Command, *, by: str, as_json: bool) -> None:
    held = held_here()
    _tell(_done(held, command, by=by, now=utc_now()), as_json=as_json)
    finish(held)


def _tell(*incidents: Incident, as_json: bool, done: str = "") -> None:
    """What became of one incident, or, as a list, of several; `done`: what was done to it, if it does not show."""
    if as_json:
        records: list[dict[str, Any]] = [incident_record(incident) for incident in incidents]
        print_json(records if len(records) > 1 else records[0])
        return
    for i in incidents:
        how = f"{i.status}, classified as {i.resolution}" if i.resolution else i.status
        click.echo(f"{i.id}{done} is {how}, {i.severity}, assignee {i.assignee or 'none'}")


@click.command()
@incident_id
@by_whom
@as_json
def ack(incident_id: str, by: str, as_json: bool) -> None:
    """Acknowledge: say that you are on it."""
    _do(Acknowledge(number=number_of(incident_id)), by=by, as_json=as_json)


@click.command()
@incident_id
@click.argument("to")
@by_whom
@as_json
def assign(incident_id: str, to: str, by: str, as_json: bool) -> None:
    """Hand the incident to a person or team."""
    _do(Assign(number=number_of(incident_id), to=to), by=by, as_json=as_json)


@click.command()
@incident_id
@click.option("--reason", type=one_of(Resolution), required=True, help="What it was.")
@by_whom
@as_json
def resolve(incident_id: str, reason: str, by: str, as_json: bool) -> None:
    """Resolve, and say why. Of one that has ended by itself, say what it was."""
    _do(Resolve(number=number_of(incident_id), reason=Resolution(reason)), by=by, as_json=as_json)


@click.command("snooze")
@incident_id
@click.option("--for", "lasting", metavar="DURATION", help="How long, such as 2h.")
@click.option("--until", metavar="ISO-TIME", help="Until when; without a zone UTC.")
@click.option("--off", is_flag=True, help="End it: push again.")
@by_whom
@as_json
def snooze_(incident_id: str, lasting: str | None, until: str | None, off: bool, by: str, as_json: bool) -> None:
    """Push nobody about the incident for a while. It stays as it is, and who looks sees it."""
    now = utc_now()
    if off and (lasting or until):
        raise click.UsageError("--off ends it at once; leave out --for and --until")
    ends = None if off else end_of(lasting, until, since=now, now=now)
    held = held_here()
    asked = Snooze(number=number_of(incident_id), lasting=None if ends is None else ends - now)
    incident = _done(held, asked, by=by, now=now)
    if as_json:
        print_json({**incident_record(incident), "snoozed_until": utc_text(ends)})
    else:
        how = f"snoozed until {moment(ends)}" if ends is not None else "no longer snoozed"
        click.echo(f"{incident.id} is {how}")
    finish(held)


@click.command()
@incident_id
@click.argument("text")
@by_whom
@as_json
def note(incident_id: str, text: str, by: str, as_json: bool) -> None:
    """Write a note on the timeline."""
    _do(Note(number=number_of(incident_id), text=text), by=by, as_json=as_json)


@click.command()
@incident_id
@click.argument("value", metavar="SEVERITY", type=one_of(Severity))
@by_whom
@as_json
def severity(incident_id: str, value: str, by: str, as_json: bool) -> None:
    """Set the severity; alerts that arrive later leave it alone."""
    _do(Grade(number=number_of(incident_id), severity=Severity(value)), by=by, as_json=as_json)


@click.command("role")
@incident_id
@click.argument("role", type=one_of(Role))
@click.argument("who", required=False)
@click.option("--off", is_flag=True, help="Lay it down: nobody has it then.")
@by_whom
@as_json
def role_(incident_id: str, role: str, who: str | None, off: bool, by: str, as_json: bool) -> None:
    """Take a role in the response yourself, or hand it over to WHO."""
    if off and who:
        raise click.UsageError("--off lays the role down; leave out WHO")
    number, now = number_of(incident_id), utc_now()
    held = held_here()
    asked = TakeRole(number=number, role=Role(role), who=None if off else who or by)
    incident = _done(held, asked, by=by, now=now)
    if as_json:
        print_json(incident_record(incident))
    else:
        roles = ", ".join(f"{each} {incident.roles.get(each, 'nobody')}" for each in Role)
        click.echo(f"{incident.id}: {roles}")
    finish(held)


@click.command("follow-up")
@incident_id
@click.argument("text")
@click.option("--receiver", metavar="NAME", help="The receiver with jira that gets it; by default the only one.")
@by_whom
@as_json
def follow_up(incident_id: str, text: str, receiver: str | None, by: str, as_json: bool) -> None:
    """Make a task of what is to be done later: an issue in Jira, which the next pass writes."""
    held, now = held_here(), utc_now()
    asked = FollowUp(number=number_of(incident_id), text=text, receiver=receiver)
    incident = _done(held, asked, by=by, now=now)
    if as_json:
        print_json(incident_record(incident))
    else:
        lines = reversed(held.store.timeline(incident.number))
        said = next(line.text for line in lines if line.kind is EntryKind.NOTE)
        click.echo(f"{incident.id}: {said}")
    finish(held)


@click.command()
@click.argument("into")
@click.argument("others", metavar="OTHER...", nargs=-1, required=True)
@by_whom
@as_json
def merge(into: str, others: tuple[str, ...], by: str, as_json: bool) -> None:
    """Take OTHER incidents into one: its id stays, theirs lead to it."""
    held, now = held_here(), utc_now()
    numbers = [number_of(other) for other in others]
    knowledge = knowledge_of(held, now=now)
    merged = regroup.merge(held.store, number_of(into), numbers, knowledge, by=by, now=now)
    taken_in = ", ".join(f"INC-{number}" for number in dict.fromkeys(numbers))
    _tell(merged, as_json=as_json, done=f" has taken in {taken_in} and")
    finish(held)


@click.command()
@incident_id
@click.argument("assets", metavar="ASSET...", nargs=-1, required=True)
@by_whom
@as_json
def split(incident_id: str, assets: tuple[str, ...], by: str, as_json: bool) -> None:
    """Part what failed on each ASSET (`a/b`, or `a/b: check`) into an incident of its own.

    Both are told, first the one that was there.
    """
    held, now = held_here(), utc_now()
    knowledge = knowledge_of(held, now=now)
    parts = regroup.split(held.store, number_of(incident_id), assets, knowledge, by=by, now=now)
    _tell(*parts, as_json=as_json)
    finish(held)


COMMANDS = (ack, assign, resolve, snooze_, note, severity, role_, follow_up, merge, split)
