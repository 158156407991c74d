"""What every notifier does alike, whatever its kind. A new kind gets a module in `sinks` and nothing else.

A kind without an ability has no place in the tests of that ability; it lacks it by design.
"""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from incident_ops.config.shape import KINDS_OF_RECEIVERS
from incident_ops.core.alert import AlertKind
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.incident import Incident
from incident_ops.core.message import Colour, Message, bulletin, compose, told
from incident_ops.core.status import Resolution
from incident_ops.engine.ports import CanCheck, CanLookUp, CanReply, CanUpdate
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.sinks import (
    RETRY_AFTER,
    Failure,
    Sink,
    every_sink,
    failing_sinks,
    sinks_that,
)
from incident_ops_tests.builders import make_alert, make_incident, minutes

SINCE = datetime(2025, 3, 1, 8, tzinfo=UTC)

INCIDENT = make_incident(
    7,
    make_alert("marts/orders", kind=AlertKind.RUN_FAILED, summary="KeyError: 'price'"),
    title="marts/orders: run failed",
    detail="KeyError: 'price'\n  File load.py, line 7, in load",
    severity_reasons=(),
)
ACKNOWLEDGED = INCIDENT.acknowledged(by="erin@acme.test", at=minutes(5))
RESOLVED = ACKNOWLEDGED.resolved(at=minutes(90), by="erin@acme.test", reason=Resolution.FIXED)


def as_it_stands(incident: Incident, **anything: Any) -> Message:
    return replace(compose(incident, links_of=lambda _: messages.LINKS), **anything)


@pytest.fixture
def sink(request: pytest.FixtureRequest) -> Iterator[Sink]:
    with every_sink()[request.param]() as one:
        yield one


every = pytest.mark.parametrize("sink", every_sink(), indirect=True)
that_update = pytest.mark.parametrize("sink", sinks_that(CanUpdate), indirect=True)
that_reply = pytest.mark.parametrize("sink", sinks_that(CanReply), indirect=True)
that_look_up = pytest.mark.parametrize("sink", sinks_that(CanLookUp), indirect=True)


def posted(sink: Sink, message: Message | None = None) -> Receipt:
    return sink.notifier.send(sink.destination, message or as_it_stands(INCIDENT), key=sink.post_key)


def test_every_kind_that_can_be_configured_is_held_to_the_contract() -> None:
    assert {name.partition(" ")[0] for name in every_sink()} == {"inbox", *KINDS_OF_RECEIVERS}


# ---- posts


@every
def test_a_message_arrives_once_and_has_a_receipt(sink: Sink) -> None:
    receipt = posted(sink)
    assert receipt.channel
    assert receipt.message
    (post,) = sink.posts()
    assert "INC-7" in post
    assert "marts/orders: run failed" in post


@pytest.mark.parametrize("sink", sinks_that(deduplicate=True), indirect=True)
def test_the_same_key_sent_again_shows_nothing_more(sink: Sink) -> None:
    """What can't be looked up is repeated after an answer was lost."""
    assert posted(sink) == posted(sink)
    assert len(sink.posts()) == 1


@every
@pytest.mark.parametrize("name", messages.ALL)
def test_no_message_is_too_long_or_too_strange(sink: Sink, name: str) -> None:
    posted(sink, messages.ALL[name])
    assert len(sink.posts()) == 1


@every
@pytest.mark.parametrize("name", messages.ABOUT)
def test_no_incident_is_too_long_or_too_strange(sink: Sink, name: str) -> None:
    """One that is over by now need not be shown: nobody is woken for it."""
    posted(sink, messages.ABOUT[name])
    assert len(sink.posts()) in ((0, 1) if name == "over" else (1,))


@every
def test_a_text_of_its_own_takes_nobodys_place(sink: Sink) -> None:
    """A question to one person about an incident must not overwrite the incident's alert."""
    posted(sink)
    question = told(INCIDENT, "INC-7: is it over?\nNobody has said.", colour=Colour.RED, links=messages.LINKS)
    sink.notifier.send(sink.destination, question, key="INC-7:question:erin@acme.test:r3")
    assert len(sink.posts()) == 2
    assert any("run failed" in post for post in sink.posts())
    assert any("is it over?" in post for post in sink.posts())


@every
def test_a_digest_is_about_no_incident_and_arrives(sink: Sink) -> None:
    sink.notifier.send(
        sink.destination, bulletin("Your digest\n3 incidents are open"), key="digest:erin:2025-03-01"
    )
    (post,) = sink.posts()
    assert "Your digest" in post
    assert "3 incidents are open" in post


# ---- edits


@that_update
@pytest.mark.parametrize(("incident", "word"), [(ACKNOWLEDGED, "acknowledged"), (RESOLVED, "resolved")])
def test_a_change_of_status_is_shown_in_the_post(sink: Sink, incident: Incident, word: str) -> None:
    receipt = posted(sink)
    cast(CanUpdate, sink.notifier).update(receipt, as_it_stands(incident), key="INC-7:edit:r2")
    (post,) = sink.posts()
    assert word in post


@that_update
def test_an_incident_that_was_reopened_is_shown_as_triggered(sink: Sink) -> None:
    receipt = posted(sink)
    updates = cast(CanUpdate, sink.notifier)
    updates.update(receipt, as_it_stands(RESOLVED), key="INC-7:edit:r2")
    again = RESOLVED.reopen(why="it fails again", at=minutes(95))
    updates.update(receipt, as_it_stands(again), key="INC-7:edit:r3")
    (post,) = sink.posts()
    assert "triggered" in post


# ---- threads


