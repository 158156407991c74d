"""How the sensors reach everything else. Settings and secrets are read at each tick, so that a change of the file
or of a token needs no restart."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import dagster as dg

from incident_ops.adapters.wiring import assemble, in_force, surroundings_of, utc_now
from incident_ops.engine.ops import Ops
from incident_ops.engine.ports import Store


class Wiring:
    """Wires the engine to the instance of a tick. Tests give their own, with another clock or other surroundings.

    Not a Dagster resource: a sensor that is evaluated by hand with nothing but an instance must work.
    """

    def now(self) -> datetime:
        return utc_now()

    def ops(
        self, instance: dg.DagsterInstance, *, now: datetime, repository: dg.RepositoryDefinition | None = None
    ) -> Ops:
        """Raises `StoreUnavailable`; a configuration that cannot be used is replaced by the last good one.

        Args:
            repository: that the sensor is part of: its assets are known whether or not a webserver answers.
        """
        return assemble(instance, surroundings_of(instance), now=now, repository=repository)

    def store(self, instance: dg.DagsterInstance) -> Store:
        """The store alone, for loading incidents."""
        return in_force(surroundings_of(instance), now=self.now()).store


def within(budget: timedelta) -> Callable[[], bool]:
    """True until `budget` is used up: Dagster ends a tick after 60 s, and what is left is done by the next."""
    end = time.monotonic() + budget.total_seconds()
    return lambda: time.monotonic() < end
