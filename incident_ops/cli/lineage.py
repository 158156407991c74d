"""What is built from what, answered from the stored catalog and our own copy of what Dagster recorded: neither
Dagster nor a warehouse is asked."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import click

from incident_ops import terminal
from incident_ops.adapters.wiring import utc_now
from incident_ops.cli.options import as_json, print_json
from incident_ops.cli.place import finish, held_here, knowledge_of
from incident_ops.core.catalog import Catalog
from incident_ops.core.durations import format_duration
from incident_ops.core.lineage.graph import AssetGraph
from incident_ops.engine.lineage import (
    NEIGHBOURHOOD,
    KnownColumns,
    Record,
    impact_record,
    known_columns,
    show_record,
    upstream_record,
)
from incident_ops.engine.lineage_history import Records, for_impact, for_show, for_upstream
from incident_ops.engine.ports import History
from incident_ops.engine.report import catalog_record

OLD = timedelta(hours=1)  # the sensors renew it every five minutes

Question = Callable[[str, Catalog, KnownColumns], Record]
Needed = Callable[[str, AssetGraph, History], Records]

asset_or_column = click.argument("written", metavar="ASSET[.COLUMN]")


@click.group()
def lineage() -> None:
    """What is built from what, by asset and by column."""


@lineage.command()
@asset_or_column
@click.option(
    "--hops", type=click.IntRange(min=1), default=NEIGHBOURHOOD, show_default=True, help="How far to look."
)
@as_json
def show(written: str, hops: int, as_json: bool) -> None:
    """Show what an asset is built from, and what is built from it, nearby."""
    _answer(written, for_show, partial(show_record, hops=hops), as_json=as_json)


@lineage.command()
@asset_or_column
@as_json
def impact(written: str, as_json: bool) -> None:
    """Show all that is built from it and whom that concerns; of a column, what breaks if it is dropped."""
    _answer(written, for_impact, impact_record, as_json=as_json)


@lineage.command()
@asset_or_column
@as_json
def upstream(written: str, as_json: bool) -> None:
    """Show all that it is built from; of a column, the columns that it is built from."""
    _answer(written, for_upstream, upstream_record, as_json=as_json)


def _answer(written: str, needed: Needed, question: Question, *, as_json: bool) -> None:
    held, now = held_here(), utc_now()
    catalog = knowledge_of(held, now=now).catalog_with_consumers
    tell_age(catalog, held.store.value("catalog trouble"), now=now)
    with held.store.looking_back() as history:
        columns = known_columns(needed(written, catalog.graph, history))
    record = question(written, catalog, columns)
    if as_json:
        print_json({**record, "catalog": catalog_record(catalog, held.store, now=now)})
    else:
        terminal.show_lineage(record)
    finish(held)


def tell_age(catalog: Catalog, trouble: str | None, *, now: datetime) -> None:
    """Says on standard error how old the catalog is, where that matters."""
    age = catalog.age(now)
    if age is None:
        click.echo("the catalog was never read: run `incident-ops catalog refresh`", err=True)
    elif trouble or age > OLD:
        why = trouble or "run `incident-ops catalog refresh`"
        click.echo(f"the catalog is {format_duration(age)} old: {why}", err=True)


COMMANDS = (lineage,)
