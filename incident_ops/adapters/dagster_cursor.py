"""Where the tail of Dagster's event log stands. Values only; reading is `dagster_events`'s.

Rows above the last anchor are read again until they were visible for `SETTLE`: PostgreSQL hands out ids before it
commits, so a lower id may appear after a higher one. Anchors are events known to be read: when one is gone or
changed, rows at the end of the log were deleted and their ids given anew. So an id alone names no event: a row is
known by its id and timestamp.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

SETTLE = timedelta(seconds=10)
"""How long after a row is seen a lower id may still appear; measured on PostgreSQL with eight writers: 38 ms."""

LONG_SETTLED = timedelta(minutes=10)
"""Events older than this are settled at first sight, so that a backlog is read once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TailCursor:
    """Where the tail stands.

    Attributes:
        anchors: (id, timestamp) of events that were read and are settled, oldest first; the last is where
            reading begins.
        window: (id, timestamp, when first seen) of rows above the last anchor. All times are epoch seconds.
    """

    anchors: tuple[tuple[int, float], ...] = ()
    window: tuple[tuple[int, float, float], ...] = ()

    @property
    def settled(self) -> int:
        return self.anchors[-1][0] if self.anchors else 0

    @property
    def seen(self) -> dict[tuple[int, float], float]:
        """Id and timestamp of the rows above the last anchor → when they were first seen."""
        return {(event_id, at): first_seen for event_id, at, first_seen in self.window}

    def dump(self) -> str:
        return json.dumps({"anchors": self.anchors, "window": self.window}, separators=(",", ":"))

    @staticmethod
    def load(text: str | None) -> "TailCursor":
        if text is None:
            return TailCursor()
        data = json.loads(text)
        # Cursors were once kept without the timestamps of the window; what they had seen is told once more.
        window = [entry for entry in data["window"] if len(entry) == 3]
        return TailCursor(
            anchors=tuple((int(i), float(t)) for i, t in data["anchors"]),
            window=tuple((int(i), float(at), float(seen)) for i, at, seen in window),
        )


def advanced(state: TailCursor, rows: Iterable[tuple[int, float]], *, now: datetime) -> TailCursor:
    """The cursor after `rows` (id and timestamp, ascending): settled as far as all was visible long enough."""
    seen = state.seen
    moment = now.timestamp()
    anchors = list(state.anchors)
    window: list[tuple[int, float, float]] = []
    for event_id, at in rows:
        first_seen = min(seen.get((event_id, at), moment), moment)
        is_settled = moment - first_seen >= SETTLE.total_seconds() or moment - at >= LONG_SETTLED.total_seconds()
        if is_settled and not window:
            anchors.append((event_id, at))
        else:
            window.append((event_id, at, first_seen))
    return TailCursor(anchors=_thinned(anchors), window=tuple(window))


def _thinned(anchors: Sequence[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    """The newest eight anchors, and of the older ones those at doubling distances: enough to resume near any
    deletion, few enough for a cursor."""
    newest = list(anchors[-8:])
    older = list(anchors[:-8])
    kept: list[tuple[int, float]] = []
    distance = 64
    last = newest[0][0] if newest else 0
    for anchor in reversed(older):
        if last - anchor[0] >= distance:
            kept.append(anchor)
            last, distance = anchor[0], distance * 2
    return (*reversed(kept), *newest)
