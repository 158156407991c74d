"""The sinks as a pass needs them: which notifier serves a destination, where else things go, and how fast."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from incident_ops.core.delivery import Delivery
from incident_ops.core.incident import Incident
from incident_ops.core.message import Link, Message
from incident_ops.core.pace import Held, Lane
from incident_ops.core.routing import Destination
from incident_ops.engine.ports import Notifier


class Pace(Protocol):
    """How fast the sinks may be spoken to."""

    def clock(self) -> float:
        """Seconds, of a clock that never goes back."""
        ...

    def held(self, delivery: Delivery) -> Held | None:
        """Why this one may not go now; None: it goes, and its allowance is used up."""
        ...

    def wait(self, seconds: float) -> None: ...


class Unpaced:
    """Everything goes at once, and no time passes."""

    def clock(self) -> float:
        return 0.0

    def held(self, delivery: Delivery) -> Held | None:
        return None

    def wait(self, seconds: float) -> None:
        """Nothing is ever held, so nobody waits."""


UNPACED = Unpaced()


def undressed(destination: Destination, message: Message) -> Message:
    """The message as it is: nobody has templates there."""
    return message


@dataclass(frozen=True, slots=True, kw_only=True)
class Sinks:
    """Where and how to deliver.

    Attributes:
        notifiers: by kind of destination, or by a destination that has one of its own (`pagerduty:war-room`);
            `inbox` is always among them.
        fading: names of the notifiers that forget what is not repeated (`Fades`); to know them none is made.
        default: where a post goes whose own destination cannot exist (unknown or archived channel).
        fallback: where a post goes as well when its destination does not answer, and when `default` fails too.
        address_of: a person's e-mail address → what the sink knows the person by.
        jitter: draws from [0, 1).
        dress: an incident's message → as the templates of that destination have it.
        mail: mail can be sent, also to people whom their own sink does not know.
        pace: how fast; without one nothing is held back.
    """

    notifiers: Mapping[str, Notifier]
    default: Destination
    fallback: Destination
    links_of: Callable[[Incident], tuple[Link, ...]]
    address_of: Callable[[str], str]
    jitter: Callable[[], float]
    fading: frozenset[str] = frozenset()
    dress: Callable[[Destination, Message], Message] = undressed
    mail: bool = False
    pace: Pace = UNPACED

    def notifier_of(self, destination: Destination) -> Notifier | None:
        return self.notifiers.get(str(destination)) or self.notifiers.get(destination.kind)

    def lane_of(self, destination: Destination) -> Lane:
        """Everything that goes through the same notifier: if one does not answer, all of it waits."""
        has_its_own = str(destination) in self.notifiers
        return Lane(kind=destination.kind, address=destination.address if has_its_own else None)
