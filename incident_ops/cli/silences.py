"""Silences: whoever wants quiet for a while says for what, until when and why."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from incident_ops import terminal_routes
from incident_ops.adapters.wiring import utc_now
from incident_ops.cli.incidents import OPEN
from incident_ops.cli.options import (
    as_json,
    by_whom,
    end_of,
    moment_of,
    number_of,
    print_json,
    tell_unknown_labels,
)
from incident_ops.cli.place import finish, held_here, knowledge_of
from incident_ops.core.commands import Silence
from incident_ops.core.errors import IllegalChange, NotFound
from incident_ops.core.matching import Matcher, MatcherSyntaxError, matches_all, parse_matcher
from incident_ops.core.message import moment
from incident_ops.core.muting import Silence as KeptSilence
from incident_ops.core.record import utc_text
from incident_ops.engine.commands import matchers_about, perform
from incident_ops.engine.ports import Store

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@click.group()
def silence() -> None:
    """Quiet for what matches, for a while; incidents are recorded all the same."""


@silence.command()
@click.argument("matchers", metavar="[MATCHER]...", nargs=-1)
@click.option("--incident", metavar="ID", help="What this incident is about: its asset and check.")
@click.option("--for", "lasting", metavar="DURATION", help="How long, such as 2h.")
@click.option("--until", metavar="ISO-TIME", help="Until when; without a zone UTC.")
@click.option("--from", "begins", metavar="ISO-TIME", help="From when; by default now.")
@click.option("--comment", required=True, help="Why. It stands on the timeline of what is silenced.")
@by_whom
@as_json
def add(
    matchers: tuple[str, ...],
    incident: str | None,
    lasting: str | None,
    until: str | None,
    begins: str | None,
    comment: str,
    by: str,
    as_json: bool,
) -> None:
    """Push nobody for incidents that fulfil every MATCHER, such as 'team = fin' 'severity =~ SEV[23]'."""
    now = utc_now()
    since = moment_of(begins, option="--from") if begins else now
    ends = end_of(lasting, until, since=since, now=now)
    parsed = [_matcher(text) for text in matchers]
    held = held_here()
    if incident is not None:
        parsed += matchers_about(held.store.incident(number_of(incident)))
    if all(matcher.matches({}) for matcher in parsed):  # Alertmanager's rule
        raise click.UsageError(
            "a silence needs a MATCHER or --incident that asks for something; "
            "otherwise it would silence everything"
        )
    tell_unknown_labels([matcher.label for matcher in parsed], held.store.catalog())
    texts = [str(matcher) for matcher in parsed]
    if incident is not None and not matchers and not begins:  # as from Slack: said in its thread, and once
        command = Silence(number=number_of(incident), lasting=ends - now, comment=comment)
        perform(held.store, command, knowledge_of(held, now=now), by=by, now=now)
        new = max(held.store.silences(since=now), key=lambda each: each.id)
    else:
        id = held.store.add_silence(texts, begins=since, ends=ends, author=by, comment=comment, now=now)
        new = _known(id, held.store)
    matching = _open_and_matching(held.store, parsed)
    if as_json:
        print_json({**_record(new, now), "matching": matching})
    else:
        concerned = f", of what is open now: {', '.join(matching)}" if matching else "; nothing open matches"
        start = f"from {moment(new.begins)} " if new.begins > now else ""
        click.echo(f"silence {new.id} {start}until {moment(new.ends)} for {', '.join(texts)}{concerned}")
    finish(held)


@silence.command("list")
@click.option("--all", "all_of_them", is_flag=True, help="Those that are over, too.")
@as_json
def list_(all_of_them: bool, as_json: bool) -> None:
    """List the silences that are in force, or will be."""
    held, now = held_here(), utc_now()
    records = [_record(each, now) for each in held.store.silences(since=_EVER if all_of_them else now)]
    if as_json:
        print_json(records)
    elif not records:
        click.echo("No silence." if all_of_them else "No silence is in force.")
    else:
        terminal_routes.show_silences(records)
    finish(held)


@silence.command()
@click.argument("id", type=int)
@as_json
def expire(id: int, as_json: bool) -> None:
    """End a silence now."""
    held, now = held_here(), utc_now()
    before = _known(id, held.store)
    if before.ends <= now:
        raise IllegalChange(f"silence {id} has ended already, at {moment(before.ends)}")
    held.store.expire_silence(id, at=now)
    if as_json:
        print_json(_record(_known(id, held.store), now))
    else:
        click.echo(f"silence {id} is over")
    finish(held)


def _known(id: int, store: Store) -> KeptSilence:
    found = next((each for each in store.silences(since=_EVER) if each.id == id), None)
    if found is None:
        raise NotFound(f"there is no silence {id}")
    return found


def _matcher(text: str) -> Matcher:
    try:
        return parse_matcher(text)
    except MatcherSyntaxError as error:
        raise click.BadParameter(str(error), param_hint="MATCHER") from error


def _open_and_matching(store: Store, matchers: Sequence[Matcher]) -> list[str]:
    open_ones = store.incidents(statuses=OPEN)
    return [each.id for each in reversed(open_ones) if matches_all(matchers, each.current_labels)]


def _record(silence: KeptSilence, now: datetime) -> dict[str, Any]:
    state = "active" if silence.is_active(now) else "pending" if now < silence.begins else "expired"
    return {
        "id": silence.id,
        "state": state,
        "matchers": [str(matcher) for matcher in silence.matchers],
        "begins": utc_text(silence.begins),
        "ends": utc_text(silence.ends),
        "author": silence.author,
        "comment": silence.comment,
    }


COMMANDS = (silence,)
