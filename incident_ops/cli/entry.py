"""The command `incident-ops`. Reading commands take `--json`: one document on standard output, logs on standard
error. Exit codes: 0 done, 1 not found or not allowed, 2 wrong usage or configuration.

What a command does is the engine's; here are arguments, output and exit codes, a file for each noun.
"""

import io
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from incident_ops.adapters.wiring import dispose_stores
from incident_ops.cli import (
    changes,
    detectors,
    incidents,
    lineage,
    notify,
    oncall,
    routes,
    running,
    serve,
    silences,
    simulate,
    upkeep,
)
from incident_ops.core.errors import IllegalChange, IncidentOpsError, NotFound


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="incident-ops")
def commands() -> None:
    """Incidents of a Dagster instance: what broke, who was told, what came of it."""


for module in (
    incidents,
    changes,
    silences,
    routes,
    notify,
    oncall,
    lineage,
    detectors,
    running,
    serve,
    simulate,
    upkeep,
):
    for command in module.COMMANDS:
        commands.add_command(command)


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
        sys.exit(1 if isinstance(error, NotFound | IllegalChange) else 2)
    finally:
        dispose_stores()
