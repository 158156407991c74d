"""Slack, on the stand-in with Slack's rules."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from incident_ops.adapters.notify.slack.notifier import SlackNotifier, slack_notifier
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify.local_server import Answer, LocalServer, unused_port
from incident_ops_tests.adapters.notify.sinks import RETRY_AFTER, Failure, Opening, Sink
from incident_ops_tests.fake_slack import FakeSlack, Trouble, dropped, error, hang, rate_limited, server_error

TOKEN = "xoxb-1234567890-very-secret"
NOW = datetime(2025, 3, 1, 9, tzinfo=UTC)


@contextmanager
def slack() -> Iterator[Sink]:
    with (
        FakeSlack(token=TOKEN, channels=["fin"], clock=lambda: NOW) as server,
        LocalServer(lambda request: Answer(), certificate_of="elsewhere.test") as other,
    ):

        def meeting(trouble: Trouble, timeout: int = 5) -> SlackNotifier:
            server.next(trouble)
            return slack_notifier(TOKEN, server.base_url, timeout)

        yield Sink(
            notifier=slack_notifier(TOKEN, server.base_url),
            destination=Destination(kind="slack", address="#fin"),
            posts=lambda: [post.content for post in server.posts("#fin")],
            replies=lambda ts: [reply.text for reply in server.replies(ts)],
            sent=lambda: "\n".join(json.dumps(call.body, ensure_ascii=False) for call in server.calls).encode(),
            secrets=(TOKEN,),
            deduplicates=False,
            failing={
                Failure.RATE_LIMITED: lambda: meeting(rate_limited(RETRY_AFTER)),
                Failure.BROKEN: lambda: meeting(server_error(500)),
                Failure.SILENT: lambda: meeting(hang(), timeout=1),
                Failure.DROPPED: lambda: meeting(dropped()),
                Failure.UNAUTHORISED: lambda: meeting(error("invalid_auth")),
                Failure.UNREACHABLE: lambda: slack_notifier(TOKEN, f"http://127.0.0.1:{unused_port()}/api/"),
                Failure.WRONG_CERTIFICATE: lambda: slack_notifier(TOKEN, f"{other.url}/api/"),
            },
        )


SINKS: dict[str, Opening] = {"slack": slack}
