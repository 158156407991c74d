"""What our own database knows of who was told and who is to be told next: timers, silences, digests, groups."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from incident_ops.core.digest import DigestItem
from incident_ops.core.muting import Silence
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Severity
from incident_ops.core.status import Resolution


class Attention(Protocol):
    """The part of a transaction that keeps what was done about incidents."""

    def attention(self, number: int) -> Mapping[str, Any]:
        """What was saved last about the incident; empty before the first time."""
        ...

    def save_attention(self, number: int, state: Mapping[str, Any], *, wake_at: datetime | None) -> None:
        """In place of what was saved before; `wake_at` None lets the incident rest until somebody wakes it."""
        ...

    def wake(self, numbers: Collection[int], *, at: datetime) -> None:
        """The incidents are looked at again at that time; those that wake earlier stay as they are."""
        ...

    def wake_open(self, *, at: datetime) -> None:
        """The same for every open incident: the configuration or the silences have changed."""
        ...

    def join_group(self, key: str, number: int) -> None:
        """The incident is told together with the others of the group. Joining twice is joining once."""
        ...

    def leave_groups(self, number: int) -> None:
        """Of every group; to be called when the incident is over, so that a group does not grow for ever."""
        ...

    def group(self, key: str) -> list[int]:
        """Numbers of the open incidents in the group, oldest first."""
        ...

    def add_to_digest(
        self, destination: Destination, number: int, *, why: str, due_at: datetime, now: datetime
    ) -> None:
        """The incident waits for the destination's digest. One that waits there already is left alone."""
        ...

    def digest_of(self, destination: Destination, *, until: datetime) -> list[DigestItem]:
        """What waits there and is due by then (included), oldest first."""
        ...

    def mark_digested(self, destination: Destination, *, until: datetime, now: datetime) -> None:
        """What `digest_of` gives for the same `until` was sent."""
        ...

    def pushes_to(
        self,
        destination: Destination,
        *,
        since: datetime,
        besides: Collection[Severity] = (),
        limit: int | None = None,
    ) -> list[datetime]:
        """The newest `limit` times at which pushes to the destination were enqueued, since then (included), newest
        last: of those that wait and those that were accepted, not of those that died, nor of those about
        incidents of the severities `besides`."""
        ...


class Agenda(Protocol):
    """The part of the store that says what is to be done next, and what is quiet."""

    def to_attend(self, *, now: datetime, limit: int) -> list[int]:
        """Numbers of the incidents whose time to wake has come, earliest first."""
        ...

    def next_wake(self) -> datetime | None:
        """The earliest time to wake, past or future."""
        ...

    def digests_due(self, *, now: datetime) -> list[Destination]:
        """Destinations for which something waits that is due."""
        ...

    def add_silence(
        self,
        matchers: Sequence[str],
        *,
        begins: datetime,
        ends: datetime,
        author: str,
        comment: str,
        now: datetime,
    ) -> int:
        """Keep a silence from `begins` (included) until `ends` (excluded), and wake the open incidents.

        Returns its id.

        Raises:
            MatcherSyntaxError: one of the texts is not a matcher.
            ValueError: it would not end after it begins.
        """
        ...

    def silences(self, *, since: datetime) -> list[Silence]:
        """Those that end later than `since`, in the order in which they begin."""
        ...

    def expire_silence(self, id: int, *, at: datetime) -> None:
        """It ends then, unless it has ended before; the open incidents are woken. `NotFound` for an unknown id."""
        ...

    def classified(
        self, *, limit_per_detector: int, since: datetime
    ) -> Mapping[tuple[str, str], list[Resolution]]:
        """(asset, check) of an incident's root, or of its first member with a check → why such incidents that
        ended since then had ended, as people answered, newest first. Merged and announced ones are left out."""
        ...

    def firing_labels(self) -> list[tuple[int, Mapping[str, str]]]:
        """Number and labels of each open incident, as they are now (`Incident.current_labels`), oldest first."""
        ...
