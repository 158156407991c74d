"""The command `incident-ops`. Reading commands take `--json`: one document on standard output, logs on standard
error. Exit codes: 0 done, 1 not found or not allowed, 2 wrong usage or configuration.

What a command does is the engine's; here are arguments, output and exit codes. `demo` has a file of its own.
"""

import getpass
import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn

import click
import dagster as dg
import yaml

from incident_ops import terminal
from incident_ops.adapters.store import migrate
from incident_ops.adapters.wiring import (
    InForce,
    Surroundings,
    database_url,
    dispose_stores,
    in_force,
    policy_of,
    surroundings_of,
    utc_now,
    wire,
)
from incident_ops.config import load_settings, missing_secrets, not_yet_effective
from incident_ops.core.durations import format_duration
from incident_ops.core.errors import (
    ConfigError,
    IllegalTransition,
    IncidentOpsError,
    NotFound,
    SourceUnavailable,
)
from incident_ops.core.incident import Incident
from incident_ops.core.record import incident_record, utc_text
from incident_ops.core.severity import Severity
from incident_ops.core.status import EntryKind, Resolution, Status
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.ops import refreshed_catalog, tick
from incident_ops.engine.report import message_record, story_of
from incident_ops.engine.triage import change

OPEN = tuple(status for status in Status if status.is_open)
DELIVERY_BUDGET = timedelta(seconds=60)  # within a lease; what is left is for the next pass
_MOST_DIGITS = 18  # what a database's integer holds


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Entry point: every error that we raise on purpose becomes its sentence and an exit code.

    Args:
        arguments: those of the process by default.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # UTF-8 whatever the locale says: other programs read it
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        exit_code = commands.main(arguments, standalone_mode=False)  # what `ctx.exit` was called with
        sys.exit(exit_code if isinstance(exit_code, int) else 0)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except IncidentOpsError as error:
        click.echo(str(error), err=True)
        sys.exit(1 if isinstance(error, NotFound | IllegalTransition) else 2)
    finally:
        dispose_stores()


def _one_of(values: type[StrEnum]) -> click.Choice[str]:
    """The values as they are written everywhere else; of an enum click would take the members' names."""
    return click.Choice([member.value for member in values])


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return "somebody"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="incident-ops")
def commands() -> None:
    """Incidents of a Dagster instance: what broke, who was told, what came of it."""


as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
by_whom = click.option("--by", default=_who, show_default="you", help="Who is doing this.")


# ---- what every command needs


def _around() -> Surroundings:
    return surroundings_of(None)


def _held() -> InForce:
    """The settings in force; a broken configuration is told and makes the exit code 2, and nothing worse."""
    held = in_force(_around(), now=utc_now())
    if held.problems:
        click.echo("\n".join(held.problems), err=True)
    return held


def _finish(held: InForce) -> None:
    if held.problems:
        click.get_current_context().exit(2)


def _instance(around: Surroundings) -> dg.DagsterInstance:
    if around.environ.get("DAGSTER_HOME"):
        try:
            return dg.DagsterInstance.get()
        except (dg.DagsterInvariantViolationError, dg.DagsterInvalidConfigError) as error:
            raise ConfigError([f"DAGSTER_HOME: {str(error).splitlines()[0]}"]) from error
        except yaml.MarkedYAMLError as error:
            line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
            file = Path(around.environ["DAGSTER_HOME"]) / "dagster.yaml"
            raise ConfigError([f"{file}{line}: this is not valid YAML; correct it."]) from error
    if (around.cwd / "dagster.yaml").is_file():
        return dg.DagsterInstance.from_config(str(around.cwd))
    raise ConfigError(
        ["DAGSTER_HOME is not set and there is no dagster.yaml here; set DAGSTER_HOME to Dagster's home."]
    )


def _number(text: str) -> int:
    digits = text.upper().removeprefix("INC-")
    if not digits.isdecimal() or len(digits) > _MOST_DIGITS:
        raise NotFound(f'there is no incident "{text}"; incidents are named like INC-1')
    return int(digits)


def _print_json(document: Any) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


