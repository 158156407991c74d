"""A real store in a file; everything else around the engine is a fake of these tests' own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops_tests.blank import empty_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with empty_store(tmp_path / "x.db") as opened:
        yield opened
