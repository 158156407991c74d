"""Sinks that do not answer: left alone, asked once, and what waits behind them owed elsewhere in time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.delivery import DeliveryStatus
from incident_ops.core.errors import TransportError
from incident_ops.core.notices import Action, Notice
from incident_ops.core.routing import Destination
from incident_ops.core.status import EntryKind
from incident_ops_tests.builders import minutes
from incident_ops_tests.engine.fakes import FakeSink, sinks
from incident_ops_tests.engine.outbox import FIN, REVOKED, UNREACHABLE, deliver, only, open_incident, owe

DAY = 24 * 60
ASKED_TO_WAIT = TransportError("429", retry_after=timedelta(seconds=30))
INBOX = Destination(kind="inbox", address="#data")


def owe_posts(store: SqlStore, count: int, *, to: Destination = FIN) -> None:
    for n in range(count):
        owe(store, open_incident(store, f"a/{n}"), Action.POST, to=to)


def attempts(store: SqlStore, count: int) -> list[int]:
    return [only(store, n).attempts for n in range(1, count + 1)]


def test_after_three_failures_the_others_wait_and_one_asks_for_all(store: SqlStore) -> None:
    owe_posts(store, 6)
    slack = FakeSink(UNREACHABLE, UNREACHABLE, UNREACHABLE, UNREACHABLE)
    deliver(store, sinks(slack))
    assert attempts(store, 6) == [1, 1, 1, 0, 0, 0]
    deliver(store, sinks(slack), at=0.3)
    assert attempts(store, 6) == [1, 1, 1, 0, 0, 0], "nothing was spent while it is open"
    deliver(store, sinks(slack), at=0.4)
    assert attempts(store, 6) == [1, 1, 1, 1, 0, 0], "the probe is the one that was tried least"
    deliver(store, sinks(slack), at=1)
    assert attempts(store, 6) == [1, 1, 1, 1, 0, 0], "it is open for longer now"
    assert deliver(store, sinks(slack), at=1.2).delivered == 6
    assert store.circuits() == []


def test_asked_to_wait_nothing_goes_there_before_and_nothing_is_spent(store: SqlStore) -> None:
    owe_posts(store, 3)
    slack = FakeSink(ASKED_TO_WAIT)
    deliver(store, sinks(slack))
    deliver(store, sinks(slack), at=0.49)
    assert (attempts(store, 3), slack.sent) == ([1, 0, 0], ())
    assert deliver(store, sinks(slack), at=0.5).delivered == 3


def test_other_places_of_the_same_sink_go_on(store: SqlStore) -> None:
    owe_posts(store, 4)
    owe(store, open_incident(store, "b/1"), Action.POST, to=replace(FIN, address="#b"))
    slack = FakeSink(down={"#fin": ASKED_TO_WAIT})
    deliver(store, sinks(slack))
    assert slack.story == [("post", "#b")]


def test_a_message_that_a_sink_chokes_on_is_not_all_that_it_is_asked(store: SqlStore) -> None:
    """Three incidents that nobody can render must not hold up the place for ever."""
    owe_posts(store, 4)
    slack = FakeSink(*[UNREACHABLE] * 4)
    deliver(store, sinks(slack))
    deliver(store, sinks(slack), at=0.4)
    owe(store, open_incident(store, "b/1"), Action.POST, at=2)
    assert deliver(store, sinks(FakeSink(ZeroDivisionError("x"), None)), at=2).delivered == 4
    assert only(store, 5).attempts == 1, "the new one was the probe, and said nothing of the place"


def test_what_waits_behind_it_goes_to_the_fallback_in_time_though_it_was_never_tried(store: SqlStore) -> None:
    owe_posts(store, 5)
    owe(store, 1, Action.TELL, "late")
    owe(store, 1, Action.REPLY, "acknowledged")
    slack, inbox = FakeSink(down={"#fin": UNREACHABLE}), FakeSink(kind="inbox")
    for at in range(15):
        deliver(store, sinks(slack, inbox), at=at)
    assert inbox.sent == ()
    deliver(store, sinks(slack, inbox), at=15)
    assert [sent.key for sent in inbox.sent] == [
        *(f"INC-{n}:post:inbox:#data" for n in range(1, 6)),
        "INC-1:tell:slack:#fin:late → inbox:#data",
    ]
    for at in range(16, 40):
        deliver(store, sinks(slack, inbox), at=at)
    assert len(inbox.sent) == 6, "once is enough"
    deliver(store, sinks(back := FakeSink(), inbox), at=46)
    assert len(back.sent) == 7, "and their own place gets all of it when it is back"


def test_places_of_a_sink_that_is_away_as_a_whole_are_owed_elsewhere_too(store: SqlStore) -> None:
    """Three tries in a pass, of places that are never tried twice: no circuit opens."""
    for n in range(8):
        owe(store, open_incident(store, f"a/{n}"), Action.POST, to=replace(FIN, address=f"#{n}"))
    slack, inbox = FakeSink(down={f"#{n}": UNREACHABLE for n in range(8)}), FakeSink(kind="inbox")
    deliver(store, sinks(slack, inbox), at=16)
    assert len(inbox.sent) == 8


def test_what_only_a_person_can_mend_moves_what_waits_at_once(store: SqlStore) -> None:
    owe_posts(store, 4)
    slack, inbox = FakeSink(REVOKED), FakeSink(kind="inbox")
    deliver(store, sinks(slack, inbox))
    assert (attempts_at(store, 4), len(inbox.sent)) == ([1, 0, 0, 0], 4)


def attempts_at(store: SqlStore, count: int) -> list[int]:
    return [store.deliveries(n)[0].attempts for n in range(1, count + 1)]


def test_a_fallback_that_does_not_answer_is_no_place_to_move_to(store: SqlStore) -> None:
    owe_posts(store, 4, to=INBOX)
    inbox = FakeSink(kind="inbox", down={"#data": UNREACHABLE})
    for at in range(0, 60, 5):
        assert deliver(store, sinks(inbox), at=at).pending == 4


# ---- given up


def test_what_never_got_through_is_given_up_after_days_and_the_timeline_says_so(store: SqlStore) -> None:
    number = open_incident(store)
    owe(store, number, Action.POST)
    owe(store, number, Action.REPLY, "acknowledged")
    slack, inbox = FakeSink(down={"#fin": UNREACHABLE}), FakeSink(kind="inbox")
    for at in (0, 1, 2, 20, 3 * DAY - 10):
        deliver(store, sinks(slack, inbox), at=at)
    assert inbox.story == [("post", "#data")]
    assert store.deliveries(number)[0].status is DeliveryStatus.PENDING
    assert deliver(store, sinks(slack, inbox), at=3 * DAY).pending == 0
    told = [entry.text for entry in store.timeline(number) if entry.kind is EntryKind.DELIVERY_FAILED]
    assert told == [
        "post to slack:#fin waits: 503; sent to inbox:#data as well",
        "post to slack:#fin was given up after 3 d: 503",
    ]
    assert inbox.story == [("post", "#data")], "it had been moved there long before"


def test_what_waits_untried_behind_a_dead_place_is_given_up_too(store: SqlStore) -> None:
    owe_posts(store, 6)
    slack, inbox = FakeSink(down={"#fin": UNREACHABLE}), FakeSink(kind="inbox")
    for at in (0, 20, 3 * DAY):
        deliver(store, sinks(slack, inbox), at=at)
    states = [store.deliveries(n)[0].status for n in range(1, 7)]
    assert (states, store.unfinished(), len(inbox.sent)) == ([DeliveryStatus.DEAD] * 6, 0, 6)


def test_after_a_long_time_off_everything_is_tried_before_it_is_given_up(store: SqlStore) -> None:
    """Nobody ran us for a week: what is owed is old, and that is not its destination's fault."""
    owe_posts(store, 6)
    deliver(store, sinks(FakeSink(*[UNREACHABLE] * 3)))
    assert deliver(store, sinks(FakeSink()), at=7 * DAY).delivered == 6