# ---- reading


@commands.command("list")
@click.option("--status", "statuses", multiple=True, type=_one_of(Status), help="Only these.")
@click.option("--all", "all_of_them", is_flag=True, help="Resolved ones too.")
@as_json
def list_(statuses: tuple[str, ...], all_of_them: bool, as_json: bool) -> None:
    """List incidents, the newest first; without options those that are open."""
    held = _held()
    wanted = None if all_of_them else [Status(s) for s in statuses] or OPEN
    found = held.store.incidents(statuses=wanted)
    if as_json:
        _print_json([incident_record(incident) for incident in found])
    elif not found:
        click.echo("No open incident." if not all_of_them else "No incident.")
    else:
        terminal.show_list(found)
    _finish(held)


@commands.command()
@click.argument("incident_id", metavar="ID")
@as_json
def show(incident_id: str, as_json: bool) -> None:
    """Show one incident with its evidence, timeline and deliveries."""
    held = _held()
    number = _number(incident_id)
    incident = held.store.incident(number)
    story = story_of(held.store, incident, now=utc_now())
    if as_json:
        _print_json(story)
    else:
        terminal.show(incident, story)
    _finish(held)


@commands.command()
@as_json
def inbox(as_json: bool) -> None:
    """Print the notifications kept in our own store, the sink of those without an account."""
    held = _held()
    messages = held.store.inbox()
    if as_json:
        _print_json([message_record(message) for message in messages])
    elif not messages:
        click.echo("The inbox is empty.")
    else:
        terminal.show_inbox(messages)
    _finish(held)


# ---- acting


def _change(incident_id: str, verb: Callable[[Incident], Incident], *, as_json: bool) -> None:
    held = _held()
    now = utc_now()
    knowledge = Knowledge(catalog=held.store.catalog(), policy=policy_of(held.settings), installed_at=now)
    incident = change(held.store, _number(incident_id), verb, knowledge, now=now)
    if as_json:
        _print_json(incident_record(incident))
    else:
        click.echo(
            f"{incident.id} is {incident.status}, {incident.severity}, assignee {incident.assignee or 'none'}"
        )
    _finish(held)


@commands.command()
@click.argument("incident_id", metavar="ID")
@by_whom
@as_json
def ack(incident_id: str, by: str, as_json: bool) -> None:
    """Acknowledge: say that you are on it."""
    _change(incident_id, lambda i: i.acknowledged(by=by, at=utc_now()), as_json=as_json)


@commands.command()
@click.argument("incident_id", metavar="ID")
@click.argument("to")
@by_whom
@as_json
def assign(incident_id: str, to: str, by: str, as_json: bool) -> None:
    """Hand the incident to a person or team."""
    _change(incident_id, lambda i: i.assigned(to, by=by, at=utc_now()), as_json=as_json)


@commands.command()
@click.argument("incident_id", metavar="ID")
@click.option("--reason", type=_one_of(Resolution), required=True, help="What it was.")
@by_whom
@as_json
def resolve(incident_id: str, reason: str, by: str, as_json: bool) -> None:
    """Resolve, and say why."""
    resolution = Resolution(reason)
    _change(incident_id, lambda i: i.resolved(at=utc_now(), by=by, reason=resolution), as_json=as_json)


@commands.command()
@click.argument("incident_id", metavar="ID")
@click.argument("text")
@by_whom
@as_json
def note(incident_id: str, text: str, by: str, as_json: bool) -> None:
    """Write a note on the timeline."""
    _change(incident_id, lambda i: i.noted(EntryKind.NOTE, text, at=utc_now(), by=by), as_json=as_json)


@commands.command()
@click.argument("incident_id", metavar="ID")
@click.argument("value", metavar="SEVERITY", type=_one_of(Severity))
@by_whom
@as_json
def severity(incident_id: str, value: str, by: str, as_json: bool) -> None:
    """Set the severity; alerts that arrive later leave it alone."""
    _change(incident_id, lambda i: i.graded(Severity(value), by=by, at=utc_now()), as_json=as_json)


# ---- running


