"""Where a post goes that its own destination does not take: to the default, to the fallback, and never nowhere."""

from dataclasses import replace

from incident_ops.adapters.store import SqlStore
from incident_ops.core.delivery import DeliveryStatus
from incident_ops.core.notices import Action
from incident_ops.core.routing import Destination
from incident_ops.core.status import EntryKind
from incident_ops_tests.engine.fakes import FakeSink, sinks
from incident_ops_tests.engine.outbox import REFUSED, REVOKED, UNREACHABLE, deliver, open_incident, owe


def test_a_channel_that_does_not_exist_is_replaced_by_the_default_and_told(store: SqlStore) -> None:
    number = open_incident(store)
    owe(store, number, Action.POST)
    owe(store, number, Action.REPLY, "never to be sent there")
    slack = FakeSink(down={"#fin": REFUSED})
    done = deliver(store, sinks(slack))
    assert (slack.story, done.pending) == ([("post", "#data")], 0)
    assert done.for_people == ["slack:#fin: channel_not_found"]
    entry = store.timeline(number)[-1]
    assert (entry.kind, entry.text) == (
        EntryKind.DELIVERY_FAILED,
        "post to slack:#fin was refused: channel_not_found; sent to slack:#data instead",
    )


def test_when_the_default_does_not_exist_either_the_fallback_gets_it(store: SqlStore) -> None:
    number = open_incident(store)
    owe(store, number, Action.POST)
    slack, inbox = FakeSink(down={"#fin": REFUSED, "#data": REFUSED}), FakeSink(kind="inbox")
    deliver(store, sinks(slack, inbox))
    assert (slack.sent, inbox.story) == ((), [("post", "#data")])
    refusals = [e.text for e in store.timeline(number) if e.kind is EntryKind.DELIVERY_FAILED]
    assert [text.rpartition("; ")[2] for text in refusals] == [
        "sent to slack:#data instead",
        "sent to inbox:#data instead",
    ]


def test_when_nothing_at_all_takes_it_the_timeline_says_so(store: SqlStore) -> None:
    number = open_incident(store)
    owe(store, number, Action.POST)
    slack = FakeSink(down={"#fin": REFUSED, "#data": REFUSED})
    inbox = FakeSink(kind="inbox", down={"#data": REFUSED})
    done = deliver(store, sinks(slack, inbox))
    assert (done.delivered, done.pending) == (0, 0)
    assert [d.status for d in store.deliveries(number)] == [DeliveryStatus.DEAD] * 3
    assert store.timeline(number)[-1].text == "post to inbox:#data was refused: channel_not_found"


def test_what_only_a_person_can_mend_is_kept_and_goes_to_the_fallback_too(store: SqlStore) -> None:
    number = open_incident(store)
    owe(store, number, Action.POST)
    slack, inbox = FakeSink(REVOKED, REVOKED), FakeSink(kind="inbox")
    done = deliver(store, sinks(slack, inbox))
    assert (inbox.story, slack.sent, done.pending) == ([("post", "#data")], (), 1)
    assert done.for_people == ["slack:#fin: token_revoked"]
    deliver(store, sinks(slack, inbox), at=5)
    deliver(store, sinks(slack, inbox), at=10)
    assert (inbox.story, slack.story) == ([("post", "#data")], [("post", "#fin")]), "once the token is mended"
    waits = "post to slack:#fin waits: token_revoked; sent to inbox:#data as well"
    assert [e.text for e in store.timeline(number) if e.kind is EntryKind.DELIVERY_FAILED] == [waits], "once"


def test_without_a_fallback_receiver_the_default_channel_gets_what_another_sink_does_not_take(
    store: SqlStore,
) -> None:
    number = open_incident(store)
    owe(store, number, Action.POST, to=Destination(kind="webhook", address="hook"))
    slack, hook, inbox = FakeSink(), FakeSink(REVOKED, kind="webhook"), FakeSink(kind="inbox")
    deliver(store, sinks(slack, hook, inbox))
    assert (slack.story, inbox.sent) == ([("post", "#data")], ())
    waits = "post to webhook:hook waits: token_revoked; sent to slack:#data as well"
    assert store.timeline(number)[-1].text == waits


def test_a_kind_without_a_sink_waits_for_a_person(store: SqlStore) -> None:
    """The token was taken out of the environment: what is owed to Slack is not thrown away."""
    owe(store, open_incident(store), Action.POST)
    inbox = FakeSink(kind="inbox")
    done = deliver(store, sinks(inbox))
    assert done.for_people == ["slack:#fin: no slack sink is configured"]
    assert (inbox.story, done.pending) == ([("post", "#data")], 1)


def test_after_a_quarter_of_an_hour_the_fallback_gets_it_once(store: SqlStore) -> None:
    owe(store, open_incident(store), Action.POST)
    slack, inbox = FakeSink(down={"#fin": UNREACHABLE}), FakeSink(kind="inbox")
    for at in range(0, 15):
        deliver(store, sinks(slack, inbox), at=at)
    assert inbox.sent == ()
    for at in range(15, 60):
        deliver(store, sinks(slack, inbox), at=at)
    assert inbox.story == [("post", "#data")]
    deliver(store, sinks(slack_again := FakeSink(), inbox), at=90)
    assert slack_again.story == [("post", "#fin")], "and its own destination gets it when it is back"


def test_what_the_default_already_knows_is_not_posted_there_again(store: SqlStore) -> None:
    number = open_incident(store)
    owe(store, number, Action.POST, to=Destination(kind="slack", address="#data"))
    owe(store, number, Action.POST)
    slack, inbox = FakeSink(down={"#fin": REFUSED}), FakeSink(kind="inbox")
    deliver(store, sinks(slack, inbox))
    assert (slack.story, inbox.sent) == ([("post", "#data")], ())
    assert store.timeline(number)[-1].text == "post to slack:#fin was refused: channel_not_found"


def test_when_the_fallback_refuses_what_was_moved_there_the_default_gets_it(store: SqlStore) -> None:
    number, war_room = open_incident(store), Destination(kind="slack", address="#war-room")
    owe(store, number, Action.POST, to=Destination(kind="pagerduty", address="war-room"))
    slack = FakeSink(down={"#war-room": REFUSED})
    where = replace(sinks(slack, FakeSink(REVOKED, kind="pagerduty")), fallback=war_room)
    deliver(store, where)
    assert slack.story == [("post", "#data")]
    told = [e.text.rpartition("; ")[2] for e in store.timeline(number) if e.kind is EntryKind.DELIVERY_FAILED]
    assert told == ["sent to slack:#war-room as well", "sent to slack:#data instead"]
