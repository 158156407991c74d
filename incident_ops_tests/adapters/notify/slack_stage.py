"""INC-1 in our own store, posted to #fin of a Slack that is a stand-in, and people who press its buttons.

stage.presses("incident_resolve")
stage.fills_in({"reason": chosen("fixed")})
stage.delivers()
assert stage.incident.resolution is Resolution.FIXED
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from incident_ops.adapters.notify.slack.actions import MORE, More
from incident_ops.adapters.notify.slack.desk import SlackDesk
from incident_ops.adapters.notify.slack.http import slack_client
from incident_ops.adapters.notify.slack.notifier import slack_notifier
from incident_ops.adapters.notify.slack.scopes import NOTE_SHORTCUT
from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.core.catalog import Catalog
from incident_ops.core.commands import Command
from incident_ops.core.errors import IncidentOpsError
from incident_ops.core.incident import Incident
from incident_ops.core.routing import Destination, RoutingRules
from incident_ops.core.teams import Person
from incident_ops.engine.dispatch import Dispatched, Sinks, dispatch
from incident_ops.engine.front_desk import FrontDesk
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.ports import IncidentDesk
from incident_ops.engine.regroup import merge
from incident_ops.engine.timers import attend_due
from incident_ops.engine.triage import settle_recovered, triage
from incident_ops_tests.adapters.notify.slack_account import TOKEN
from incident_ops_tests.adapters.notify.slack_payloads import (
    ERIN,
    Json,
    button,
    menu,
    message_shortcut,
    pressed,
    slash,
    submitted,
)
from incident_ops_tests.adapters.notify.slack_texts import texts_in
from incident_ops_tests.blank import blank_store, kept_open
from incident_ops_tests.builders import T0, make_alert, make_recovery
from incident_ops_tests.fake_slack import FakeMessage, FakeSlack, FakeUser, channel_id
from incident_ops_tests.fake_slack.rules import block_problems

USERS = {"erin@acme.test": "U0ERIN", "max@acme.test": "U0MAX"}
PEOPLE = (FakeUser(id="U0STRANGER", name="stranger"), FakeUser(id="U0OLAF", name="olaf", email="olaf@else.test"))
OLAF = Person(email="olaf@acme.test", slack="U0OLAF")  # Slack knows him by another address


class Clock:
    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> datetime:
        return self.now


class Stage:
    """See the module's docstring. Minutes pass with `later`."""

    def __init__(self, store: SqlStore, server: FakeSlack, clock: Clock) -> None:
        self.store, self.server, self.clock = store, server, clock
        rules = RoutingRules(sink="slack", default_channel="#fin", people={OLAF.email: OLAF})
        self._knowledge = Knowledge(catalog=Catalog(), policy=Policy(routing=rules), installed_at=T0)
        self._notifier = slack_notifier(TOKEN, server.base_url, interactive=True)
        self.front = FrontDesk(store, lambda _: self._knowledge, clock=clock)
        self.desk = self.desk_on(self.front)

    def desk_on(self, desk: IncidentDesk) -> SlackDesk:
        return SlackDesk(slack_client(TOKEN, self.server.base_url), desk, clock=self.clock)

    # ---- what happens

    def breaks(self, asset: str = "a/b", **anything: Any) -> None:
        triage(self.store, [make_alert(asset, self.clock(), **anything)], self._knowledge, now=self.clock())

    def heals(self, asset: str = "a/b") -> None:
        """Everything is well again, and has been for long enough."""
        recovery = make_recovery(make_alert(asset), self.clock())
        triage(self.store, [recovery], self._knowledge, now=self.clock())
        self.later(60)
        settle_recovered(self.store, self._knowledge, now=self.clock())

    def merges(self, *, into: int, other: int, by: str = "erin@acme.test") -> None:
        merge(self.store, into, [other], self._knowledge, by=by, now=self.clock())

    def later(self, minutes: float = 1) -> None:
        self.clock.now += timedelta(minutes=minutes)

    def delivers(self) -> Dispatched:
        """What is owed a minute later is in Slack."""
        self.later()
        attend_due(self.store, self._knowledge, now=self.clock(), may_go_on=lambda: True)
        destination = Destination(kind="slack", address="#fin")
        sinks = Sinks(
            notifiers={"slack": self._notifier},
            default=destination,
            fallback=destination,
            links_of=lambda _: (),
            address_of=lambda who: who,
            jitter=lambda: 0.5,
        )
        done = dispatch(self.store, sinks, now=self.clock(), may_go_on=lambda: True)
        assert done.problems == []
        return done

    # ---- what people do

    def presses(self, action_id: str, value: str = "INC-1", *, by: str = ERIN) -> Any:
        return self.desk.handle(self.of_a_press(button(action_id, value), by=by))

    def chooses(self, choice: More, incident: str = "INC-1", *, by: str = ERIN) -> Any:
        return self.desk.handle(self.of_a_press(menu(MORE, f"{choice}:{incident}"), by=by))

    def of_a_press(self, action: Mapping[str, Any], *, by: str = ERIN, **more: Any) -> Json:
        where = {"id": channel_id("fin"), "name": "fin"}
        payload = {"channel": where, "response_url": self.server.response_url, "trigger_id": self.server.trigger()}
        return pressed(action, by=by, **payload, **more)

    def fills_in(self, filled: Mapping[str, Json], *, by: str = ERIN) -> Any:
        """The window that was opened last."""
        return self.desk.handle(submitted(self.server.views[-1].view, filled, by=by))

    def keeps(self, message: Mapping[str, Any], *, by: str = ERIN) -> Any:
        """Chooses the shortcut in the menu of a message."""
        where = {"id": channel_id("fin"), "name": "fin"}
        url = self.server.response_url
        payload = message_shortcut(message, by=by, callback_id=NOTE_SHORTCUT, channel=where, response_url=url)
        return self.desk.handle(payload)

    def writes(self, text: str, *, by: str = ERIN) -> Any:
        """`/incident …`"""
        return self.desk.handle(slash(text, by=by))

    # ---- what is seen

    @property
    def incident(self) -> Incident:
        return self.store.incident(1)

    @property
    def story(self) -> list[str]:
        return [entry.text for entry in self.store.timeline(1)]

    @property
    def post(self) -> FakeMessage:
        [post] = self.server.posts("#fin")
        return post

    @property
    def thread(self) -> list[str]:
        return [reply.text for reply in self.server.replies(self.post.ts)]

    @property
    def whispers(self) -> list[str]:
        """What single people were shown."""
        return [whisper.text for whisper in self.server.whispers]

    def buttons(self) -> list[str]:
        found = [block for block in self.post.blocks if block["type"] == "actions"]
        return [element["action_id"] for block in found for element in block["elements"]]