@commands.command("tick")
@click.option("--at", "at", metavar="ISO-TIME", help="What time it is; by default now.")
@as_json
def tick_(at: str | None, as_json: bool) -> None:
    """One pass, in the foreground, of everything the sensors do, on the instance of DAGSTER_HOME."""
    now = _moment(at) if at else utc_now()
    around = _around()
    with _instance(around) as instance:
        around = surroundings_of(instance)
        held = in_force(around, now=now)
        ops = wire(instance, held, now=now)
        report = tick(ops, now=now, may_go_on=lambda: True, may_deliver=_for_at_most(DELIVERY_BUDGET))
    for sentence in (*held.problems, *report.dispatched.problems):
        click.echo(sentence, err=True)
    if as_json:
        _print_json(report.as_record())
    else:
        click.echo(", ".join(f"{name}: {_short(value)}" for name, value in report.as_record().items()))
    if held.problems or report.dispatched.for_people:
        click.get_current_context().exit(2)


def _for_at_most(budget: timedelta) -> Callable[[], bool]:
    """True for so long after the first time it is asked."""
    begun: list[float] = []

    def may() -> bool:
        begun.append(time.monotonic())
        return begun[-1] - begun[0] < budget.total_seconds()

    return may


def _short(value: object) -> str:
    return (", ".join(str(item) for item in value) or "none") if isinstance(value, list) else str(value)


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        sentence = f'"{text}" is not an ISO time; write it like 2026-11-20T09:00:00Z'
        raise click.BadParameter(sentence, param_hint="--at") from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


@commands.group()
def db() -> None:
    """Our own database."""


@db.command()
@as_json
def upgrade(as_json: bool) -> None:
    """Bring the database to this version's schema, or create it."""
    revision = migrate.upgrade(database_url(_around()))
    if as_json:
        _print_json({"revision": revision})
    else:
        click.echo(f"the database is at revision {revision}")


@commands.group()
def config() -> None:
    """The configuration file."""


@config.command()
@as_json
def check(as_json: bool) -> None:
    """Check the file: mistakes, missing secrets, and what has no effect in this version."""
    around = _around()
    settings = load_settings(around.environ, around.cwd)
    notes = [*missing_secrets(settings.config, around.environ), *not_yet_effective(settings.config)]
    if as_json:
        _print_json({"file": str(settings.file) if settings.file else None, "ok": True, "notes": notes})
        return
    click.echo(f"{settings.file or 'no file: the defaults hold'}: ok")
    for sentence in notes:
        click.echo(f"  {sentence}")


@commands.group()
def catalog() -> None:
    """What is known of the assets of all code locations."""


@catalog.command()
@as_json
def refresh(as_json: bool) -> None:
    """Read owners, tags and edges now: from the webserver, or without one by loading the workspace file."""
    around, now = _around(), utc_now()
    with _instance(around) as instance:
        held = in_force(surroundings_of(instance), now=now)
        ops = wire(instance, held, now=now)
        known = refreshed_catalog(ops, now=now, max_age=timedelta(0), retry=timedelta(0), at_any_cost=True)
    if trouble := held.store.value("catalog trouble"):
        age = known.age(now)
        kept = f"; the last one, {format_duration(age)} old, stays in force" if age is not None else ""
        raise SourceUnavailable(f"{trouble}{kept}")
    source = held.store.value("catalog source")
    if as_json:
        _print_json({"assets": len(known), "fetched_at": utc_text(known.fetched_at), "source": source})
    else:
        click.echo(f"{len(known)} assets known, from the {source}")


@commands.command()
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="Keep everything here.")
@click.option("--exit", "exit_after", is_flag=True, help="Stop Dagster once the incident is shown.")
@click.option("--port", type=int, default=3000, show_default=True, help="Of the Dagster UI.")
def demo(home: Path | None, exit_after: bool, port: int) -> None:
    """Start Dagster with the marketplace, break something, and show the incident that comes of it."""
    from incident_ops.demo import run_demo  # the marketplace's packages are optional

    run_demo(home=home, exit_after=exit_after, port=port)


if __name__ == "__main__":
    main()
