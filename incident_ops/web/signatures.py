"""Whether a request comes from Slack: its `v0` signature, its age, and whether it was seen before.

The scheme is docs.slack.dev/authentication/verifying-requests-from-slack: HMAC-SHA256 over `v0:<time>:<body>`.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from incident_ops.engine.ports import Store

WINDOW = timedelta(minutes=5)
"""Slack's own advice; both ways, since clocks differ both ways."""

MOST_REMEMBERED = 5_000
"""Only what was signed is remembered: so many within ten minutes are no people's doing."""

_VERSION = "v0"
_MEMORY = "slack signatures"
_MOST_DIGITS = 11


class Doubt(StrEnum):
    """Why a request is not believed; for the log, never for who asks."""

    UNSIGNED = "it has no signature or no time"
    VERSION = "its signature is of another version"
    OLD = "it is older than five minutes"
    EARLY = "it comes from more than five minutes ahead"
    FORGED = "its signature does not fit"
    REPLAYED = "it was received before"
    CROWDED = "too many were received within ten minutes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What a request says of itself. `time` is in seconds since 1970, as text; None is a missing header."""

    body: bytes
    time: str | None
    signature: str | None


def signature_of(body: bytes, time: str, secret: str) -> str:
    """What Slack would send with it."""
    basis = b":".join((_VERSION.encode(), time.encode(), body))
    return f"{_VERSION}={hmac.new(secret.encode(), basis, hashlib.sha256).hexdigest()}"


def doubt_about(request: Signed, *, secret: str, now: datetime) -> Doubt | None:
    """Why the request is not to be believed, whether or not it was seen before; None if it is."""
    time, signature = request.time, request.signature
    if not signature or not time or not (time.isascii() and time.isdigit() and len(time) <= _MOST_DIGITS):
        return Doubt.UNSIGNED
    if not signature.startswith(f"{_VERSION}="):
        return Doubt.VERSION
    age = now.timestamp() - int(time)
    if abs(age) > WINDOW.total_seconds():
        return Doubt.OLD if age > 0 else Doubt.EARLY
    expected = signature_of(request.body, time, secret)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        return Doubt.FORGED
    return None


class Guard:
    """Believes each signed request once. What was received is kept in the store, in one row for all consoles: a
    request is not believed by another one either, nor after a restart.

    Args:
        secret: the app's signing secret.
    """

    def __init__(self, secret: str, store: Store) -> None:
        self._secret, self._store = secret, store

    def __repr__(self) -> str:
        return "Guard()"

    def doubt_about(self, request: Signed, *, now: datetime) -> Doubt | None:
        """Why the request is not to be believed; None if it is, and the next time it is a replay.

        Raises:
            StoreUnavailable: it cannot be known whether it was received before.
        """
        doubt = doubt_about(request, secret=self._secret, now=now)
        return doubt if doubt is not None else self._seen_before(request, now=now)

    def _seen_before(self, request: Signed, *, now: datetime) -> Doubt | None:
        name = hashlib.sha256((request.signature or "").encode()).hexdigest()[:24]
        with self._store.transaction() as tx:
            kept: dict[str, int] = json.loads(tx.cursor(_MEMORY) or "{}")
            oldest = now.timestamp() - WINDOW.total_seconds()
            fresh = {each: time for each, time in kept.items() if time >= oldest}
            if name in fresh:
                return Doubt.REPLAYED
            if len(fresh) >= MOST_REMEMBERED:
                return Doubt.CROWDED
            fresh[name] = int(request.time or 0)
            tx.save_cursor(_MEMORY, json.dumps(fresh), now=now)
        return None
