"""The place that a command runs in: its surroundings, the settings in force there, its Dagster instance.

Commands import Dagster, and what is built upon it, only where they use it: that takes a second, and most of them
read our own store alone.
"""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
import yaml

from incident_ops.adapters.wiring import InForce, Surroundings, in_force, policy_of, surroundings_of, utc_now
from incident_ops.core.errors import ConfigError
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.strangers import with_strangers

if TYPE_CHECKING:
    import dagster as dg


def around() -> Surroundings:
    """Of this process."""
    return surroundings_of(None)


def held_here() -> InForce:
    """The settings in force; a broken configuration is told and makes the exit code 2, and nothing worse."""
    held = in_force(around(), now=utc_now())
    if held.problems:
        click.echo("\n".join(held.problems), err=True)
    return held


def finish(held: InForce) -> None:
    """The end of a command that `held_here` began."""
    if held.problems:
        click.get_current_context().exit(2)


def knowledge_of(held: InForce, *, now: datetime) -> Knowledge:
    """What a change by hand is founded on: nothing is read anew from Dagster for it."""
    policy = policy_of(held.settings)
    return Knowledge(
        catalog=with_strangers(held.store.catalog(), held.store),
        policy=policy,
        installed_at=now,
        silences=tuple(held.store.silences(since=now)),
        firing=dict(held.store.firing_labels()) if policy.attention.inhibit else {},
    )


def instance_of(surroundings: Surroundings) -> "dg.DagsterInstance":
    """The Dagster instance of `DAGSTER_HOME`, else of the `dagster.yaml` here.

    Raises:
        ConfigError: there is none, or its configuration cannot be used.
    """
    import dagster as dg

    if surroundings.environ.get("DAGSTER_HOME"):
        try:
            return dg.DagsterInstance.get()
        except (dg.DagsterInvariantViolationError, dg.DagsterInvalidConfigError) as error:
            raise ConfigError([f"DAGSTER_HOME: {str(error).splitlines()[0]}"]) from error
        except yaml.MarkedYAMLError as error:
            line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
            file = Path(surroundings.environ["DAGSTER_HOME"]) / "dagster.yaml"
            raise ConfigError([f"{file}{line}: this is not valid YAML; correct it."]) from error
    if (surroundings.cwd / "dagster.yaml").is_file():
        return dg.DagsterInstance.from_config(str(surroundings.cwd))
    raise ConfigError(
        ["DAGSTER_HOME is not set and there is no dagster.yaml here; set DAGSTER_HOME to Dagster's home."]
    )
