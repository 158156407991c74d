"""Where workers come from: a process that has imported everything, has no threads, and forks one for each job.

A worker so begins within milliseconds, and inherits neither the threads of the server nor any lock.
"""

import atexit
import gc
import logging
import os
import pickle
import select
import signal
import subprocess
import sys
import traceback
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

import incident_ops_tests
from incident_ops_tests.crash.worker import Job, work


@dataclass(frozen=True, kw_only=True)
class Wait:
    """An order to the nursery: tell how the worker ended, or kill it after so many seconds."""

    pid: int
    seconds: float | None


class Nursery:
    """The nursery as its owner sees it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(incident_ops_tests.__file__).parents[1],
        )

    def begin(self, job: Job) -> int:
        """The process id of a worker that has begun with the job."""
        return self._ask(job)

    def end(self, pid: int, *, kill_after: float | None = None) -> int:
        """Waits for the end of a worker; its exit code, or a signal's number below zero."""
        return self._ask(Wait(pid=pid, seconds=kill_after))

    def close(self) -> None:
        self._process.communicate()

    def _ask(self, order: Job | Wait) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        _put(self._process.stdin, order)
        return pickle.load(self._process.stdout)


@cache
def nursery() -> Nursery:
    """One for this process and its whole life."""
    made = Nursery()
    atexit.register(made.close)
    return made


def serve() -> None:
    """Takes orders by standard input until nobody gives any more."""
    logging.getLogger().addHandler(logging.NullHandler())  # what workers warn of is their faults' doing
    orders, answers = sys.stdin.buffer, sys.stdout.buffer
    gc.freeze()  # what is shared with the workers stays shared
    lives: dict[int, int] = {}
    while True:
        try:
            order = pickle.load(orders)
        except EOFError:
            return
        if isinstance(order, Wait):
            _put(answers, _ended(order, lives.pop(order.pid)))
        else:
            pid, life = _fork(order)
            lives[pid] = life
            _put(answers, pid)


def _fork(job: Job) -> tuple[int, int]:
    """A worker, and the end of a pipe that is closed when it has ended."""
    life, held = os.pipe()
    pid = os.fork()
    if pid:
        os.close(held)
        return pid, life
    code = 1
    try:
        work(job)
        code = 0
    except BaseException:  # noqa: BLE001 - it must not go on as a second nursery; its exit code tells
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _ended(order: Wait, life: int) -> int:
    if not select.select([life], [], [], order.seconds)[0]:
        os.kill(order.pid, signal.SIGKILL)
    os.close(life)
    return os.waitstatus_to_exitcode(os.waitpid(order.pid, 0)[1])


def _put(pipe: IO[bytes], what: object) -> None:
    pickle.dump(what, pipe)
    pipe.flush()
