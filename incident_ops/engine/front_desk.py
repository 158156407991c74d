"""`engine.ports.desk.IncidentDesk` on our own store: where people look and ask, whichever entrance they take."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from incident_ops.core.commands import Command
from incident_ops.core.incident import Incident
from incident_ops.core.oncall import who_is_on_call
from incident_ops.core.status import Status
from incident_ops.engine.commands import perform
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.ports import Store

_OPEN = tuple(status for status in Status if status.is_open)


class FrontDesk:
    """May be used by several threads.

    Args:
        know: what decisions are founded on at a moment; asked anew each time, since the configuration may change.
        clock: aware UTC.
        changed: called after each change, when something is owed to people.
    """

    def __init__(
        self,
        store: Store,
        know: Callable[[datetime], Knowledge],
        *,
        clock: Callable[[], datetime],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._know, self._clock, self._changed = store, know, clock, changed

    def perform(self, command: Command, *, by: str) -> Incident:
        """See `engine.commands.perform`."""
        now = self._clock()
        incident = perform(self._store, command, self._know(now), by=by, now=now)
        self._changed()
        return incident

    def incident(self, number: int) -> Incident:
        return self._store.incident(number)

    def incident_of_message(self, channel: str, message: str) -> int | None:
        return self._store.incident_of_message(channel, message)

    def open_incidents(self) -> Sequence[Incident]:
        return self._store.incidents(statuses=_OPEN)

    def of_person(self, who: str) -> Sequence[Incident]:
        """Newest first. Letters' case makes no difference: sinks write addresses as they please."""
        knowledge, wanted = self._know(self._clock()), who.casefold()
        return [
            incident
            for incident in self.open_incidents()
            if wanted in {name.casefold() for name in _people_of(incident, knowledge)}
        ]

    def on_call(self) -> Mapping[str, Sequence[str]]:
        now = self._clock()
        schedules = self._know(now).policy.schedules
        return {name: who_is_on_call(schedule, now) for name, schedule in schedules.items()}

    def address_of(self, slack_user: str) -> str | None:
        people = self._know(self._clock()).policy.routing.people.values()
        return next((person.email for person in people if person.slack == slack_user), None)


def _people_of(incident: Incident, knowledge: Knowledge) -> set[str]:
    named = (incident.owner, incident.assignee)
    return {
        *(name for name in named if name is not None),
        *incident.responders,
        *incident.roles.values(),
        *knowledge.responders(incident),
    }
