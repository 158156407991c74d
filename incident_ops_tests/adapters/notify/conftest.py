"""The stand-in for Slack, and our notifier on it."""

from collections.abc import Iterator

import pytest

from incident_ops.adapters.notify.slack.notifier import SlackNotifier, slack_notifier
from incident_ops_tests.adapters.notify.slack_account import TOKEN
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
