"""Upkeep: the database, the configuration, the catalog."""

from datetime import timedelta

import click

from incident_ops.adapters.sinks import routing_of, sinks_of
from incident_ops.adapters.store import migrate
from incident_ops.adapters.wiring import database_url, in_force, surroundings_of, utc_now, wire
from incident_ops.cli.notify import line_of
from incident_ops.cli.options import as_json, print_json
from incident_ops.cli.place import around, held_here, instance_of
from incident_ops.config import (
    FILE_NAME,
    Settings,
    doubtful_secrets,
    load_settings,
    missing_secrets,
    not_yet_effective,
    warnings_of,
)
from incident_ops.config.document import read_document
from incident_ops.config.load import sentences
from incident_ops.core.durations import format_duration
from incident_ops.core.errors import ConfigError, SourceUnavailable
from incident_ops.core.record import utc_text
from incident_ops.core.routing import DEFAULT, INBOX
from incident_ops.engine.ops import refreshed_catalog
from incident_ops.engine.trial import Tried, ask, has_failed, is_broken, places_behind


@click.group()
def db() -> None:
    """Our own database."""


@db.command()
@as_json
def upgrade(as_json: bool) -> None:
    """Bring the database to this version's schema, or create it."""
    revision = migrate.upgrade(database_url(around()))
    if as_json:
        print_json({"revision": revision})
    else:
        click.echo(f"the database is at revision {revision}")


@click.group()
def config() -> None:
    """The configuration file."""


@config.command()
@click.option("--online", is_flag=True, help="Also ask every receiver, without anybody hearing of it.")
@as_json
def check(online: bool, as_json: bool) -> None:
    """Check the file: mistakes, templates, missing secrets, what is probably not meant or has no effect yet."""
    here = around()
    settings = load_settings(here.environ, here.cwd)
    file = settings.file.name if settings.file else FILE_NAME
    _insist_on_templates_that_work(settings, file)
    notes = [
        *missing_secrets(settings.config, here.environ),
        *doubtful_secrets(settings.config, here.environ),
        *warnings_of(settings.text, file=file, now=utc_now()),
        *not_yet_effective(settings.config),
    ]
    tried = _asked() if online else []
    if as_json:
        report = {
            "file": str(settings.file) if settings.file else None,
            "ok": not has_failed(tried),
            "notes": notes,
        }
        print_json({**report, "receivers": [each.as_record() for each in tried]} if online else report)
    else:
        click.echo(f"{settings.file or 'no file: the defaults hold'}: ok")
        for sentence in (*notes, *map(line_of, tried)):
            click.echo(f"  {sentence}")
    if has_failed(tried):
        click.get_current_context().exit(2 if is_broken(tried) else 1)


def _asked() -> list[Tried]:
    """Every place of the file's receivers, and the default channel, each once."""
    held = held_here()
    rules = routing_of(held.settings)
    names = (DEFAULT, *rules.receivers)
    places = dict.fromkeys(place for name in names for place in places_behind(name, rules, None))
    sinks = sinks_of(held.settings, held.store, now=utc_now())
    return [ask(sinks, place) for place in places if place.kind != INBOX]


def _insist_on_templates_that_work(settings: Settings, file: str) -> None:
    """Their faults are no mistakes of the file: it is used in spite of them, and messages keep their own text."""
    if any(receiver.templates for receiver in settings.config.receivers):
        from incident_ops.adapters.templates import template_problems  # Jinja2 is loaded where it is used

        faults = template_problems(settings.config, read_document(settings.text), now=utc_now())
        if problems := sentences(faults, file):
            raise ConfigError(problems)


@click.group()
def catalog() -> None:
    """What is known of the assets of all code locations."""


@catalog.command()
@as_json
def refresh(as_json: bool) -> None:
    """Read owners, tags and edges now: from the webserver, or without one by loading the workspace file."""
    now = utc_now()
    with instance_of(around()) as instance:
        held = in_force(surroundings_of(instance), now=now)
        ops = wire(instance, held, now=now)
        known = refreshed_catalog(ops, now=now, max_age=timedelta(0), retry=timedelta(0), at_any_cost=True)
    if trouble := held.store.value("catalog trouble"):
        age = known.age(now)
        kept = f" The last one, {format_duration(age)} old, stays in force." if age is not None else ""
        raise SourceUnavailable(f"{trouble}{kept}")
    source = held.store.value("catalog source")
    if as_json:
        print_json({"assets": len(known), "fetched_at": utc_text(known.fetched_at), "source": source})
    else:
        click.echo(f"{len(known)} asset{'' if len(known) == 1 else 's'} known, from the {source}")


COMMANDS = (db, config, catalog)
