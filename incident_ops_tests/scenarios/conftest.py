"""The stage: a home, an instance, a store and a Slack of each story's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from incident_ops.adapters.wiring import DATABASE_FILE
from incident_ops_tests.blank import blank_home, blank_store, kept_open
from incident_ops_tests.scenarios.story import Story, telling


@pytest.fixture
def on_disk() -> bool:
    """Whether Dagster's storage is files; a module whose stories need that says so."""
    return False


@pytest.fixture
def story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_disk: bool) -> Iterator[Story]:
    """Nothing has happened yet, and the catalog is known."""
    home = tmp_path / "home"
    if on_disk:
        blank_home(home)
    blank_store(home / DATABASE_FILE)
    with telling(tmp_path, monkeypatch, on_disk=on_disk) as story, kept_open(home / DATABASE_FILE):
        story.knows_the_catalog()
        yield story
