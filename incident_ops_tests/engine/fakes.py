"""Fakes of what the engine talks to: state by constructor, what happened is read-only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from incident_ops.core.catalog import Catalog
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import SourceUnavailable
from incident_ops.core.message import Message
from incident_ops.core.routing import Destination
from incident_ops.engine.dispatch import Sinks
from incident_ops.engine.ports import Notifier


@dataclass(frozen=True)
class Sent:
    """One call of a sink that it accepted."""

    what: str
    to: str
    text: str
    key: str = ""
    broadcast: bool = False


class FakeSink:
    """A sink with threads, edits and a memory.

    Args:
        troubles: what the next calls raise; None stands for one that goes well.
        lost: keys of messages that it accepted though nobody was told so.
        down: addresses that always raise, and what.
    """

    def __init__(
        self,
        *troubles: Exception | None,
        kind: str = "slack",
        lost: Iterable[str] = (),
        down: Mapping[str, Exception] | None = None,
    ) -> None:
        self.kind = kind
        self._troubles = list(troubles)
        self._accepted = {key: Receipt(channel="?", message=key) for key in lost}
        self._down = dict(down or {})
        self._sent: list[Sent] = []
        self._looked_up: list[str] = []

    @property
    def sent(self) -> tuple[Sent, ...]:
        return tuple(self._sent)

    @property
    def looked_up(self) -> tuple[str, ...]:
        return tuple(self._looked_up)

    @property
    def story(self) -> list[tuple[str, str]]:
        return [(sent.what, sent.to) for sent in self._sent]

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        self._stumble(destination.address)
        self._sent.append(Sent("post", destination.address, message.headline, key))
        return self._remember(Receipt(channel=destination.address, message=key))

    def update(self, receipt: Receipt, message: Message, *, key: str) -> None:
        self._stumble(receipt.channel)
        self._sent.append(Sent("edit", receipt.channel, message.headline))

    def reply(self, thread: Receipt, text: str, *, key: str, broadcast: bool) -> Receipt:
        self._stumble(thread.channel)
        self._sent.append(Sent("reply", thread.channel, text, key, broadcast))
        return self._remember(Receipt(channel=thread.channel, message=key))

    def look_up(
        self, destination: Destination, key: str, *, thread: Receipt | None, since: datetime
    ) -> Receipt | None:
        self._looked_up.append(key)
        return self._accepted.get(key)

    def _remember(self, receipt: Receipt) -> Receipt:
        self._accepted[receipt.message] = receipt
        return receipt

    def _stumble(self, address: str) -> None:
        trouble = self._down.get(address) or (self._troubles.pop(0) if self._troubles else None)
        if trouble is not None:
            raise trouble


class PlainSink:
    """A sink that can do nothing but send."""

    def __init__(self, kind: str = "webhook") -> None:
        self.kind = kind
        self._sent: list[Sent] = []

    @property
    def sent(self) -> tuple[Sent, ...]:
        return tuple(self._sent)

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        self._sent.append(Sent("post", destination.address, message.headline, key))
        return Receipt(channel=destination.address, message=key)


def sinks(*notifiers: Notifier, jitter: float = 0) -> Sinks:
    """Posts go to `slack:#data` where their own place cannot exist, to `inbox:#data` when nothing else helps."""
    return Sinks(
        notifiers={notifier.kind: notifier for notifier in notifiers},
        default=Destination(kind="slack", address="#data"),
        fallback=Destination(kind="inbox", address="#data"),
        links_of=lambda incident: (),
        address_of=lambda who: who,
        jitter=lambda: jitter,
    )


class FakeWorkspace:
    """What the webserver would say; `away` makes every question fail."""

    def __init__(
        self,
        *,
        catalog: Catalog | None = None,
        broken: Mapping[str, str] | None = None,
        daemons: Mapping[str, bool | None] | None = None,
        away: bool = False,
    ) -> None:
        self._catalog, self._broken, self._daemons, self._away = catalog, broken or {}, daemons or {}, away

    def fetch(self, *, now: datetime, known: Catalog | None = None) -> Catalog:
        self._ask()
        return self._catalog or Catalog(fetched_at=now)

    def load_errors(self) -> Mapping[str, str]:
        self._ask()
        return self._broken

    def daemon_health(self) -> Mapping[str, bool | None]:
        self._ask()
        return self._daemons

    def _ask(self) -> None:
        if self._away:
            raise SourceUnavailable("the webserver does not answer")
