"""What a change makes us say: one post per destination, edits as it changes, the story in the thread."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from incident_ops.core.arranging import merged_into
from incident_ops.core.incident import Incident
from incident_ops.core.notices import Action, Notice, Push, Told, notices_for, tells_a_turn
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Assessment, Severity
from incident_ops.core.status import EntryKind, Resolution
from incident_ops_tests.builders import make_alert, make_incident, make_recovery, minutes

FIN, WEB = Destination(kind="slack", address="#fin"), Destination(kind="slack", address="#web")
POSTED = Told(is_posted=True, last_push_at=minutes(0))
WAITING = Told(is_posted=False)
NOBODY: Mapping[Destination, Push] = {}
NEW: Mapping[Destination, Told] = {}

STORED = replace(make_incident(), news=(), revision=1)


def owed(
    before: Incident | None,
    after: Incident,
    told: Mapping[Destination, Told],
    pushes: Mapping[Destination, Push] = NOBODY,
    **anything: Any,
) -> list[Notice]:
    return notices_for(before, replace(after, revision=after.revision + 1), told, pushes, **anything)


def said(notices: list[Notice]) -> list[tuple[str, str, bool]]:
    return [(str(notice.action), notice.destination.address, notice.pushes) for notice in notices]


def fired(incident: Incident, *, at: float, asset: str = "a/b") -> Incident:
    assessment = Assessment(severity=Severity.SEV2, reasons=("why",))
    return incident.fired(make_alert(asset, minutes(at)), assessment, now=minutes(at))


def test_a_new_incident_is_posted_once_to_each_destination():
    notices = owed(None, make_incident(), NEW, {FIN: Push(), WEB: Push()})
    assert said(notices) == [("post", "#fin", True), ("post", "#web", True)]
    assert [notice.key for notice in notices] == ["INC-1:post:slack:#fin", "INC-1:post:slack:#web"]


def test_where_the_phone_does_not_ring_nothing_is_posted():
    assert owed(None, make_incident(), NEW) == []
    assert owed(STORED, fired(STORED, at=5), NEW) == []


def test_a_post_may_come_later_and_says_why_it_comes_now():
    [post] = owed(STORED, STORED, NEW, {FIN: Push(note="It waited.")})
    assert (post.action, post.text, post.pushes) == (Action.POST, "It waited.", True)


def test_a_post_that_goes_along_with_another_incidents_does_not_ring():
    quiet = Push(text="It has grown.", rings=False)
    assert said(owed(None, make_incident(), NEW, {FIN: quiet})) == [("post", "#fin", False)]
    assert said(owed(STORED, STORED, {FIN: POSTED}, {FIN: quiet}))[0] == ("reply", "#fin", False)


def test_a_repeat_edits_and_says_nothing():
    """Not one line per failed row of a storm, in nobody's thread."""
    assert said(owed(STORED, fired(STORED, at=10), {FIN: POSTED})) == [("edit", "#fin", False)]


def test_a_change_is_told_in_the_thread_and_edits_the_post():
    taken = STORED.acknowledged(by="ann", at=minutes(10))
    notices = owed(STORED, taken, {FIN: POSTED})
    assert said(notices) == [("reply", "#fin", False), ("edit", "#fin", False)]
    assert notices[0].text == "Acknowledged by ann"
    assert [notice.key for notice in notices] == ["INC-1:turn:slack:#fin:r2", "INC-1:edit:slack:#fin:r2"]


def test_the_resolution_tells_the_recovery_too():
    """Two lines that say the same are one too many."""
    well = STORED.recovered(make_recovery(make_alert()), now=minutes(10)).resolved(at=minutes(10))
    [reply, edit] = owed(STORED, well, {FIN: POSTED})
    assert reply.text == "Resolved: everything that failed is healthy again, after 10 min"
    assert edit.action is Action.EDIT


def test_a_new_destination_gets_a_post_and_the_old_one_the_change():
    """The owner became known after the post to the default channel: told at the start, told at the end."""
    data = Destination(kind="slack", address="#data")
    owned = STORED.owned_by("team:fin", {}, at=minutes(10))
    assert said(owed(STORED, owned, {data: POSTED}, {FIN: Push()})) == [
        ("post", "#fin", True),
        ("reply", "#data", False),
        ("edit", "#data", False),
    ]


def test_every_destination_that_has_a_post_hears_the_end_whatever_the_route_says_by_now():
    ended = STORED.resolved(at=minutes(10), by="ann", reason=Resolution.FIXED)
    assert said(owed(STORED, ended, {FIN: POSTED, WEB: POSTED})) == [
        ("reply", "#fin", False),
        ("edit", "#fin", False),
        ("reply", "#web", False),
        ("edit", "#web", False),
    ]


