"""A local HTTP server that stands for Slack: its rules, its limits, and its troubles on request.

    with FakeSlack(channels=["fin", "web"]) as slack:
        notifier = slack_notifier(slack.token, slack.base_url)
        slack.next(rate_limited(30))                      # the next request, whatever it is
        slack.next(lost_answer(), method="chat.postMessage")
        slack.down(server_error())                        # every request, until slack.up()
        …
        assert [post.text for post in slack.posts("#fin")] == [...]

People press and are answered: `slack.trigger()` and `slack.response_url` are what a payload carries, `slack.views`
and `slack.whispers` what came of it. `FakeUser` and `FakeChannel` say more of people and channels than a name.

By hand: `python -m incident_ops_tests.fake_slack --port 0` prints its base URL and a line for every request.
Needs nothing but the standard library. The rules are those of docs.slack.dev (reference/methods, block-kit).
"""

from incident_ops_tests.fake_slack.records import Call, Edit, FakeMessage, FakeView, Whisper
from incident_ops_tests.fake_slack.server import FakeSlack
from incident_ops_tests.fake_slack.troubles import (
    Trouble,
    dropped,
    error,
    hang,
    lost_answer,
    not_json,
    rate_limited,
    redirect,
    server_error,
)
from incident_ops_tests.fake_slack.workspace import FakeChannel, FakeUser, channel_id

__all__ = [
    "Call",
    "Edit",
    "FakeChannel",
    "FakeMessage",
    "FakeSlack",
    "FakeUser",
    "FakeView",
    "Trouble",
    "Whisper",
    "channel_id",
    "dropped",
    "error",
    "hang",
    "lost_answer",
    "not_json",
    "rate_limited",
    "redirect",
    "server_error",
]
