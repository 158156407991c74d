"""What a person can ask for, wherever they are: in Slack, in the console, on the command line.

Values only. They are carried out in `engine.commands`; parsing them out of a payload is each entrance's own.
"""

from dataclasses import dataclass
from datetime import timedelta

from incident_ops.core.severity import Severity
from incident_ops.core.status import Resolution, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something asked for about the incident `number`."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge(Command):
    """I am on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Command):
    """`to` is an e-mail address or `team:x`."""

    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade(Command):
    """Set the severity."""

    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Command):
    """Write something down on the timeline. `author` said it, if that is somebody else than who writes it down."""

    text: str
    author: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve(Command):
    """End it, or say of one that has ended by itself what it was."""

    reason: Resolution
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence(Command):
    """Push nobody for what the incident is about (its asset and check) for so long."""

    lasting: timedelta
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooze(Command):
    """Push nobody about this incident for so long; None ends it."""

    lasting: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeRole(Command):
    """`who` takes the role from now on; None lays it down."""

    role: Role
    who: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp(Command):
    """A task that is to be done later; `receiver` names the Jira receiver that gets it, None the only one."""

    text: str
    receiver: str | None = None
