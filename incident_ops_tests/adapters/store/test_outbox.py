"""The outbox: owed once, sent in order, by one worker, never lost."""

from dataclasses import replace

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.delivery import Delivery, DeliveryStatus, Receipt
from incident_ops.core.notices import Action, Told
from incident_ops.core.severity import Severity
from incident_ops.core.status import EntryKind, TimelineEntry
from incident_ops_tests.adapters.store.values import LEASE, MAIL, SLACK, notice, opened_for, owe
from incident_ops_tests.builders import minutes

RECEIPT = Receipt(channel="C1", message="1.0")


@pytest.fixture
def store(store: SqlStore) -> SqlStore:
    """With two incidents to speak of."""
    opened_for(store, "a/1")
    opened_for(store, "a/2")
    return store


def claim(store: SqlStore, at: float = 1, limit: int = 50) -> list[Delivery]:
    return store.claim(now=minutes(at), lease=LEASE, limit=limit)


def keys(deliveries: list[Delivery]) -> list[str]:
    return [delivery.key for delivery in deliveries]


def told(store: SqlStore, number: int = 1):
    with store.transaction() as tx:
        return tx.told(number)


def bury(store: SqlStore, delivery: Delivery, *, instead=None, at: float = 2) -> None:
    entry = TimelineEntry(at=minutes(at), kind=EntryKind.DELIVERY_FAILED, text="refused")
    store.bury(delivery, error="channel_not_found", instead=instead, entry=entry, now=minutes(at))


# ---- owing


def test_the_same_notice_is_owed_once(store: SqlStore):
    owe(store, notice(1, Action.POST, "p"), notice(1, Action.POST, "p"))
    owe(store, notice(1, Action.POST, "p", to=MAIL))
    assert [(d.key, d.destination) for d in store.deliveries(1)] == [("p", SLACK)]


def test_an_edit_is_part_of_a_post_or_edit_that_waits(store: SqlStore):
    owe(store, notice(1, Action.POST, "p"), notice(1, Action.EDIT, "e1"))
    assert keys(store.deliveries(1)) == ["p"]
    store.accepted(claim(store)[0], RECEIPT, now=minutes(1))
    owe(store, notice(1, Action.EDIT, "e2"), notice(1, Action.REPLY, "r"), notice(1, Action.EDIT, "e3"))
    assert keys(store.deliveries(1)) == ["p", "e2", "r"], "e2 will draw what e3 would"


def test_an_edit_is_not_part_of_a_post_that_is_being_sent(store: SqlStore):
    """The post was drawn before the change: without the edit the change would never be seen."""
    owe(store, notice(1, Action.POST, "p"))
    claim(store)
    owe(store, notice(1, Action.EDIT, "e"))
    assert keys(store.deliveries(1)) == ["p", "e"]


def test_edits_for_others_do_not_hide_an_edit(store: SqlStore):
    owe(
        store,
        notice(1, Action.POST, "p"),
        notice(1, Action.EDIT, "e-mail", to=MAIL),
        notice(2, Action.EDIT, "e-2"),
    )
    assert keys(store.deliveries(1)) == ["p", "e-mail"]
    assert keys(store.deliveries(2)) == ["e-2"]


# ---- claiming


def test_one_incident_and_destination_is_told_in_order(store: SqlStore):
    owe(store, notice(1, Action.POST, "p"), notice(1, Action.REPLY, "r1"), notice(1, Action.REPLY, "r2"))
    order: list[str] = []
    while claimed := claim(store):
        assert claim(store) == [], "the next one waits until this one is settled"
        order += keys(claimed)
        store.accepted(claimed[0], RECEIPT, now=minutes(1))
    assert order == ["p", "r1", "r2"]


def test_others_do_not_wait_for_one_that_does(store: SqlStore):
    owe(
        store, notice(1, Action.POST, "1s"), notice(1, Action.REPLY, "1s-r"), notice(1, Action.POST, "1m", to=MAIL)
    )
    owe(store, notice(2, Action.POST, "2s"))
    [first, *_] = claimed = claim(store)
    assert keys(claimed) == ["1s", "1m", "2s"], "oldest first"
    store.postpone(first, error="503", not_before=minutes(10), fate_unknown=False, now=minutes(1))
    left = [replace(delivery, fate_unknown=True, attempts=1) for delivery in claimed[1:]]
    assert claim(store, at=5) == left
    for delivery in left:
        assert claim(store, at=9) == [replace(delivery, attempts=2)], "one of them may kill who tries it"
    assert keys(claim(store, at=10, limit=1)) == ["1s"]