@contextmanager
def set_up(folder: Path, *, prepare: Callable[[FakeSlack], None] = lambda _: None) -> Iterator[Stage]:
    file, clock = folder / "x.db", Clock()
    slack = FakeSlack(token=TOKEN, channels=["fin"], users=USERS, people=PEOPLE, clock=clock)
    with open_store(blank_store(file)) as store, kept_open(file), slack as server:
        prepare(server)
        yield Stage(store, server, clock)


class BrokenDesk:
    """Nothing works behind it."""

    def __init__(self, trouble: IncidentOpsError) -> None:
        self._trouble = trouble

    def perform(self, command: Command, *, by: str) -> Incident:
        raise self._trouble

    def incident(self, number: int) -> Incident:
        raise self._trouble

    def incident_of_message(self, channel: str, message: str) -> int | None:
        raise self._trouble

    def open_incidents(self) -> Sequence[Incident]:
        raise self._trouble

    def of_person(self, who: str) -> Sequence[Incident]:
        raise self._trouble

    def on_call(self) -> Mapping[str, Sequence[str]]:
        raise self._trouble

    def address_of(self, slack_user: str) -> str | None:
        raise self._trouble


def said_in(body: Mapping[str, Any]) -> str:
    assert body["response_type"] == "ephemeral"
    assert block_problems(body["blocks"]) == []
    return "\n".join(texts_in(body["blocks"]))
