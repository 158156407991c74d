"""PagerDuty, on a stand-in that validates events."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from incident_ops.adapters.notify.pager_duty import PagerDutyNotifier
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify.local_server import LocalServer, http_failures
from incident_ops_tests.adapters.notify.pager_duty_events import Events
from incident_ops_tests.adapters.notify.sinks import Opening, Sink

ROUTING_KEY = "R0UT1NGKEY0123456789abcdefABCDEF"


def notifier_at(url: str, timeout: float = 5.0) -> PagerDutyNotifier:
    return PagerDutyNotifier(
        receiver="war-room", routing_key=ROUTING_KEY, url=url, origin="prod/7f3a", timeout=timeout
    )


@contextmanager
def pagerduty() -> Iterator[Sink]:
    events = Events(ROUTING_KEY)
    with LocalServer(events.answer) as server:
        yield Sink(
            notifier=notifier_at(server.url),
            destination=Destination(kind="pagerduty", address="war-room"),
            posts=lambda: [json.dumps(alert, ensure_ascii=False) for alert in events.alerts.values()],
            sent=server.sent,
            secrets=(ROUTING_KEY,),
            failing=http_failures(server, notifier_at),
        )


SINKS: dict[str, Opening] = {"pagerduty": pagerduty}