def test_the_limit_is_kept(store: SqlStore):
    owe(store, notice(1, Action.POST, "1"), notice(2, Action.POST, "2"), notice(2, Action.POST, "3", to=MAIL))
    assert keys(claim(store, limit=2)) == ["1", "2"]
    assert keys(claim(store, limit=2)) == ["3"]


def test_what_is_not_due_is_not_claimed(store: SqlStore):
    owe(store, notice(1, Action.POST, "p"), at=5)
    assert claim(store, at=4.9) == []
    assert keys(claim(store, at=5)) == ["p"]


def test_a_lease_that_ran_out_is_claimed_with_an_unknown_fate(store: SqlStore):
    owe(store, notice(1, Action.POST, "p"))
    [first] = claim(store, at=1)
    assert not first.fate_unknown
    assert claim(store, at=1.99) == []
    [second] = claim(store, at=2)
    assert (second.key, second.fate_unknown, second.attempts) == ("p", True, 1)
    assert store.deliveries(1)[0] == second, "it stays so until it is settled"


def test_a_worker_that_comes_back_late_changes_nothing_but_a_success(store: SqlStore):
    owe(store, notice(1, Action.POST, "p"))
    [late] = claim(store, at=1)
    [current] = claim(store, at=3)
    store.postpone(late, error="late", not_before=minutes(99), fate_unknown=False, now=minutes(3))
    bury(store, late)
    assert store.deliveries(1) == [current]
    store.accepted(late, RECEIPT, now=minutes(3))
    bury(store, current)
    store.postpone(current, error="current", not_before=minutes(99), fate_unknown=True, now=minutes(4))
    store.accepted(current, Receipt(channel="C1", message="2.0"), now=minutes(5))
    [delivery] = store.deliveries(1)
    assert (delivery.status, delivery.receipt, delivery.accepted_at) == (
        DeliveryStatus.ACCEPTED,
        RECEIPT,
        minutes(3),
    )
    assert len(store.timeline(1)) == 1, "nothing was buried"


def test_what_waits_is_counted_and_the_oldest_is_known(store: SqlStore):
    assert (store.unfinished(), store.oldest_unfinished()) == (0, None)
    owe(store, notice(1, Action.POST, "1"), notice(2, Action.POST, "2"))
    [first] = claim(store, limit=1)
    assert (store.unfinished(), store.oldest_unfinished()) == (2, first)
    store.accepted(first, RECEIPT, now=minutes(2))
    oldest = store.oldest_unfinished()
    assert oldest is not None
    assert (store.unfinished(), oldest.key) == (1, "2")


# ---- threads and what was told


def test_later_messages_know_the_thread_of_the_accepted_post(store: SqlStore):
    owe(store, notice(1, Action.POST, "p"), notice(1, Action.REPLY, "r"))
    owe(store, notice(1, Action.POST, "m", to=MAIL), notice(1, Action.REPLY, "mr", to=MAIL))
    post, mail = claim(store)
    assert (post.thread, mail.thread) == (None, None)
    store.accepted(mail, None, now=minutes(1))
    store.accepted(post, RECEIPT, now=minutes(1))
    reply, mail_reply = claim(store)
    assert (reply.key, reply.thread) == ("r", RECEIPT)
    assert (mail_reply.key, mail_reply.thread) == ("mr", None)
    store.accepted(reply, Receipt(channel="C1", message="2.0"), now=minutes(2))
    owe(store, notice(1, Action.EDIT, "e"))
    assert [d.thread for d in claim(store, at=2) if d.key == "e"] == [RECEIPT]


def test_told_knows_waiting_and_accepted_posts_and_the_last_push(store: SqlStore):
    assert told(store) == {}
    owe(store, notice(1, Action.POST, "p", pushes=True), notice(1, Action.REPLY, "r1", pushes=True))
    owe(store, notice(1, Action.REPLY, "r2"), notice(2, Action.POST, "other", pushes=True))
    assert told(store) == {SLACK: Told(is_posted=False)}
    for at in (3, 7, 11):
        delivery = next(d for d in claim(store, at=at) if d.number == 1)
        store.accepted(delivery, RECEIPT if delivery.key == "p" else None, now=minutes(at))
    assert told(store) == {SLACK: Told(is_posted=True, last_push_at=minutes(7))}, "r2 rang no phone"
    assert told(store, 2)[SLACK].last_push_at is None


# ---- burying


