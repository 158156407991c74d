"""How fast Slack may be spoken to: its rate limits as lanes, with what is left of each.

https://docs.slack.dev/apis/web-api/rate-limits: `chat.postMessage` about one message a second and channel;
`chat.update` and the look-ups (`conversations.history`, `conversations.replies`) are Tier 3, 50 and more a minute,
each method by itself, for a whole workspace. Bursts are suffered but not promised: we stay at 50 in any minute.
"""

import threading
from collections.abc import Callable, Iterator

from incident_ops.core.delivery import Delivery
from incident_ops.core.notices import EDIT_PAUSE, Action
from incident_ops.core.pace import Allowance, Bucket, Held, Lane, full, seconds_to_wait, taken

KIND = "slack"

_MESSAGES = Allowance(every=1.0)
_TIER_3 = Allowance(every=60 / 40, burst=10)
_CHANGES_OF_A_MESSAGE = Allowance(every=EDIT_PAUSE.total_seconds())
_NEW = frozenset({Action.POST, Action.TELL, Action.REPLY})
_EDITS = frozenset({Action.EDIT})
_MANY = 1_000


class SlackPace:
    """`engine.sinks.Pace` for Slack; what goes elsewhere is never held. May be shared by threads, and should be
    kept for as long as the process runs: what was used up in one pass counts in the next.

    Args:
        monotonic: seconds, of a clock that never goes back.
        wait: waits so many seconds.
    """

    def __init__(self, *, monotonic: Callable[[], float], wait: Callable[[float], None]) -> None:
        self._monotonic, self._wait = monotonic, wait
        self._buckets: dict[Lane, tuple[Allowance, Bucket]] = {}
        self._lock = threading.Lock()

    def clock(self) -> float:
        return self._monotonic()

    def wait(self, seconds: float) -> None:
        self._wait(seconds)

    def held(self, delivery: Delivery) -> Held | None:
        """The lane that lets it wait longest; None: it goes, and a token of each of its lanes is taken."""
        with self._lock:
            at = self._monotonic()
            lanes = [(lane, allowance, self._bucket(lane, allowance, at)) for lane, allowance in _lanes(delivery)]
            waits = [
                Held(lane=lane, seconds=seconds)
                for lane, allowance, bucket in lanes
                if (seconds := seconds_to_wait(bucket, allowance, at=at)) > 0
            ]
            if waits:
                return max(waits, key=lambda held: held.seconds)
            for lane, allowance, bucket in lanes:
                self._buckets[lane] = (allowance, taken(bucket, allowance, at=at))
            self._forget(at)
            return None

    def _bucket(self, lane: Lane, allowance: Allowance, at: float) -> Bucket:
        known = self._buckets.get(lane)
        return known[1] if known else full(allowance, at=at)

    def _forget(self, at: float) -> None:
        """The lanes of messages that nobody changes any more; a full bucket is the same as none."""
        if len(self._buckets) > _MANY:
            self._buckets = {
                lane: (allowance, bucket)
                for lane, (allowance, bucket) in self._buckets.items()
                if seconds_to_wait(bucket, allowance, at=at) > 0 or allowance.burst > 1
            }


def _lanes(delivery: Delivery) -> Iterator[tuple[Lane, Allowance]]:
    place = delivery.destination
    if place.kind != KIND:
        return
    if delivery.action is Action.EDIT:
        yield Lane(kind=KIND, actions=_EDITS), _TIER_3
        one = Lane(kind=KIND, address=place.address, actions=_EDITS, number=delivery.number)
        yield one, _CHANGES_OF_A_MESSAGE
    else:
        yield Lane(kind=KIND, address=place.address, actions=_NEW), _MESSAGES
        if delivery.fate_unknown:
            yield Lane(kind=KIND, actions=_NEW, in_doubt=True), _TIER_3
