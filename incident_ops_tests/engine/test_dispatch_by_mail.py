"""A person whom Slack does not know is written to by mail, where mail can be sent."""

from dataclasses import replace

from incident_ops.adapters.store import SqlStore
from incident_ops.core.notices import Action
from incident_ops.core.routing import Destination
from incident_ops.core.status import EntryKind
from incident_ops_tests.engine.fakes import FakeSink, sinks
from incident_ops_tests.engine.outbox import REFUSED, UNREACHABLE, deliver, open_incident, owe

ERIN = Destination(kind="slack", address="erin@acme.test")


def test_a_page_to_somebody_whom_slack_does_not_know_goes_to_their_mailbox(store: SqlStore) -> None:
    """In the default channel, where it went before, nobody's phone rings."""
    number = open_incident(store)
    owe(store, number, Action.TELL, "Paged by standard", to=ERIN)
    slack, mail = FakeSink(down={"erin@acme.test": REFUSED}), FakeSink(kind="email")
    where = replace(sinks(slack, mail), mail=True)
    deliver(store, where)
    assert (slack.sent, mail.story) == ((), [("post", "erin@acme.test")])
    assert mail.sent[0].text == "Paged by standard", "it is theirs, and need not say for whom it is"
    [entry] = [each for each in store.timeline(number) if each.kind is EntryKind.DELIVERY_FAILED]
    assert entry.text.endswith("; sent to email:erin@acme.test instead")


def test_a_mailbox_that_does_not_exist_either_leaves_it_to_the_default(store: SqlStore) -> None:
    owe(store, open_incident(store), Action.TELL, "Paged by standard", to=ERIN)
    slack = FakeSink(down={"erin@acme.test": REFUSED})
    mail = FakeSink(kind="email", down={"erin@acme.test": REFUSED})
    deliver(store, replace(sinks(slack, mail), mail=True))
    assert slack.story == [("post", "#data")]
    assert slack.sent[0].text == "For erin@acme.test: Paged by standard"


def test_without_a_mail_server_and_for_channels_nothing_goes_by_mail(store: SqlStore) -> None:
    number = open_incident(store)
    owe(store, number, Action.TELL, "Paged by standard", to=ERIN)
    owe(store, number, Action.POST)
    slack, mail = FakeSink(down={"erin@acme.test": REFUSED, "#fin": REFUSED}), FakeSink(kind="email")
    deliver(store, sinks(slack, mail))
    deliver(store, replace(sinks(slack, mail), mail=True), at=1)
    assert mail.sent == ()


def test_slack_that_does_not_answer_is_waited_for(store: SqlStore) -> None:
    """It is only a refusal of the person that says that Slack does not know them."""
    owe(store, open_incident(store), Action.TELL, "Paged by standard", to=ERIN)
    slack, mail = FakeSink(UNREACHABLE), FakeSink(kind="email")
    where = replace(sinks(slack, mail), mail=True)
    deliver(store, where)
    deliver(store, where, at=5)
    assert (slack.story, mail.sent) == ([("post", "erin@acme.test")], ())
