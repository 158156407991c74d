"""dagster-slack's resource with the two things it lacks: a base URL and a client that sends everything once.

The only notifier file that imports Dagster; `slack.py` works without it.
"""

from dagster_slack import SlackResource
from pydantic import Field

from incident_ops.adapters.notify.slack.http import DEFAULT_BASE_URL, OnceOnlyClient, slack_client
from incident_ops.adapters.notify.slack.notifier import SlackNotifier


class IncidentSlackResource(SlackResource):
    """`SlackResource`, to be used wherever that is expected."""

    # Declared again to keep it out of `repr`, logs and tracebacks.
    token: str = Field(description="Token of the Slack app's bot (xoxb-…).", repr=False)
    base_url: str = Field(default=DEFAULT_BASE_URL, description="Slack's address as slack_sdk takes it.")
    timeout: int = Field(default=10, description="Seconds to connect, and to wait for an answer.")

    def get_client(self) -> OnceOnlyClient:
        return slack_client(self.token, self.base_url, self.timeout)

    def get_notifier(self, *, interactive: bool = False, incident_channels: str | None = None) -> SlackNotifier:
        return SlackNotifier(self.get_client(), interactive=interactive, incident_channels=incident_channels)
