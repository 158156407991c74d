"""A bounded lock between processes, made of SQLite: no polling of our own, nothing left behind by the killed.

DuckDB admits one writing process per file and answers the second with an error at once, so whoever wants the
file queues here first. SQLite's exclusive transaction does the waiting (its busy handler, bounded by
`timeout`), works on every platform, and the operating system frees it when the holder dies.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path


class StillLocked(RuntimeError):
    """Somebody else kept the lock for longer than we were willing to wait."""


@contextmanager
def exclusive(path: Path, *, timeout: float) -> Iterator[None]:
    """Hold the lock at `path` (created when missing) for the length of the block.

    Not reentrant: the same thread asking twice waits for itself. Raises `StillLocked` after `timeout` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A generator that holds the lock may be closed by the garbage collector, in another thread.
    with closing(sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise StillLocked(f"{path} was held by somebody else for more than {timeout:g} s") from error
        try:
            yield
        finally:
            lock.execute("ROLLBACK")