def test_a_buried_post_takes_along_what_waits_behind_it(store: SqlStore):
    owe(store, notice(1, Action.POST, "p"), notice(1, Action.REPLY, "r"), notice(1, Action.POST, "m", to=MAIL))
    owe(store, notice(2, Action.POST, "2"))
    post = claim(store, limit=1)[0]
    bury(store, post, instead=notice(1, Action.POST, "fallback", to=replace(SLACK, address="#data")))
    states = {d.key: (d.status, d.error) for d in store.deliveries(1)}
    assert states == {
        "p": (DeliveryStatus.DEAD, "channel_not_found"),
        "r": (DeliveryStatus.DEAD, "channel_not_found"),
        "m": (DeliveryStatus.PENDING, ""),
        "fallback": (DeliveryStatus.PENDING, ""),
    }
    assert set(told(store)) == {MAIL, replace(SLACK, address="#data")}
    assert store.timeline(1)[-1] == TimelineEntry(at=minutes(2), kind=EntryKind.DELIVERY_FAILED, text="refused")
    assert keys(claim(store, at=3)) == ["m", "2", "fallback"]


def test_a_buried_reply_leaves_the_others_alone(store: SqlStore):
    """The post stands: the all-clear that waits behind the reply must still be sent."""
    owe(store, notice(1, Action.POST, "p"))
    store.accepted(claim(store)[0], RECEIPT, now=minutes(1))
    owe(store, notice(1, Action.REPLY, "r"), notice(1, Action.EDIT, "e"))
    bury(store, claim(store)[0])
    assert told(store) == {SLACK: Told(is_posted=True)}
    assert keys(claim(store, at=3)) == ["e"]


def test_a_post_that_died_is_not_owed_again_under_its_key(store: SqlStore):
    owe(store, notice(1, Action.POST, "p"))
    bury(store, claim(store)[0])
    owe(store, notice(1, Action.POST, "p"))
    assert (store.unfinished(), told(store)) == (0, {})


# ---- posts that are not owed any more


def withdraw(store: SqlStore, number: int = 1, **keep) -> None:
    with store.transaction() as tx:
        tx.withdraw_posts(number, **keep)


def test_a_post_that_nobody_has_tried_to_send_can_be_withdrawn_with_what_waits_for_it(store: SqlStore):
    """Resolved before anybody was told: nobody is told."""
    owe(store, notice(1, Action.POST, "p"), notice(1, Action.REPLY, "r"), notice(1, Action.POST, "m", to=MAIL))
    owe(store, notice(2, Action.POST, "2"))
    withdraw(store)
    assert (keys(store.deliveries(1)), told(store)) == ([], {})
    assert keys(store.deliveries(2)) == ["2"]
    owe(store, notice(1, Action.POST, "p"))
    assert keys(claim(store)) == ["2", "p"], "it may be owed again, under its own key"


def test_posts_to_places_that_are_kept_stay_owed(store: SqlStore):
    owe(store, notice(1, Action.POST, "p"), notice(1, Action.POST, "m", to=MAIL))
    withdraw(store, keep=[MAIL])
    assert keys(store.deliveries(1)) == ["m"]


def test_a_post_that_may_have_been_seen_stays(store: SqlStore):
    """Being sent, tried before, or accepted: whoever may have read it is owed the end of the story."""
    other = replace(SLACK, address="#data")
    owe(store, notice(1, Action.POST, "sent"))
    store.accepted(claim(store)[0], RECEIPT, now=minutes(1))
    owe(store, notice(1, Action.POST, "tried", to=MAIL), notice(1, Action.POST, "now", to=other))
    tried, _ = claim(store)
    store.postpone(tried, error="503", not_before=minutes(9), fate_unknown=True, now=minutes(2))
    owe(store, notice(1, Action.REPLY, "r"))
    withdraw(store)
    assert keys(store.deliveries(1)) == ["sent", "tried", "now", "r"]


def test_what_is_told_to_a_user_of_the_data_is_owed_whatever_becomes_of_the_post(store: SqlStore):
    """Whoever was told of bad data hears the end, in a channel that happens to be the owner's too."""
    owe(store, notice(1, Action.TELL, "start", text="bad data", pushes=True))
    store.accepted(claim(store)[0], RECEIPT, now=minutes(1))
    owe(store, notice(1, Action.POST, "p"), notice(1, Action.TELL, "end", text="good again"))
    withdraw(store)
    assert keys(store.deliveries(1)) == ["start", "end"]


# ---- messages about no incident


def digest(key: str, to=SLACK, **anything):
    return notice(None, Action.TELL, key, to=to, text="The ten things of today", **anything)


