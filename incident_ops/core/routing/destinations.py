"""Places that can be written to, and the names under which the configuration gathers them."""

from dataclasses import dataclass

INBOX, EMAIL = "inbox", "email"

OWNER, DEFAULT, DIGEST = "owner", "default", "digest"
"""Receivers that exist without being defined: the owner's channel (the default channel for what has no owner), the
default channel, the owner's digest. `inbox` is the fourth."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Destination:
    """One place that can be written to: the kind of sink and an address that the sink understands."""

    kind: str
    address: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A name for one or more places that are written to together."""

    name: str
    destinations: tuple[Destination, ...] = ()
