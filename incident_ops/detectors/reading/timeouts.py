"""How long a query may take, by engine."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from incident_ops.detectors.reading.options import ReadError, ReadTimeout

if TYPE_CHECKING:
    from ibis.backends import BaseBackend

Limit = Callable[[], AbstractContextManager[None]]


@contextmanager
def limited(backend: "BaseBackend", timeout: timedelta | None) -> Iterator[Limit]:
    """What to run each query in.

    Raises:
        ReadError: there is a time-out, and no known way to hold the engine to it.
    """
    if timeout is None:
        yield _unlimited
    elif timeout <= timedelta():
        raise ReadError(f"timeout={timeout} leaves no time: give a positive timedelta")
    elif backend.name == "duckdb":
        yield lambda: _interrupted(getattr(backend, "con"), timeout)  # noqa: B009 - the base class has none
    elif backend.name == "postgres":
        with _statements_limited(getattr(backend, "con"), timeout):  # noqa: B009
            yield lambda: _cancelled(timeout)
    else:
        raise ReadError(
            f"a timeout is known for duckdb and postgres, not for {backend.name}: set it in its session"
        )


@contextmanager
def _unlimited() -> Iterator[None]:
    yield


@contextmanager
def _interrupted(connection: Any, timeout: timedelta) -> Iterator[None]:
    import duckdb

    timer = threading.Timer(timeout.total_seconds(), connection.interrupt)
    timer.start()
    try:
        yield
    except duckdb.InterruptException as error:
        raise _too_late(timeout) from error
    finally:
        timer.cancel()


@contextmanager
def _statements_limited(connection: Any, timeout: timedelta) -> Iterator[None]:
    before = connection.execute("SHOW statement_timeout").fetchone()[0]
    _set_statement_timeout(connection, str(max(1, round(timeout.total_seconds() * 1000))))
    try:
        yield
    finally:
        if not connection.closed:
            _set_statement_timeout(connection, before)


def _set_statement_timeout(connection: Any, value: str) -> None:
    connection.execute("SELECT set_config('statement_timeout', %s, false)", (value,))


@contextmanager
def _cancelled(timeout: timedelta) -> Iterator[None]:
    import psycopg

    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise _too_late(timeout) from error


def _too_late(timeout: timedelta) -> ReadTimeout:
    return ReadTimeout(
        f"the engine did not answer within {timeout.total_seconds():g} s: give more time, or a sample of the rows"
    )