def test_a_message_about_no_incident_is_owed_once_sent_and_settled(store: SqlStore):
    owe(store, digest("d"), digest("d"))
    [sent] = claim(store)
    assert (sent.key, sent.number, sent.thread, sent.text) == ("d", None, None, "The ten things of today")
    assert store.oldest_unfinished() == sent
    store.accepted(sent, RECEIPT, now=minutes(1))
    assert (store.unfinished(), store.deliveries(1)) == (0, [])


def test_messages_about_no_incident_go_in_order_to_each_destination(store: SqlStore):
    """The digest of today must not overtake that of yesterday; an incident's post does not wait for either."""
    owe(store, digest("d1"), digest("d2"), digest("m1", to=MAIL), notice(1, Action.POST, "p"))
    first, *others = claim(store)
    assert keys([first, *others]) == ["d1", "m1", "p"]
    store.postpone(first, error="503", not_before=minutes(5), fate_unknown=False, now=minutes(1))
    for delivery in others:
        store.accepted(delivery, RECEIPT, now=minutes(1))
    assert claim(store, at=4) == []
    [again] = claim(store, at=5)
    store.accepted(again, RECEIPT, now=minutes(5))
    assert (keys([again]), keys(claim(store, at=6))) == (["d1"], ["d2"])


def test_an_edit_about_no_incident_is_part_of_one_that_waits(store: SqlStore):
    owe(store, notice(1, Action.EDIT, "of-1"), notice(None, Action.EDIT, "e1"), notice(None, Action.EDIT, "e2"))
    assert keys(claim(store)) == ["of-1", "e1"]
    assert store.unfinished() == 2


@pytest.mark.parametrize("action", [Action.TELL, Action.POST])
def test_a_buried_message_about_no_incident_takes_nothing_along(store: SqlStore, action: Action):
    """There is no story that it would be the beginning of, and no timeline to tell of it."""
    owe(store, notice(None, action, "d1", text="x"), digest("d2"))
    before = [store.timeline(number) for number in (1, 2)]
    bury(store, claim(store)[0], instead=digest("fallback", to=MAIL))
    assert keys(claim(store, at=3)) == ["d2", "fallback"]
    assert [store.timeline(number) for number in (1, 2)] == before


# ---- how often somebody was pushed


def pushes(store: SqlStore, to=SLACK, *, since: float = 0):
    with store.transaction() as tx:
        return tx.pushes_to(to, since=minutes(since))


def test_pushes_to_a_destination_are_counted_over_all_incidents(store: SqlStore):
    assert pushes(store) == []
    owe(store, notice(2, Action.POST, "2", pushes=True), at=7)
    owe(store, notice(1, Action.POST, "1", pushes=True), notice(1, Action.POST, "m", to=MAIL, pushes=True), at=5)
    owe(store, digest("loud", pushes=True), digest("quiet"), notice(1, Action.EDIT, "e"), at=9)
    assert pushes(store) == [minutes(5), minutes(7), minutes(9)]
    assert pushes(store, since=7) == [minutes(7), minutes(9)]
    assert (pushes(store, MAIL), pushes(store, replace(SLACK, kind="email"))) == ([minutes(5)], [])


def test_pushes_count_while_they_wait_and_when_they_were_accepted_but_not_when_they_died(store: SqlStore):
    owe(store, notice(1, Action.POST, "accepted", pushes=True), at=1)
    store.accepted(claim(store)[0], RECEIPT, now=minutes(8))
    owe(store, notice(2, Action.POST, "dead", pushes=True), at=2)
    bury(store, claim(store, at=2)[0])
    owe(store, notice(1, Action.REPLY, "sending", pushes=True), at=3)
    assert keys(claim(store, at=3)) == ["sending"]
    owe(store, notice(1, Action.REPLY, "pending", pushes=True), at=4)
    assert pushes(store) == [minutes(1), minutes(3), minutes(4)], "counted from when it was owed"


def test_of_the_pushes_those_of_grave_incidents_and_the_older_ones_can_be_left_out(store: SqlStore):
    for number, at in ((1, 1), (2, 2), (1, 3), (2, 4)):
        owe(store, notice(number, Action.REPLY, f"{number}.{at}", pushes=True), at=at)
    owe(store, digest("loud", pushes=True), at=5)
    grave = store.incident(2).graded(Severity.SEV1, by="ana", at=minutes(6))
    with store.transaction() as tx:
        tx.save(grave)
        counted = tx.pushes_to(SLACK, since=minutes(0), besides=[Severity.SEV0, Severity.SEV1])
        newest = tx.pushes_to(SLACK, since=minutes(0), limit=2)
    assert counted == [minutes(1), minutes(3), minutes(5)]
    assert newest == [minutes(4), minutes(5)]
