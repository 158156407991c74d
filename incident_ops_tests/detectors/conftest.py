"""Fixtures of the tests of detectors."""

import shutil
from collections.abc import Iterator

import dagster as dg
import pytest


@pytest.fixture(scope="session")
def _in_memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """One for all: Alembic reads the whole of Dagster's migrations for each new one, longer than a run takes."""
    with dg.DagsterInstance.ephemeral(str(tmp_path_factory.mktemp("instance"))) as instance:
        yield instance


@pytest.fixture
def instance(_in_memory: dg.DagsterInstance) -> Iterator[dg.DagsterInstance]:
    """Real storage in memory, with nothing in it: a run takes a tenth of the time that it takes on disk.
    `test_factory` reads what was remembered from files, too."""
    yield _in_memory
    _in_memory.wipe()
    shutil.rmtree(_in_memory.storage_directory(), ignore_errors=True)  # the values of assets
