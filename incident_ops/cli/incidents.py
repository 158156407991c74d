"""Reading: the incidents, one incident's story, and what the inbox holds."""

import click

from incident_ops import terminal, terminal_story
from incident_ops.adapters.wiring import utc_now
from incident_ops.cli.options import as_json, incident_id, number_of, one_of, print_json
from incident_ops.cli.place import finish, held_here
from incident_ops.core.record import incident_record
from incident_ops.core.status import Status
from incident_ops.engine.report import audience_of, message_record, story_of

OPEN = tuple(status for status in Status if status.is_open)


@click.command("list")
@click.option("--status", "statuses", multiple=True, type=one_of(Status), help="Only these.")
@click.option("--all", "all_of_them", is_flag=True, help="Resolved ones too.")
@as_json
def list_(statuses: tuple[str, ...], all_of_them: bool, as_json: bool) -> None:
    """List incidents, the newest first; without options those that are open."""
    held = held_here()
    wanted = None if all_of_them else [Status(s) for s in statuses] or OPEN
    found = held.store.incidents(statuses=wanted)
    if as_json:
        print_json([incident_record(incident) for incident in found])
    elif not found:
        click.echo("No open incident." if not all_of_them else "No incident.")
    else:
        terminal.show_list(found)
    finish(held)


@click.command()
@incident_id
@click.option("--audience", is_flag=True, help="Only who was told of the data, and when.")
@as_json
def show(incident_id: str, audience: bool, as_json: bool) -> None:
    """Show one incident: its evidence, suspects, impact, forecast, timeline and deliveries."""
    held = held_here()
    incident = held.store.incident(number_of(incident_id))
    if audience:
        told = audience_of(held.store, incident)
        if as_json:
            print_json(told)
        else:
            terminal.show_audience(told)
    else:
        story = story_of(held.store, incident, now=utc_now())
        if as_json:
            print_json(story)
        else:
            terminal_story.show(incident, story)
    finish(held)


@click.command()
@as_json
def inbox(as_json: bool) -> None:
    """Print the notifications kept in our own store, the sink of those without an account."""
    held = held_here()
    messages = held.store.inbox()
    if as_json:
        print_json([message_record(message) for message in messages])
    elif not messages:
        click.echo("The inbox is empty.")
    else:
        terminal.show_inbox(messages)
    finish(held)


COMMANDS = (list_, show, inbox)
