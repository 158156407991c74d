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
        while self._wanted.wait() and not self._ends:
            self._wanted.clear()  # what is owed from now on needs another pass
            ends = time.monotonic() + BUDGET
            try:
                self._deliver(lambda until=ends: time.monotonic() < until and not self._ends)
            except IncidentOpsError as error:  # the sensor's next pass delivers it
                _log.warning("Nothing can be delivered now: %s", error)
