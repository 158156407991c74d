"""The stage: a home, an instance, a store and a Slack of each story's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from incident_ops_tests.scenarios.story import Story, telling


@pytest.fixture
def on_disk() -> bool:
    """Whether Dagster's storage is files; a module whose stories need that says so."""
    return False


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_disk: bool) -> Iterator[Story]:
    """Nothing has happened yet, and the catalog is known."""
    with telling(tmp_path, monkeypatch, on_disk=on_disk) as story:
        story.knows_the_catalog()
        yield story
