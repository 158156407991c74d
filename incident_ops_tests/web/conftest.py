"""A real store in a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from incident_ops.adapters.store import SqlStore, open_store
from incident_ops_tests.blank import blank_store, kept_open


@pytest.fixture
def store_file(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "x.db"
    blank_store(file)
    with kept_open(file):
        yield file


@pytest.fixture
def store_url(store_file: Path) -> str:
    return f"sqlite:///{store_file}"


@pytest.fixture
def store(store_url: str) -> Iterator[SqlStore]:
    with open_store(store_url) as opened:
        yield opened
