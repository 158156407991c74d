"""The outbox and its sinks: order, retries, look-ups, replacements. Nothing is lost and nothing is said twice."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.delivery import DeliveryStatus, Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Colour, Message
from incident_ops.core.notices import Action
from incident_ops.core.routing import Destination
from incident_ops.core.status import Resolution
from incident_ops.engine.dispatch import Sinks, dispatch
from incident_ops_tests.builders import minutes
from incident_ops_tests.engine.fakes import FakeSink, PlainSink, sinks
from incident_ops_tests.engine.outbox import (
    FIN,
    LOST,
    REVOKED,
    UNREACHABLE,
    deliver,
    only,
    open_incident,
    owe,
)

# ---- in order


def test_the_post_comes_first_and_its_replies_go_into_its_thread(store: SqlStore) -> None:
    number, slack = open_incident(store), FakeSink()
    owe(store, number, Action.POST)
    owe(store, number, Action.REPLY, "Acknowledged by ann")
    owe(store, number, Action.REPLY, "Resolved")
    done = deliver(store, sinks(slack))
    assert [(s.what, s.to, s.text) for s in slack.sent] == [
        ("post", "#fin", "INC-1 SEV2 a/b: check not_null failed"),
        ("reply", "#fin", "Acknowledged by ann"),
        ("reply", "#fin", "Resolved"),
    ]
    assert (done.delivered, done.pending, done.problems) == (3, 0, [])


def test_a_post_that_waits_holds_back_its_own_replies_and_nobody_elses(store: SqlStore) -> None:
    first, second = open_incident(store), open_incident(store, "x/y")
    owe(store, first, Action.POST)
    owe(store, first, Action.REPLY, "later")
    owe(store, second, Action.POST)
    slack = FakeSink(UNREACHABLE)
    assert deliver(store, sinks(slack)).delivered == 1
    assert [sent.key for sent in slack.sent] == ["INC-2:post:slack:#fin"]
    deliver(store, sinks(slack), at=1)
    assert slack.story == [("post", "#fin"), ("post", "#fin"), ("reply", "#fin")]


def test_many_changes_are_one_edit(store: SqlStore) -> None:
    """Slack allows an edit a second; a storm has a thousand changes."""
    number, slack = open_incident(store), FakeSink()
    owe(store, number, Action.POST)
    owe(store, number, Action.EDIT, "r2")
    deliver(store, sinks(slack))
    for revision in range(3, 9):
        owe(store, number, Action.EDIT, f"r{revision}")
    deliver(store, sinks(slack))
    assert slack.story == [("post", "#fin"), ("edit", "#fin")], "the post drew what the first edit would have"


def test_work_stops_when_the_budget_is_used_up(store: SqlStore) -> None:
    slack = FakeSink()
    for n in range(3):
        owe(store, open_incident(store, f"a/{n}"), Action.POST)
    turns = iter([True, True])
    done = dispatch(store, sinks(slack), now=minutes(0), may_go_on=lambda: next(turns, False))
    assert (done.delivered, done.pending) == (2, 1)


def channel(name: str) -> Destination:
    return Destination(kind="slack", address=f"#{name}")


def test_three_failures_in_a_row_end_the_pass_for_that_sink_and_for_no_other(store: SqlStore) -> None:
    """A sink that takes each connection and never answers would use up the tick, one time-out after the other."""
    for name in "abcde":
        owe(store, open_incident(store, f"x/{name}"), Action.POST, to=channel(name))
    hook = Destination(kind="webhook", address="x")
    owe(store, open_incident(store, "x/last"), Action.POST, to=hook)
    slack, plain = FakeSink(UNREACHABLE, UNREACHABLE, UNREACHABLE), PlainSink()
    assert deliver(store, sinks(slack, plain)).delivered == 1
    assert (slack.sent, [sent.to for sent in plain.sent]) == ((), ["x"])
    assert [store.deliveries(n)[0].attempts for n in range(1, 6)] == [1, 1, 1, 0, 0]
    assert deliver(store, sinks(slack, plain), at=10).delivered == 5


def test_receivers_with_a_notifier_each_do_not_wait_for_one_another(store: SqlStore) -> None:
    """They are other servers: that one of them is away says nothing of the next."""
    away, well = Destination(kind="webhook", address="away"), Destination(kind="webhook", address="well")
    for name in "abcd":
        owe(store, open_incident(store, f"x/{name}"), Action.POST, to=away)
    owe(store, open_incident(store, "x/e"), Action.POST, to=well)
    bad, good = FakeSink(kind="webhook", down={"away": UNREACHABLE}), PlainSink()
    where = replace(sinks(), notifiers={"webhook:away": bad, "webhook:well": good})
    assert deliver(store, where).delivered == 1
    assert [sent.to for sent in good.sent] == ["well"]


def test_a_success_in_between_keeps_the_pass_going(store: SqlStore) -> None:
    for name in "abcde":
        owe(store, open_incident(store, f"x/{name}"), Action.POST)
    slack = FakeSink(UNREACHABLE, UNREACHABLE, None, UNREACHABLE, UNREACHABLE)
    assert (deliver(store, sinks(slack)).delivered, len(slack.sent)) == (1, 1)


def test_a_sink_that_can_only_send_is_not_asked_for_more(store: SqlStore) -> None:
    number, hook = open_incident(store), PlainSink()
    to = Destination(kind="webhook", address="https://x.test")
    owe(store, number, Action.POST, to=to)
    owe(store, number, Action.REPLY, "more", to=to)
    assert deliver(store, sinks(hook)).pending == 0
    assert [sent.what for sent in hook.sent] == ["post"]


# ---- later


@pytest.mark.parametrize(
    ("trouble", "jitter", "seconds"),
    [
        (UNREACHABLE, 0, 5),
        (UNREACHABLE, 0.5, 3.75),
        (TransportError("429", retry_after=timedelta(seconds=90)), 0.9, 90),
        (REVOKED, 0, 300),
        (ZeroDivisionError("a bug"), 0, 5),
    ],
)
def test_a_failed_try_waits_as_long_as_it_should(
    store: SqlStore, trouble: Exception, jitter: float, seconds: float
) -> None:
    slack = FakeSink(trouble)
    owe(store, open_incident(store), Action.POST)
    deliver(store, sinks(slack, jitter=jitter))
    waiting = store.deliveries(1)[0]
    assert (waiting.status, waiting.attempts) == (DeliveryStatus.PENDING, 1)
    assert waiting.not_before - minutes(0) == timedelta(seconds=seconds)
    deliver(store, sinks(slack), at=seconds / 60 - 0.01)
    assert slack.sent == ()
    deliver(store, sinks(slack), at=seconds / 60)
    assert slack.story == [("post", "#fin")]


def test_a_second_failure_waits_longer(store: SqlStore) -> None:
    slack = FakeSink(UNREACHABLE, UNREACHABLE)
    owe(store, open_incident(store), Action.POST)
    deliver(store, sinks(slack))
    deliver(store, sinks(slack), at=1)
    assert only(store).not_before == minutes(1) + timedelta(seconds=10)


# ---- fate unknown


def test_what_may_have_arrived_is_looked_up_and_edited_instead_of_sent_again(store: SqlStore) -> None:
    """Law 2: a lost answer may cost one edit, never a second post."""
    key = owe(store, open_incident(store), Action.POST)
    slack = FakeSink(LOST, lost=[key])
    deliver(store, sinks(slack))
    assert only(store).fate_unknown
    assert slack.looked_up == (), "the first try knows that nothing was sent before it"
    deliver(store, sinks(slack), at=1)
    assert (slack.looked_up, slack.story) == ((key,), [("edit", "?")])
    assert (only(store).status, only(store).receipt) == (
        DeliveryStatus.ACCEPTED,
        Receipt(channel="?", message=key),
    )


def test_what_did_not_arrive_is_sent_again_with_the_same_key(store: SqlStore) -> None:
    key = owe(store, open_incident(store), Action.POST)
    slack = FakeSink(LOST)
    deliver(store, sinks(slack))
    deliver(store, sinks(slack), at=1)
    assert (slack.looked_up, [sent.key for sent in slack.sent]) == ((key,), [key])


def test_a_reply_that_arrived_is_not_said_twice(store: SqlStore) -> None:
    number = open_incident(store)
    owe(store, number, Action.POST)
    key = owe(store, number, Action.REPLY, "Resolved")
    slack = FakeSink(None, LOST, lost=[key])
    deliver(store, sinks(slack))
    assert deliver(store, sinks(slack), at=1).pending == 0
    assert slack.story == [("post", "#fin")]


def test_a_doubt_stays_through_later_refusals(store: SqlStore) -> None:
    """Lost, then 503: forgetting the doubt would post twice."""
    key = owe(store, open_incident(store), Action.POST)
    slack = FakeSink(LOST, UNREACHABLE)
    deliver(store, sinks(slack))
    deliver(store, sinks(slack), at=1)
    assert only(store).fate_unknown
    deliver(store, sinks(slack), at=2)
    assert slack.looked_up == (key, key)


# ---- bugs and several workers


def test_a_bug_in_one_delivery_is_kept_told_and_does_not_stop_the_others(store: SqlStore) -> None:
    for n in range(3):
        owe(store, open_incident(store, f"a/{n}"), Action.POST)
    slack = FakeSink(None, ZeroDivisionError("secret text"), None)
    done = deliver(store, sinks(slack))
    assert (done.delivered, done.pending) == (2, 1)
    assert done.problems == ["slack:#fin: ZeroDivisionError while delivering INC-2:post:slack:#fin"]
    assert only(store, 2).fate_unknown, "nobody knows how far it came"
    deliver(store, sinks(slack), at=1)
    assert [sent.key for sent in slack.sent][-1] == "INC-2:post:slack:#fin"


class SlowSink:
    """Counts posts by key; safe for threads. Waits for the other worker at its first post."""

    kind = "slack"

    def __init__(self, both: threading.Barrier) -> None:
        self._both = both
        self._lock = threading.Lock()
        self._keys: list[str] = []
        self._met: set[int] = set()

    @property
    def sent(self) -> list[str]:
        return sorted(self._keys)

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        me = threading.get_ident()
        if me not in self._met:
            self._met.add(me)
            self._both.wait(20)
        with self._lock:
            self._keys.append(key)
        return Receipt(channel=destination.address, message=key)


def test_two_workers_at_once_send_each_delivery_once(store: SqlStore) -> None:
    """The daemon's sensor and somebody's `tick` run side by side."""
    keys = sorted(owe(store, open_incident(store, f"a/{n}"), Action.POST, to=channel(str(n))) for n in range(12))
    slack = SlowSink(threading.Barrier(2))
    where = Sinks(
        notifiers={"slack": slack},
        default=FIN,
        fallback=FIN,
        links_of=lambda incident: (),
        address_of=lambda who: who,
        jitter=lambda: 0.0,
    )
    counts: list[int] = []

    def work() -> None:
        counts.append(dispatch(store, where, now=minutes(0), may_go_on=lambda: True).delivered)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert (slack.sent, sum(counts), store.unfinished()) == (keys, 12, 0)
    assert min(counts) > 0, "both took part"


def test_what_a_killed_worker_left_is_taken_up_and_looked_up(store: SqlStore) -> None:
    key = owe(store, open_incident(store), Action.POST)
    store.claim(now=minutes(0), lease=timedelta(seconds=90), limit=1)
    slack = FakeSink(lost=[key])
    assert deliver(store, sinks(slack), at=1).delivered == 0, "its lease still runs"
    assert deliver(store, sinks(slack), at=2).delivered == 1
    assert slack.story == [("edit", "?")]


class Hook:
    """A sink that drops what it has seen, cannot be asked for it, and takes changes."""

    kind = "webhook"

    def __init__(self, *troubles: Exception) -> None:
        self._troubles = list(troubles)
        self.taken: dict[str, str] = {}

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        self.taken.setdefault(key, message.colour)
        if self._troubles:
            raise self._troubles.pop()
        return Receipt(channel=destination.address, message=key)

    def update(self, receipt: Receipt, message: Message, *, key: str) -> None:
        self.taken.setdefault(key, message.colour)


def test_what_changed_between_a_lost_answer_and_the_repeat_is_told_under_a_key_of_its_own(store: SqlStore) -> None:
    number = open_incident(store)
    hook = Hook(TransportError("no answer", fate_unknown=True))
    owe(store, number, Action.POST, to=Destination(kind="webhook", address="hook"))
    deliver(store, sinks(hook))
    with store.transaction() as tx:
        incident = tx.incident(number)
        tx.save(incident.resolved(at=minutes(1), by="ann@acme.test", reason=Resolution.FIXED))
    assert deliver(store, sinks(hook), at=2).pending == 0
    post = f"INC-{number}:post:webhook:hook"
    assert hook.taken == {post: Colour.RED, f"{post}:again": Colour.GREEN}