# ---- clocks


def test_a_clock_that_is_put_back_stops_nothing(store: SqlStore) -> None:
    owe_posts(store, 4)
    slack = FakeSink(*[UNREACHABLE] * 3)
    deliver(store, sinks(slack), at=600)
    assert deliver(store, sinks(slack), at=300).delivered == 4


@pytest.mark.parametrize(("seconds", "expected"), [(0, 0), (0.9, 0), (1, 1)])
def test_an_edit_waits_until_a_second_after_the_one_before(store: SqlStore, seconds: float, expected: int) -> None:
    number, slack = open_incident(store), FakeSink()
    owe(store, number, Action.POST)
    deliver(store, sinks(slack))
    owe(store, number, Action.EDIT, "r2")
    deliver(store, sinks(slack), at=1)
    for revision in (3, 4, 5):
        owe(store, number, Action.EDIT, f"r{revision}", at=1)
    assert deliver(store, sinks(slack), at=1 + seconds / 60).delivered == expected


def test_a_notice_and_a_reply_are_cleansed_of_secrets_before_they_leave(store: SqlStore) -> None:
    number, slack = open_incident(store), FakeSink()
    owe(store, number, Action.POST)
    for action in (Action.TELL, Action.REPLY):
        notice = Notice(
            key=action, number=number, destination=FIN, action=action, text="password=hunter2 was wrong"
        )
        with store.transaction() as tx:
            tx.enqueue([notice], now=minutes(0))
    digest = Notice(key="d", number=None, destination=FIN, action=Action.TELL, text="token=hunter2")
    with store.transaction() as tx:
        tx.enqueue([digest], now=minutes(0))
    deliver(store, sinks(slack))
    assert len(slack.sent) == 4
    assert "hunter2" not in str(slack.sent)


def test_a_secret_in_a_refusal_is_kept_nowhere(store: SqlStore) -> None:
    owe(store, open_incident(store), Action.POST)
    telling = TransportError("https://ann:hunter2@x.test refused", permanent=True)
    done = deliver(store, sinks(FakeSink(telling), FakeSink(kind="inbox")))
    kept = [*done.problems, *(entry.text for entry in store.timeline(1)), *(d.error for d in store.deliveries(1))]
    assert len(kept) > 3 and "hunter2" not in str(kept)
