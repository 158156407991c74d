"""A real store in a file; everything else around the engine is a fake of these tests' own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from incident_ops.adapters.store import SqlStore, open_store
from incident_ops_tests.blank import blank_store, kept_open


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    file = tmp_path / "x.db"
    with open_store(blank_store(file)) as opened, kept_open(file):
        yield opened
