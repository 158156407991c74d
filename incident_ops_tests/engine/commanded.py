"""A desk on which INC-1 is open and commands are given."""

from collections.abc import Sequence

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.catalog import Catalog
from incident_ops.core.commands import (
    Command,
)
from incident_ops.core.errors import IncidentOpsError
from incident_ops.core.incident import Incident
from incident_ops.core.routing import Destination, Receiver, RoutingRules
from incident_ops.engine.commands import perform
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.triage import triage
from incident_ops_tests.builders import T0, make_alert, minutes

ANN, BOB = "ann@acme.test", "bob@acme.test"


def jira(*names: str) -> dict[str, Receiver]:
    return {name: Receiver(name=name, destinations=(Destination(kind="jira", address=name),)) for name in names}


def knowing(*receivers: str, **routing: object) -> Knowledge:
    rules = RoutingRules(sink="inbox", default_channel="#data", receivers=jira(*receivers), **routing)  # type: ignore[arg-type]
    return Knowledge(catalog=Catalog(), policy=Policy(routing=rules), installed_at=T0)


class Desk:
    """INC-1 is open; commands are given some minutes after the failure."""

    def __init__(self, store: SqlStore, knowledge: Knowledge) -> None:
        self.store, self._knowledge = store, knowledge
        triage(store, [make_alert("a/b")], knowledge, now=minutes(1))

    def __call__(self, command: Command, by: str = ANN, *, at: float = 10) -> Incident:
        return perform(self.store, command, self._knowledge, by=by, now=minutes(at))

    def refusal(self, command: Command, by: str = ANN, *, at: float = 10) -> str:
        """The sentence; nothing is changed by what is refused."""
        before = self._everything()
        with pytest.raises(IncidentOpsError) as refused:
            self(command, by, at=at)
        assert self._everything() == before
        return str(refused.value)

    @property
    def story(self) -> list[str]:
        """The timeline since the failure."""
        return [entry.text for entry in self.store.timeline(1) if entry.at > minutes(1)]

    def _everything(self) -> Sequence[object]:
        store = self.store
        return store.incident(1), store.timeline(1), store.deliveries(1), store.silences(since=T0)
