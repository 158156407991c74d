"""The stand-in for Slack, our notifier on it, and a stage on which an incident is open."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from incident_ops.adapters.notify.slack.notifier import SlackNotifier, slack_notifier
from incident_ops_tests.adapters.notify.slack_account import TOKEN
from incident_ops_tests.adapters.notify.slack_stage import Stage, set_up
from incident_ops_tests.fake_slack import (
    FakeSlack,
)


@pytest.fixture
def server() -> Iterator[FakeSlack]:
    with FakeSlack(token=TOKEN) as running:
        yield running


@pytest.fixture
def notifier(server: FakeSlack) -> SlackNotifier:
    return slack_notifier(TOKEN, server.base_url)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with set_up(tmp_path) as ready:
        ready.breaks()
        ready.delivers()
        yield ready


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """For what changes nothing: one for all these tests."""
    with set_up(tmp_path_factory.mktemp("untouched")) as ready:
        ready.breaks()
        ready.delivers()
        before = ready.story
        yield ready
        assert ready.story == before
