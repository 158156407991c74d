"""Every contract test runs on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from incident_ops.adapters.store import SqlStore, open_store
from incident_ops_tests.blank import blank_store

BOTH = ["sqlite", "postgres"]


@pytest.fixture(params=BOTH)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that can be opened and holds nothing."""
    if request.param == "sqlite":
        return blank_store(tmp_path / "store.db")
    return request.getfixturevalue("migrated_postgres_url")


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def open_another(store_url: str) -> Iterator[Callable[[], SqlStore]]:
    """Opens the same store once more, as another process would."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(open_store(store_url))


@pytest.fixture
def store(open_another: Callable[[], SqlStore]) -> SqlStore:
    return open_another()
