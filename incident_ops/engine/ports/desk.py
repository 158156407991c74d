"""What an entrance for people (Slack's interactivity, the console) needs of us."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from incident_ops.core.commands import Command
from incident_ops.core.incident import Incident


class IncidentDesk(Protocol):
    """Who stands here may look and ask; every method may raise an `IncidentOpsError` whose text is for people."""

    def perform(self, command: Command, *, by: str) -> Incident:
        """Carry it out; returns the incident as it is then. `by` is an e-mail address where one is known."""
        ...

    def incident(self, number: int) -> Incident: ...

    def incident_of_message(self, channel: str, message: str) -> int | None:
        """The incident that a message (by its receipt) is about: its post, or a reply of ours in the thread."""
        ...

    def open_incidents(self) -> Sequence[Incident]:
        """Newest first."""
        ...

    def of_person(self, who: str) -> Sequence[Incident]:
        """The open incidents that `who` is assigned, answers for, or has a role in."""
        ...

    def on_call(self) -> Mapping[str, Sequence[str]]:
        """Schedule → who is on call now."""
        ...

    def address_of(self, slack_user: str) -> str | None:
        """The e-mail address of the person whose Slack id the configuration names."""
        ...
