"""A sink that the configuration names and that cannot be used as things stand: its secret or its server is
missing."""

from typing import NoReturn

from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Message
from incident_ops.core.routing import Destination


class Unusable:
    """Notifier with every ability and none: what is asked of it waits for a person, who is told what to do.

    Args:
        sentence: what is wrong, and the remedy.
    """

    def __init__(self, kind: str, sentence: str) -> None:
        self.kind = kind
        self._sentence = sentence

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        self._refuse()

    def update(self, receipt: Receipt, message: Message, *, key: str) -> None:
        self._refuse()

    def reply(self, thread: Receipt, text: str, *, key: str, broadcast: bool) -> Receipt:
        self._refuse()

    def check(self, destination: Destination) -> None:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise TransportError(self._sentence, needs_person=True)