@that_reply
def test_a_reply_stands_in_the_thread_only(sink: Sink) -> None:
    thread = posted(sink)
    replies = cast(CanReply, sink.notifier)
    reply = replies.reply(thread, "Acknowledged by erin", key="INC-7:reply:r2", broadcast=True)
    (shown,) = sink.replies(thread.message)
    assert "Acknowledged by erin" in shown
    assert len(sink.posts()) == 1
    assert reply.channel == thread.channel
    assert reply.message != thread.message


@pytest.mark.parametrize("broadcast", [True, False])
@pytest.mark.parametrize(
    "sink", [name for name in sinks_that(CanReply) if name not in sinks_that(CanUpdate)], indirect=True
)
def test_where_nothing_can_be_edited_a_turn_is_told_and_the_rest_only_if_it_rings(
    sink: Sink, broadcast: bool
) -> None:
    """Whoever heard of the beginning hears of the end; nobody gets a mail for every note."""
    thread = posted(sink)
    replies = cast(CanReply, sink.notifier)
    replies.reply(thread, "Resolved: it is well", key=f"INC-7:turn:{sink.destination}:r2", broadcast=broadcast)
    replies.reply(thread, "A note", key=f"INC-7:reply:{sink.destination}:r3", broadcast=broadcast)
    told = [text for text in sink.replies(thread.message) if "INC-7 SEV2 marts/orders" in text]
    assert [("well" in text, "note" in text) for text in told] == [(True, False), (False, True)][: 1 + broadcast]


# ---- looking up


@that_look_up
def test_a_post_is_found_by_its_key_also_after_edits(sink: Sink) -> None:
    sink.notifier.send(sink.destination, bulletin("another"), key="other")
    receipt = posted(sink)
    if isinstance(sink.notifier, CanUpdate):
        sink.notifier.update(receipt, as_it_stands(ACKNOWLEDGED), key="INC-7:edit:r2")
    looks = cast(CanLookUp, sink.notifier)
    assert looks.look_up(sink.destination, sink.post_key, thread=None, since=SINCE) == receipt


@pytest.mark.parametrize("sink", sinks_that(CanLookUp, CanReply), indirect=True)
def test_a_reply_is_found_by_its_key(sink: Sink) -> None:
    thread = posted(sink)
    reply = cast(CanReply, sink.notifier).reply(thread, "one", key="k2", broadcast=True)
    looks = cast(CanLookUp, sink.notifier)
    assert looks.look_up(sink.destination, "k2", thread=thread, since=SINCE) == reply
    assert looks.look_up(sink.destination, "k9", thread=thread, since=SINCE) is None


@that_look_up
def test_what_never_arrived_is_not_found(sink: Sink) -> None:
    posted(sink)
    key = sink.post_key.replace("INC-7", "INC-9")
    looks = cast(CanLookUp, sink.notifier)
    assert looks.look_up(sink.destination, key, thread=None, since=SINCE) is None


# ---- what goes wrong

ONLY_A_PERSON_CAN_MEND_IT = {Failure.UNAUTHORISED, Failure.WRONG_CERTIFICATE}
MAY_HAVE_ARRIVED = {Failure.SILENT, Failure.DROPPED}


@pytest.mark.parametrize(("sink", "failure"), failing_sinks(), indirect=["sink"])
def test_a_failure_says_what_is_to_be_done_and_no_secret(
    sink: Sink, failure: Failure, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        notifier = sink.failing[failure]()
        with pytest.raises(TransportError) as caught:
            notifier.send(sink.destination, as_it_stands(INCIDENT), key=sink.post_key)
    error = caught.value
    assert not error.permanent, "this would bury the delivery"
    assert error.needs_person == (failure in ONLY_A_PERSON_CAN_MEND_IT)
    if not sink.deduplicates:
        assert error.fate_unknown or failure not in MAY_HAVE_ARRIVED
    if failure in (Failure.UNREACHABLE, Failure.UNAUTHORISED, Failure.WRONG_CERTIFICATE, Failure.RATE_LIMITED):
        assert not error.fate_unknown, "nothing can have arrived"
    wait = timedelta(seconds=RETRY_AFTER) if failure is Failure.RATE_LIMITED else None
    assert error.retry_after == wait
    assert sink.posts() == []
    assert "\n" not in str(error)
    seen = "\n".join((str(error), repr(error), repr(notifier), repr(sink.notifier), caplog.text))
    assert [secret for secret in sink.secrets if secret in seen] == []
    assert error.__cause__ is None, "a traceback would show the library's own error, address and all"


@pytest.mark.parametrize(("sink", "failure"), failing_sinks(), indirect=["sink"])
def test_one_try_is_one_try_and_the_next_one_gets_through(sink: Sink, failure: Failure) -> None:
    with pytest.raises(TransportError):
        sink.failing[failure]().send(sink.destination, as_it_stands(INCIDENT), key=sink.post_key)
    posted(sink)
    assert len(sink.posts()) == 1


# ---- asking without telling anybody


@pytest.mark.parametrize("sink", sinks_that(CanCheck), indirect=True)
def test_to_check_a_sink_shows_nothing_to_anybody(sink: Sink) -> None:
    cast(CanCheck, sink.notifier).check(sink.destination)
    assert sink.posts() == []


CAN_ASK = [
    name
    for name in sinks_that(CanCheck)
    if (name, Failure.UNAUTHORISED) in failing_sinks() and not name.startswith(("apprise", "webhook"))
]


@pytest.mark.parametrize("sink", CAN_ASK, indirect=True)
def test_a_check_finds_a_token_that_is_not_taken(sink: Sink) -> None:
    """Apprise and a webhook can only be sent something: they are left out."""
    notifier = sink.failing[Failure.UNAUTHORISED]()
    with pytest.raises(TransportError) as caught:
        cast(CanCheck, notifier).check(sink.destination)
    assert caught.value.needs_person
    assert [secret for secret in sink.secrets if secret in str(caught.value)] == []
