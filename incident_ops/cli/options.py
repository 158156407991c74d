"""What commands take and give alike: options, how an incident or a time is written, JSON."""

import getpass
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import click

from incident_ops.config.warnings import LABELS
from incident_ops.core.catalog import Catalog
from incident_ops.core.durations import DurationSyntaxError, parse_duration
from incident_ops.core.errors import NotFound
from incident_ops.core.lineage.spelling import close_to
from incident_ops.core.message import moment

_MOST_DIGITS = 18  # what a database's integer holds


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "somebody"


as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
by_whom = click.option("--by", default=_who, show_default="you", help="Who is doing this.")
incident_id = click.argument("incident_id", metavar="ID")


def named(context: click.Context, option: click.Parameter, value: str) -> str:
    """The value of an option that names something."""
    if not value.strip():
        raise click.BadParameter("it is empty; name one", param=option)
    return value


def one_of(values: type[StrEnum]) -> click.Choice[str]:
    """The values as they are written everywhere else; of an enum click would take the members' names."""
    return click.Choice([member.value for member in values])


def number_of(text: str) -> int:
    """The incident's number, written `INC-1`, `inc-1` or `1`.

    Raises:
        NotFound: no incident can be named like that.
    """
    digits = text.upper().removeprefix("INC-")
    if not digits.isdecimal() or len(digits) > _MOST_DIGITS:
        raise NotFound(f'there is no incident "{text}"; incidents are named like INC-1')
    return int(digits)


def moment_of(text: str, *, option: str = "--at") -> datetime:
    """The aware UTC time of an ISO text; without a zone it is UTC.

    Raises:
        click.BadParameter: it is no such text.
    """
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:  # OverflowError: the year 1 in the east
        sentence = f'"{text}" is not an ISO time; write it like 2026-11-20T09:00:00Z'
        raise click.BadParameter(sentence, param_hint=option) from error


def end_of(lasting: str | None, until: str | None, *, since: datetime, now: datetime) -> datetime:
    """The end that `--for` or `--until` gives.

    Raises:
        click.UsageError: neither or both are given, or it is over before it begins.
    """
    if (lasting is None) is (until is None):
        raise click.UsageError("say how long: either --for 2h or --until 2026-11-20T09:00Z")
    if until is not None:
        ends, option = moment_of(until, option="--until"), "--until"
    else:
        ends, option = _after(since, lasting or ""), "--for"
    if ends <= now:
        raise click.BadParameter(f"{moment(ends)} has passed already", param_hint=option)
    if ends <= since:
        raise click.BadParameter(f"it would end at {moment(ends)}, before it begins", param_hint=option)
    return ends


def _after(since: datetime, lasting: str) -> datetime:
    try:
        return since + parse_duration(lasting)
    except (DurationSyntaxError, OverflowError) as error:
        sentence = str(error) if isinstance(error, DurationSyntaxError) else f'"{lasting}" is too long'
        raise click.BadParameter(sentence, param_hint="--for") from error


def tell_unknown_labels(labels: Iterable[str], catalog: Catalog) -> None:
    """Warns on standard error of labels that no incident has. Of tags the catalog knows, if it knows anything."""
    tags = {f"tag:{tag}" for node in catalog.nodes for tag in node.tags}
    for label in dict.fromkeys(labels):
        if label in LABELS or label in tags or (label.startswith("tag:") and not len(catalog)):
            continue
        close = close_to(label, {*LABELS, *tags})
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        click.echo(f'no incident has a label "{label}"{hint}', err=True)


def print_json(document: Any) -> None:
    """One document on standard output, readable by people too."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
