"""The account that the tests of the Slack notifier use, and how they ask for its refusals."""

from datetime import UTC, datetime, timedelta

import pytest

from incident_ops.adapters.notify.slack.notifier import SlackNotifier
from incident_ops.core.errors import TransportError
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify import messages

TOKEN = "xoxb-1234567890-very-secret"
FIN = Destination(kind="slack", address="#fin")
SINCE = datetime.now(UTC) - timedelta(minutes=10)


def refusal_of(notifier: SlackNotifier, destination: Destination = FIN) -> TransportError:
    with pytest.raises(TransportError) as caught:
        notifier.send(destination, messages.PLAIN, key="k1")
    assert TOKEN not in repr(caught.value)
    assert caught.value.__cause__ is None
    return caught.value
