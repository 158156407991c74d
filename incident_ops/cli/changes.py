"""Acting on incidents by hand. What a person decided is kept, and its name is on the timeline."""

from collections.abc import Callable
from typing import Any

import click

from incident_ops.adapters.wiring import utc_now
from incident_ops.cli.options import as_json, by_whom, incident_id, number_of, one_of, print_json
from incident_ops.cli.place import finish, held_here, knowledge_of
from incident_ops.core.incident import Incident
from incident_ops.core.record import incident_record
from incident_ops.core.severity import Severity
from incident_ops.core.status import EntryKind, Resolution
from incident_ops.engine import regroup
from incident_ops.engine.triage import change


def _change(incident_id: str, verb: Callable[[Incident], Incident], *, as_json: bool) -> None:
    held, now = held_here(), utc_now()
    incident = change(held.store, number_of(incident_id), verb, knowledge_of(held, now=now), now=now)
    _tell(incident, as_json=as_json)
    finish(held)


def _tell(*incidents: Incident, as_json: bool) -> None:
    """What became of one incident, or, as a list, of several."""
    if as_json:
        records: list[dict[str, Any]] = [incident_record(incident) for incident in incidents]
        print_json(records if len(records) > 1 else records[0])
        return
    for i in incidents:
        click.echo(f"{i.id} is {i.status}, {i.severity}, assignee {i.assignee or 'none'}")


@click.command()
@incident_id
@by_whom
@as_json
def ack(incident_id: str, by: str, as_json: bool) -> None:
    """Acknowledge: say that you are on it."""
    _change(incident_id, lambda i: i.acknowledged(by=by, at=utc_now()), as_json=as_json)


@click.command()
@incident_id
@click.argument("to")
@by_whom
@as_json
def assign(incident_id: str, to: str, by: str, as_json: bool) -> None:
    """Hand the incident to a person or team."""
    _change(incident_id, lambda i: i.assigned(to, by=by, at=utc_now()), as_json=as_json)


@click.command()
@incident_id
@click.option("--reason", type=one_of(Resolution), required=True, help="What it was.")
@by_whom
@as_json
def resolve(incident_id: str, reason: str, by: str, as_json: bool) -> None:
    """Resolve, and say why."""
    resolution = Resolution(reason)
    _change(incident_id, lambda i: i.resolved(at=utc_now(), by=by, reason=resolution), as_json=as_json)


@click.command()
@incident_id
@click.argument("text")
@by_whom
@as_json
def note(incident_id: str, text: str, by: str, as_json: bool) -> None:
    """Write a note on the timeline."""
    _change(incident_id, lambda i: i.noted(EntryKind.NOTE, text, at=utc_now(), by=by), as_json=as_json)


@click.command()
@incident_id
@click.argument("value", metavar="SEVERITY", type=one_of(Severity))
@by_whom
@as_json
def severity(incident_id: str, value: str, by: str, as_json: bool) -> None:
    """Set the severity; alerts that arrive later leave it alone."""
    _change(incident_id, lambda i: i.graded(Severity(value), by=by, at=utc_now()), as_json=as_json)


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
    _tell(merged, as_json=as_json)
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


COMMANDS = (ack, assign, resolve, note, severity, merge, split)
