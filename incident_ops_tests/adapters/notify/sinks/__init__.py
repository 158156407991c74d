"""Every kind of sink for the tests that all must pass: a notifier on a local stand-in, and what came of it.

One module a kind, each with `SINKS`, named functions that open one for a `with`. A new kind gets a module here and
nothing else. A stand-in that refuses what its real counterpart refuses is what makes the tests worth something.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache

from incident_ops.core.routing import Destination
from incident_ops.engine.ports import Notifier


class Failure(StrEnum):
    """What can go wrong, and what the error must say of it.

    - `RATE_LIMITED`: asked to wait 30 seconds; `retry_after` says so.
    - `BROKEN`: the server's own error (500, 451); to be tried again.
    - `SILENT`, `DROPPED`: no answer in time, or the connection closed in place of one; the fate is unknown to
      a sink that does not deduplicate.
    - `UNAUTHORISED`: the token or password is not taken; needs a person.
    - `UNREACHABLE`: nothing listens there; to be tried again.
    - `WRONG_CERTIFICATE`: another host's certificate; needs a person.
    """

    RATE_LIMITED = "rate limited"
    BROKEN = "broken"
    SILENT = "silent"
    DROPPED = "dropped"
    UNAUTHORISED = "unauthorised"
    UNREACHABLE = "unreachable"
    WRONG_CERTIFICATE = "wrong certificate"


RETRY_AFTER = 30
"""Seconds that a `RATE_LIMITED` sink asks for."""

TIMEOUT = 0.4
"""Seconds that the notifiers of `SILENT` sinks wait."""


@dataclass(frozen=True, kw_only=True)
class Sink:
    """A notifier, and what people see through it.

    Attributes:
        posts: what people see as it stands now, one text for every message, page, issue or conversation.
        replies: the texts of the replies to the post whose receipt has this `message`.
        sent: every byte that has left for the sink, in any encoding in which a search for ASCII finds it.
        secrets: what was planted in the notifier's settings and must not be found in any error, log or `repr`.
        deduplicates: the same key sent again shows nothing more.
        failing: for each failure that the kind can meet, a function that arranges it and returns the notifier that
            meets it when it sends next.
    """

    notifier: Notifier
    destination: Destination
    posts: Callable[[], list[str]]
    sent: Callable[[], bytes]
    replies: Callable[[str], list[str]] = field(default=lambda message: [])
    secrets: tuple[str, ...] = ()
    deduplicates: bool = True
    failing: Mapping[Failure, Callable[[], Notifier]] = field(default_factory=dict)

    @property
    def post_key(self) -> str:
        """The delivery's key of INC-7's post here."""
        return f"INC-7:post:{self.destination}"


Opening = Callable[[], AbstractContextManager[Sink]]


@cache
def every_sink() -> Mapping[str, Opening]:
    """All kinds by name."""
    found: dict[str, Opening] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        found |= importlib.import_module(f"{__name__}.{module.name}").SINKS
    return found


@cache
def _probed(name: str) -> tuple[frozenset[Failure], bool, Notifier]:
    with every_sink()[name]() as sink:
        return frozenset(sink.failing), sink.deduplicates, sink.notifier


def sinks_that(*abilities: type, deduplicate: bool = False) -> list[str]:
    """Names of the kinds whose notifiers have all the abilities (Protocols)."""
    chosen: list[str] = []
    for name in every_sink():
        _, deduplicates, notifier = _probed(name)
        if all(isinstance(notifier, ability) for ability in abilities) and (deduplicates or not deduplicate):
            chosen.append(name)
    return chosen


def failing_sinks() -> list[tuple[str, Failure]]:
    """Every kind with every failure that it can meet."""
    return [(name, failure) for name in every_sink() for failure in Failure if failure in _probed(name)[0]]
