"""A mail cannot be edited: whoever had one about the beginning has one about the end, once, whatever lay between
them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from incident_ops.adapters.notify.mail import EmailNotifier
from incident_ops.adapters.store import SqlStore
from incident_ops.core.catalog import Catalog
from incident_ops.core.commands import Acknowledge, Command, Note, Resolve
from incident_ops.core.routing import Destination, Receiver, RoutingRules
from incident_ops.core.routing.tree import RouteNode
from incident_ops.core.status import Resolution
from incident_ops.engine.commands import perform
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.timers import attend_due
from incident_ops.engine.triage import triage
from incident_ops_tests.adapters.notify.local_server import unused_port
from incident_ops_tests.adapters.notify.mail_server import DROP, MailServer, texts_of
from incident_ops_tests.builders import T0, make_alert, make_recovery, minutes
from incident_ops_tests.engine.fakes import sinks
from incident_ops_tests.engine.outbox import deliver

ERIN = Destination(kind="email", address="erin@acme.test")
RULES = RoutingRules(
    sink="inbox",
    default_channel="#data",
    mail=True,
    receivers={"on-paper": Receiver(name="on-paper", destinations=(ERIN,))},
    tree=RouteNode(path="route", receiver="on-paper", group_wait=timedelta(0)),
)
KNOWLEDGE = Knowledge(catalog=Catalog(), policy=Policy(routing=RULES), installed_at=T0)
ALERT = make_alert("a/b")


def fails(store: SqlStore, *, at: float) -> None:
    triage(store, [replace(ALERT, event_id=f"fails:{at}", occurred_at=minutes(at))], KNOWLEDGE, now=minutes(at))


def is_well(store: SqlStore, *, at: float) -> None:
    triage(store, [make_recovery(ALERT, minutes(at))], KNOWLEDGE, now=minutes(at))


def said(store: SqlStore, command: Command, *, at: float) -> None:
    perform(store, command, KNOWLEDGE, by="erin@acme.test", now=minutes(at))


def deliver_each_minute(store: SqlStore, port: int, *, since: int, until: int) -> None:
    """Each pass in a process of its own, as by `incident-ops tick`: nothing is remembered but in the store."""
    for minute in range(since, until):
        mail = EmailNotifier(
            host="127.0.0.1",
            port=port,
            security="none",
            user=None,
            password=None,
            sender="incidents@acme.test",
            origin="prod/7f3a",
            clock=lambda at=minute: minutes(at),
        )
        deliver(store, replace(sinks(), notifiers={"email": mail}), at=minute)


@pytest.mark.parametrize("is_classified", [True, False])
def test_the_mail_server_is_down_at_the_end_and_somebody_classifies_meanwhile(
    store: SqlStore, is_classified: bool
) -> None:
    with MailServer() as server:
        fails(store, at=1)
        deliver_each_minute(store, server.port, since=2, until=5)
        is_well(store, at=30)
        deliver_each_minute(store, unused_port(), since=30, until=45)
        if is_classified:
            said(store, Resolve(number=1, reason=Resolution.EXPECTED), at=45)
        deliver_each_minute(store, unused_port(), since=45, until=50)
        assert len(server.mails) == 1
        deliver_each_minute(store, server.port, since=50, until=90)
        first, end = server.mails
    assert end["In-Reply-To"] == first["Message-ID"]
    assert "Resolved: everything that failed is healthy again" in texts_of(end)
    assert store.unfinished() == 0


def test_every_turn_is_a_mail_and_what_lies_between_is_none(store: SqlStore) -> None:
    with MailServer() as server:
        fails(store, at=1)
        said(store, Note(number=1, text="looking"), at=3)
        said(store, Acknowledge(number=1), at=4)
        deliver_each_minute(store, server.port, since=5, until=6)
        is_well(store, at=100)
        deliver_each_minute(store, server.port, since=101, until=102)
        fails(store, at=300)
        deliver_each_minute(store, server.port, since=301, until=302)
        is_well(store, at=500)
        deliver_each_minute(store, server.port, since=501, until=502)
        turns = [texts_of(mail).splitlines()[1] for mail in server.mails[1:]]
    assert [turn.split()[0] for turn in turns] == ["Acknowledged", "Resolved:", "Failed", "Resolved:"]


def test_what_flapped_ends_with_a_mail_that_says_how_it_stands(store: SqlStore) -> None:
    """The turns between cost no mail, and the last of them was one."""
    with MailServer() as server:
        for n in range(6):
            fails(store, at=10 * n)
            is_well(store, at=10 * n + 5)
            deliver_each_minute(store, server.port, since=10 * n + 6, until=10 * n + 7)
        heard = len(server.mails)
        attend_due(store, KNOWLEDGE, now=minutes(200), may_go_on=lambda: True)
        deliver_each_minute(store, server.port, since=200, until=201)
        [end] = server.mails[heard:]
        begun = [mail for mail in server.mails if "Flapping: 4 changes" in texts_of(mail)]
    assert texts_of(end).splitlines()[1] == "No longer flapping: it is resolved."
    assert (len(begun), heard) == (1, 4)


def test_an_answer_that_was_lost_repeats_the_end_under_the_same_id(store: SqlStore) -> None:
    with MailServer() as server:
        fails(store, at=1)
        deliver_each_minute(store, server.port, since=2, until=3)
        is_well(store, at=30)
        server.next(DROP)
        deliver_each_minute(store, server.port, since=31, until=60)
        assert len(server.mails) == 2
