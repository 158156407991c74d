"""What Slack asks for, answered within its three seconds, whichever way it came: HTTP or Socket Mode.

What is asked for and what it means is `desk`'s; here is the time limit.
"""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Self

from incident_ops.core.errors import IncidentOpsError

PATIENCE = 2.0  # seconds; the rest of Slack's three is for the way
WORKERS = 8

Payload = Mapping[str, Any]

_log = logging.getLogger(__name__)

_LATE = {"response_type": "ephemeral", "text": "This takes longer than usual, and is still being done."}


class SlackIntake:
    """May be used by several threads; at the end of `with` what has not begun is dropped.

    Args:
        handle: carries a payload out and gives Slack's answer to it, None for an empty one.
        patience: seconds after which Slack is answered without waiting for the end.
        late: gets the payload and what should have been answered, when that comes after the patience has ended.
    """

    def __init__(
        self,
        handle: Callable[[Payload], Payload | None],
        *,
        patience: float = PATIENCE,
        late: Callable[[Payload, Payload], None] = lambda _, __: None,
    ) -> None:
        self._handle, self._patience, self._late = handle, patience, late
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="slack")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.shutdown(wait=False, cancel_futures=True)

    def answer(self, payload: Payload) -> Payload | None:
        """Slack's answer, None for an empty one. What the handler raises is logged, and in time raised as well."""
        handled = self._workers.submit(self._handle, payload)
        handled.add_done_callback(_tell_failure)
        if wait([handled], timeout=self._patience).done:
            return handled.result()
        handled.add_done_callback(lambda done: self._tell_late(payload, done))
        return _LATE if "command" in payload else None  # a modal closes, a button is enough in itself

    def _tell_late(self, payload: Payload, handled: "Future[Payload | None]") -> None:
        if handled.cancelled() or handled.exception() is not None:
            return
        answer = handled.result()
        if answer is not None:
            self._late(payload, answer)


def _tell_failure(handled: "Future[Payload | None]") -> None:
    error = None if handled.cancelled() else handled.exception()
    if isinstance(error, IncidentOpsError):
        _log.warning("What Slack asked for could not be done: %s", error)
    elif error is not None:
        _log.error("What Slack asked for failed", exc_info=error)
