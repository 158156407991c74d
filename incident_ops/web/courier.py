"""Delivers what is owed as soon as somebody has changed something: the message in the channel turns yellow at
once, and not when the sensor looks the next time.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Self

from incident_ops.core.errors import IncidentOpsError
from incident_ops.engine.dispatch import Dispatched

BUDGET = 5.0  # seconds a pass may take; the notification sensor delivers the rest
AFTERWARDS = 5.0  # seconds in which what had to wait (one edit a second) is tried again
PAUSE = 0.5

Pass = Callable[[Callable[[], bool]], Dispatched]
"""Delivers what is due until nothing is, or until the argument says to stop."""

_log = logging.getLogger(__name__)


class Courier:
    """One thread, started by `with`; asked many times at once it goes once. Others may deliver beside it."""

    def __init__(self, deliver: Pass) -> None:
        self._deliver = deliver
        self._wanted = threading.Event()
        self._ends = False
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """A delivery that is under way has a moment; another worker looks up what became of it."""
        self._ends = True
        self._wanted.set()
        self._thread.join(timeout=3)

    def go(self) -> None:
        """Something is owed; returns at once."""
        self._wanted.set()

    def _run(self) -> None:
        pending, until = False, 0.0
        while True:
            if self._wanted.wait(PAUSE if pending else None):
                self._wanted.clear()
                until = time.monotonic() + AFTERWARDS
            if self._ends:
                return
            pending = self._pass() > 0 and time.monotonic() < until

    def _pass(self) -> int:
        """How many are still owed."""
        ends = time.monotonic() + BUDGET
        try:
            return self._deliver(lambda: time.monotonic() < ends and not self._ends).pending
        except IncidentOpsError as error:  # the sensor's next pass delivers it
            _log.warning("Nothing can be delivered now: %s", error)
            return 0