def test_a_push_rings_in_the_thread_with_its_own_words_after_the_story():
    after = fired(STORED, at=300, asset="x/y")
    push = Push(text="It has grown: x/y.", note="This was the last.")
    [reply, edit] = owed(STORED, after, {FIN: POSTED}, {FIN: push}, lines=["And this."])
    assert (reply.pushes, edit.pushes) == (True, False)
    assert reply.text.splitlines() == [
        "x/y: not_null: 12 rows without a price",
        "It has grown: x/y.",
        "This was the last.",
        "And this.",
    ]


@pytest.mark.parametrize("change", ["note", "acknowledged"])
def test_a_persons_change_does_not_ring_by_itself(change: str):
    after = (
        STORED.noted(EntryKind.NOTE, "looking", at=minutes(300), by="ann")
        if change == "note"
        else STORED.acknowledged(by="ann", at=minutes(300))
    )
    assert said(owed(STORED, after, {FIN: POSTED}))[0] == ("reply", "#fin", False)


def test_while_it_flaps_the_thread_hears_only_what_is_said_besides():
    ended = STORED.resolved(at=minutes(10))
    assert said(owed(STORED, ended, {FIN: POSTED}, tells_story=False)) == [("edit", "#fin", False)]
    [reply, _] = owed(STORED, ended, {FIN: POSTED}, tells_story=False, lines=["Flapping."])
    assert (reply.text, reply.pushes) == ("Flapping.", False)


def test_a_post_that_still_waits_shows_what_was_found_out_itself():
    after = STORED.noted(EntryKind.SUSPECT, "suspect: raw", at=minutes(1))
    after = after.noted(EntryKind.NOTE, "looking", at=minutes(1), by="ann")
    texts = [owed(STORED, after, {FIN: told})[0].text for told in (WAITING, POSTED)]
    assert texts == ["ann: looking", "Suspect: raw\nann: looking"]


def test_a_long_story_is_cut_and_counted():
    after = STORED
    for n in range(14):
        after = after.noted(EntryKind.NOTE, f"note {n}", at=minutes(n), by="ann")
    lines = owed(STORED, after, {FIN: POSTED})[0].text.splitlines()
    assert lines == [*(f"ann: note {n}" for n in range(10)), "and 4 more changes"]


def test_what_happened_behind_the_scenes_is_not_told():
    quiet = STORED.noted(EntryKind.NOTIFIED, "routed to #fin", at=minutes(1))
    quiet = quiet.noted(EntryKind.SUPPRESSED, "nobody is pushed", at=minutes(1))
    assert said(owed(STORED, quiet, {FIN: POSTED})) == [("edit", "#fin", False)]


ENDED = replace(STORED.resolved(at=minutes(10)), news=())


@pytest.mark.parametrize(
    ("before", "after", "is_a_turn"),
    [
        (STORED, STORED.acknowledged(by="ann", at=minutes(10)), True),
        (STORED, STORED.mitigated(by="ann", at=minutes(10)), True),
        (STORED, STORED.resolved(at=minutes(10)), True),
        (ENDED, ENDED.reopen(why="failed again", at=minutes(20)), True),
        (STORED, STORED.noted(EntryKind.TRIGGERED_AGAIN, "nobody has it", at=minutes(10)), True),
        (STORED, merged_into(STORED, make_incident(2), why="the same root", at=minutes(10)), True),
        (STORED, STORED.noted(EntryKind.MERGED, "INC-2 was merged", at=minutes(10)), False),
        (STORED, STORED.noted(EntryKind.NOTE, "looking", at=minutes(10), by="ann"), False),
        (STORED, fired(STORED, at=10, asset="x/y"), False),
        (ENDED, ENDED.noted(EntryKind.CLASSIFIED, "fixed", at=minutes(20), by="ann"), False),
    ],
)
def test_a_reply_is_known_by_its_key_for_what_sinks_without_edits_must_tell(
    before: Incident, after: Incident, is_a_turn: bool
):
    [reply, _] = owed(before, after, {FIN: POSTED})
    assert (reply.action, tells_a_turn(reply.key)) == (Action.REPLY, is_a_turn)


def test_what_a_waiting_post_shows_itself_makes_no_turn_of_another_reply():
    merged = merged_into(STORED, make_incident(2), why="the same root", at=minutes(10))
    [reply, _] = owed(STORED, merged.noted(EntryKind.NOTE, "so", at=minutes(10)), {FIN: WAITING})
    assert (reply.text, tells_a_turn(reply.key)) == ("so", False)


def test_that_it_flaps_and_how_it_stands_afterwards_are_told_in_place_of_the_turns_between():
    """Else a mail would have told of the beginning and never of the end."""
    calm = ENDED.noted(EntryKind.FLAPPING, "no longer flapping: it is resolved", at=minutes(99))
    [reply, _] = owed(ENDED, calm, {FIN: POSTED}, lines=["No longer flapping: it is resolved."])
    assert tells_a_turn(reply.key)
