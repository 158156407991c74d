"""Who would hear of it: the route tree as a picture, and a rehearsal of a failure that never was.

What needs Dagster is imported where it is used (see `place`)."""

from dataclasses import replace

import click

from incident_ops import terminal_routes
from incident_ops.adapters.wiring import policy_of, utc_now
from incident_ops.cli.lineage import tell_age
from incident_ops.cli.options import as_json, moment_of, named, one_of, print_json, tell_unknown_labels
from incident_ops.cli.place import finish, held_here, knowledge_of
from incident_ops.core.alert import CheckSeverity, Nature
from incident_ops.core.severity import Severity
from incident_ops.engine.rehearsal import GIVEN_OTHERWISE, Supposed, record_of, rehearse
from incident_ops.engine.route_map import route_map


@click.group()
def routes() -> None:
    """Who hears of what, by the route tree."""


@routes.command()
@as_json
def show(as_json: bool) -> None:
    """Draw the tree: what leads where, options that differ from the parent's, escalation and who is on call."""
    held = held_here()
    record = route_map(policy_of(held.settings), now=utc_now())
    if as_json:
        print_json(record)
    else:
        terminal_routes.show_tree(record)
    finish(held)


@routes.command()
@click.option("--asset", required=True, callback=named, help="What fails, written a/b.")
@click.option("--check", help="The check that fails; without one the asset itself fails to build.")
@click.option("--nature", type=one_of(Nature), help="By default as the check's name tells.")
@click.option("--severity", type=one_of(Severity), help="By default as it would be graded.")
@click.option("--check-severity", type=one_of(CheckSeverity), default=CheckSeverity.ERROR.value, show_default=True)
@click.option("--partition", help="The partition that fails.")
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="In place of what the catalog says.")
@click.option("--at", "at", metavar="ISO-TIME", help="When it is to be told; by default now, without a zone UTC.")
@as_json
def test(
    asset: str,
    check: str | None,
    nature: str | None,
    severity: str | None,
    check_severity: str,
    partition: str | None,
    labels: tuple[str, ...],
    at: str | None,
    as_json: bool,
) -> None:
    """Say who would get it, by which route, through which quiet, and why. Nothing is sent and nothing is written.

    What is open, silenced and already pushed now counts, as do the deadlines of the stored catalog.
    """
    now = moment_of(at) if at else utc_now()
    supposed = Supposed(
        asset=asset,
        check=check,
        nature=Nature(nature) if nature else None,
        severity=Severity(severity) if severity else None,
        check_severity=CheckSeverity(check_severity),
        partition=partition,
        labels=_labels(labels),
    )
    from incident_ops.adapters.dagster_deadlines import cron_ticks

    held = held_here()
    knowledge = replace(knowledge_of(held, now=now), ticks=cron_ticks)
    tell_age(knowledge.catalog, held.store.value("catalog trouble"), now=utc_now())
    tell_unknown_labels(supposed.labels, knowledge.catalog)
    record = record_of(rehearse(held.store, supposed, knowledge, now=now))
    if as_json:
        print_json(record)
    else:
        terminal_routes.show_rehearsal(record)
    finish(held)


def _labels(texts: tuple[str, ...]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for text in texts:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not name or not sign:
            raise click.BadParameter(f'"{text}" is not a label; write it like team=fin', param_hint="--label")
        if name in GIVEN_OTHERWISE:
            option = f"use --{name.replace('_', '-')}" if name in _OPTIONS else "it follows from the rest"
            raise click.BadParameter(f'the label "{name}" cannot be set here; {option}', param_hint="--label")
        labels[name] = value
    return labels


_OPTIONS = ("asset", "check", "nature", "severity", "check_severity", "partition")

COMMANDS = (routes,)
