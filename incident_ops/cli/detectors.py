"""What is watched, answered from the stored catalog and Dagster's event log; and code for what is not.

What needs Dagster is imported where it is used (see `place`)."""

from collections.abc import Collection
from dataclasses import asdict, replace
from datetime import timedelta

import click

from incident_ops import terminal_detectors, terminal_routes
from incident_ops.adapters.wiring import utc_now
from incident_ops.cli.lineage import tell_age
from incident_ops.cli.options import as_json, print_json
from incident_ops.cli.place import around, finish, held_here, instance_of, knowledge_of
from incident_ops.core.catalog import Catalog
from incident_ops.core.classification import precisions
from incident_ops.core.coverage import NatureOf, coverage_of, nature_by_name, record_of
from incident_ops.core.durations import DurationSyntaxError, parse_duration
from incident_ops.core.errors import ConfigError, UnknownAsset
from incident_ops.core.importance import importances
from incident_ops.core.lineage.spelling import close_to
from incident_ops.core.suggestion import AssetLook, ColumnLook
from incident_ops.core.suggestion import record_of as suggestion_record
from incident_ops.core.suggestion import suggest as suggest_for
from incident_ops.engine.ports import Store
from incident_ops.engine.timers import JUDGED, JUDGED_WITHIN

BUILDS = 60
"""Newest builds looked at: their number, and the columns and row counts that they reported."""


@click.group()
def detectors() -> None:
    """What is watched, and code for what is not."""


@detectors.command()
@click.option("--group", default="", help="Only the assets of this group.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="So many of those that lack something.",
)
@as_json
def coverage(group: str, limit: int, as_json: bool) -> None:
    """Show which assets lack an owner or a detector, and what to add first."""
    held, now = held_here(), utc_now()
    catalog = knowledge_of(held, now=now).catalog_with_consumers
    tell_age(catalog, held.store.value("catalog trouble"), now=now)
    found = coverage_of(catalog, importances(catalog.graph, catalog), nature_of=_nature_of(catalog), group=group)
    record = record_of(found, limit=limit)
    if as_json:
        print_json(record)
    else:
        terminal_detectors.show_coverage(record)
    finish(held)


@detectors.command()
@click.argument("asset")
@click.option("--source", metavar="URL", help="Where the data is, such as duckdb:///data/shop.duckdb.")
@click.option("--table", metavar="NAME", help="Its name there; by default as the asset's key says.")
@click.option("--timeout", default="60s", show_default=True, help="For each of the few queries.")
@as_json
def suggest(asset: str, source: str | None, table: str | None, timeout: str, as_json: bool) -> None:
    """Print code that gives ASSET (a/b) the detectors that suit it, after one look at its data.

    Without --source its metadata is all that is looked at: columns and row counts that its builds reported.
    """
    held, now = held_here(), utc_now()
    catalog = knowledge_of(held, now=now).catalog_with_consumers
    tell_age(catalog, held.store.value("catalog trouble"), now=now)
    record = suggestion_record(suggest_for(_known_of(asset, catalog, held.store, source, table, timeout)))
    if as_json:
        print_json(record)
    else:
        terminal_detectors.show_suggestion(record)
    finish(held)


def _known_of(
    asset: str, catalog: Catalog, store: Store, source: str | None, table: str | None, timeout: str
) -> AssetLook:
    """What its definition, its builds and, with a source, its data tell."""
    node = catalog.node(asset)
    if node is None:
        raise UnknownAsset(asset, close=close_to(asset, catalog.graph.keys))
    with store.looking_back() as history:
        builds = history.latest_of([asset], limit=BUILDS)
    personal = {*node.pii_columns, *_personal(asset)}
    [covered] = coverage_of(Catalog([node]), {}, nature_of=_nature_of(Catalog([node]))).assets
    reported = next((build.columns for build in reversed(builds) if build.columns), ())
    look = AssetLook(
        asset=asset,
        has=covered.has,
        checks=node.checks,
        columns=tuple(
            ColumnLook(name=column.name, type=column.type, is_personal=column.name in personal)
            for column in reported
        ),
        rows=next((build.row_count for build in reversed(builds) if build.row_count is not None), None),
        builds=len(builds),
        is_partitioned=node.is_partitioned,
    )
    if source is None:
        return look
    from incident_ops.detectors.looking import look_at
    from incident_ops.detectors.reading import ReadOptions

    options = ReadOptions(source=source, timeout=_length(timeout))
    if table is not None:
        options["table"] = table
    rows, columns = look_at(asset.split("/"), options, personal=personal)
    return replace(look, rows=rows, columns=columns, source=source, table=table or "", is_looked_at=True)


def _personal(asset: str) -> Collection[str]:
    """Columns that the newest build tags as personal, where there is an event log to read it in."""
    try:
        instance = instance_of(around())
    except ConfigError:
        return ()
    import dagster as dg

    from incident_ops.adapters.dagster_pii import PiiColumns

    with instance:
        return PiiColumns(instance).of(dg.AssetKey(asset.split("/")))


def _length(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except DurationSyntaxError as error:
        raise click.BadParameter(str(error), param_hint="--timeout") from error


def _nature_of(catalog: Catalog) -> NatureOf:
    """As the checks said themselves, where there is an event log to read it in, else by their names."""
    try:
        instance = instance_of(around())
    except ConfigError:
        return nature_by_name
    from incident_ops.adapters.dagster_natures import nature_in

    with instance:
        return nature_in(instance, catalog)


@detectors.command()
@as_json
def precision(as_json: bool) -> None:
    """Show how many of each detector's incidents were worth telling, as people said, and what might be changed."""
    held, now = held_here(), utc_now()
    said = held.store.classified(limit_per_detector=JUDGED, since=now - JUDGED_WITHIN)
    records = [{**asdict(each), "share": each.share} for each in precisions(said)]
    if as_json:
        print_json(records)
    elif not records:
        click.echo("No incident of the last 90 days was classified: incident-ops resolve INC-1 --reason …")
    else:
        terminal_routes.show_precisions(records)
    finish(held)


COMMANDS = (detectors,)
