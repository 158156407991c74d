"""Fixtures of the tests of detectors."""

from collections.abc import Iterator

import dagster as dg
import pytest


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Real storage in memory: a run takes a tenth of the time that it takes on disk. `test_factory` reads what was
    remembered from files, too."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance
