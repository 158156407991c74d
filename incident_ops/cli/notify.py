"""Trying a receiver out: one message that says it is a test, or a question that nobody hears."""

import click

from incident_ops.adapters.sinks import routing_of, sinks_of
from incident_ops.adapters.wiring import utc_now
from incident_ops.cli.options import as_json, print_json
from incident_ops.cli.place import finish, held_here
from incident_ops.core.errors import UnknownAsset
from incident_ops.core.lineage.spelling import close_to
from incident_ops.core.sample import trial_of_receiver
from incident_ops.engine.trial import (
    OF_AN_ASSET,
    Tried,
    ask,
    has_failed,
    is_broken,
    places_behind,
    send_test,
)


@click.group()
def notify() -> None:
    """The receivers: can they be written to?"""


@notify.command()
@click.argument("receiver")
@click.option("--asset", help="Whose owner is meant, for the receivers owner and digest.")
@click.option("--check", is_flag=True, help="Only ask whether a message would be accepted; nobody hears of it.")
@as_json
def test(receiver: str, asset: str | None, check: bool, as_json: bool) -> None:
    """Send one message, which says that it is a test and ends itself, to every place behind RECEIVER.

    Exit codes: 0 accepted everywhere; 1 there is no such receiver, or a place does not answer now; 2 a place
    refuses until something is changed.
    """
    now, held = utc_now(), held_here()
    if receiver in OF_AN_ASSET and asset is None:
        raise click.UsageError(f"say whose: {receiver} depends on the asset; add --asset KEY")
    catalog = held.store.catalog()
    node = catalog.node(asset) if asset is not None else None
    if asset is not None and node is None:
        raise UnknownAsset(asset, close=close_to(asset, catalog.graph.keys))
    places = places_behind(receiver, routing_of(held.settings), node)
    sinks = sinks_of(held.settings, held.store, now=now)
    sample = trial_of_receiver(receiver, environment=held.settings.config.environment, now=now)
    tried = [ask(sinks, place) if check else send_test(sinks, place, sample, now=now) for place in places]
    if as_json:
        records = [each.as_record() for each in tried]
        print_json({"receiver": receiver, "ok": not has_failed(tried), "destinations": records})
    else:
        for each in tried:
            click.echo(line_of(each))
    if has_failed(tried):
        click.get_current_context().exit(2 if is_broken(tried) else 1)
    finish(held)


def line_of(tried: Tried) -> str:
    """One place in a line."""
    receipt = f" ({tried.receipt.channel} {tried.receipt.message})" if tried.receipt and not tried.problem else ""
    problem = f": {tried.problem}" if tried.problem else ""
    return f"{tried.destination}: {tried.outcome}{receipt}{problem}"


COMMANDS = (notify,)
