"""What commands take and give alike: options, how an incident or a time is written, JSON."""

import getpass
import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import click

from incident_ops.core.errors import NotFound

_MOST_DIGITS = 18  # what a database's integer holds


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "somebody"


as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
by_whom = click.option("--by", default=_who, show_default="you", help="Who is doing this.")
incident_id = click.argument("incident_id", metavar="ID")


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


def moment_of(text: str) -> datetime:
    """The aware UTC time of an ISO text; without a zone it is UTC.

    Raises:
        click.BadParameter: it is no such text.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        sentence = f'"{text}" is not an ISO time; write it like 2026-11-20T09:00:00Z'
        raise click.BadParameter(sentence, param_hint="--at") from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def print_json(document: Any) -> None:
    """One document on standard output, readable by people too."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))
