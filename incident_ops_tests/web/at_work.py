"""All that stands between Slack and the store when somebody presses a button, as `incident-ops serve` has it; the
rules and the clock are the test's."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from incident_ops.adapters.notify.slack.desk import SlackDesk
from incident_ops.adapters.notify.slack.http import slack_client
from incident_ops.adapters.notify.slack.intake import SlackIntake
from incident_ops.adapters.notify.slack.notifier import SlackNotifier
from incident_ops.adapters.store import SqlStore
from incident_ops.adapters.wiring import utc_now
from incident_ops.core.catalog import Catalog
from incident_ops.core.routing import OWNER, Destination, RouteNode, RoutingRules
from incident_ops.core.status import SYSTEM
from incident_ops.core.teams import Person
from incident_ops.engine.dispatch import Dispatched, Sinks, dispatch
from incident_ops.engine.front_desk import FrontDesk
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.triage import triage
from incident_ops.web.app import make_app
from incident_ops.web.courier import Courier
from incident_ops.web.signatures import Guard
from incident_ops.web.slack import SlackEndpoints
from incident_ops_tests.builders import make_alert
from incident_ops_tests.fake_slack import FakeMessage, FakeSlack
from incident_ops_tests.waiting import wait_until
from incident_ops_tests.web.serving import SECRET, Slack, serving

ANN, BOB = "ann@acme.test", "bob@acme.test"
PEOPLE = {"U1ANN": ANN, "U2BOB": BOB}
DATA = Destination(kind="slack", address="#data")
SECONDS = 15.0

_RULES = RoutingRules(
    sink="slack",
    default_channel="#data",
    people={email: Person(email=email, slack=user) for user, email in PEOPLE.items()},
    tree=RouteNode(path="route", receiver=OWNER, group_wait=timedelta(0)),
)
KNOWLEDGE = Knowledge(catalog=Catalog(), policy=Policy(routing=_RULES), installed_at=utc_now())


@dataclass(frozen=True, kw_only=True)
class AtWork:
    """A store with INC-1, whose post is in the channel."""

    store: SqlStore
    slack: FakeSlack

    @property
    def post(self) -> FakeMessage:
        [post] = self.slack.posts("#data")
        return post

    @property
    def story(self) -> list[str]:
        """What people did, as the timeline tells it."""
        return [entry.text for entry in self.store.timeline(1) if entry.by != SYSTEM]

    def press(self, action_id: str, user: str = "U1ANN") -> Mapping[str, Any]:
        """What Slack sends when somebody presses that button under the post."""
        buttons = [each for block in self.post.blocks for each in block.get("elements", ())]
        [button] = [each for each in buttons if each.get("action_id") == action_id]
        return {
            "type": "block_actions",
            "user": {"id": user, "username": PEOPLE[user].partition("@")[0]},
            "channel": {"id": self.post.channel},
            "message": {"ts": self.post.ts},
            "trigger_id": self.slack.trigger(),
            "response_url": self.slack.response_url,
            "actions": [{**button, "type": "button", "action_ts": self.post.ts}],
        }

    def wait_until_edited(self) -> None:
        wait_until(lambda: self.post.edits, SECONDS, "the post is edited", pause=0.02)

    def deliver(self, may_go_on: Callable[[], bool] = lambda: True) -> Dispatched:
        sinks = Sinks(
            notifiers={
                "slack": SlackNotifier(slack_client(self.slack.token, self.slack.base_url), interactive=True)
            },
            default=DATA,
            fallback=DATA,
            links_of=lambda incident: (),
            address_of=lambda who: who,
            jitter=lambda: 0.0,
        )
        return dispatch(self.store, sinks, now=utc_now(), may_go_on=may_go_on)


@contextmanager
def answering(at_work: AtWork) -> Iterator[Callable[[Mapping[str, Any]], Mapping[str, Any] | None]]:
    """The Slack desk and all that is behind it."""
    with ExitStack() as running:
        courier = running.enter_context(Courier(at_work.deliver))
        desk = FrontDesk(at_work.store, lambda _: KNOWLEDGE, clock=utc_now, changed=courier.go)
        client = slack_client(at_work.slack.token, at_work.slack.base_url, timeout=1)
        slack_desk = SlackDesk(client, desk, clock=utc_now)
        intake = running.enter_context(SlackIntake(slack_desk.handle, late=slack_desk.tell_late))
        yield intake.answer


@contextmanager
def console(at_work: AtWork) -> Iterator[Slack]:
    """A server on a port of its own, and Slack as it calls it."""
    with answering(at_work) as answers:
        endpoints = SlackEndpoints(Guard(SECRET, at_work.store), answers, clock=utc_now)
        app = make_app(at_work.store, dagster_url="", parts=[], more=endpoints.routes())
        with serving(app) as url:
            yield Slack(url)


def begun(store: SqlStore, slack: FakeSlack) -> AtWork:
    """INC-1 was found and told."""
    now = utc_now()
    triage(store, [make_alert("orders", now)], KNOWLEDGE, now=now)
    at_work = AtWork(store=store, slack=slack)
    at_work.deliver()
    assert at_work.post.headline.startswith("🔴 INC-1")
    return at_work
