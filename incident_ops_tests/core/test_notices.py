"""What a change makes us say: one post per destination, edits as it changes, the story in the thread."""

from dataclasses import replace
from datetime import timedelta

from incident_ops.core.alert import CheckSeverity
from incident_ops.core.incident import Incident
from incident_ops.core.notices import Action, Notice, Told, notices_for
from incident_ops.core.routing import Destination, Route
from incident_ops.core.severity import Assessment, Severity, assess
from incident_ops.core.status import EntryKind, Resolution
from incident_ops_tests.builders import make_alert, make_incident, make_recovery, minutes

FIN, WEB = Destination(kind="slack", address="#fin"), Destination(kind="slack", address="#web")
TO_FIN = Route(destinations=(FIN,), reasons=("#fin: team:fin owns a/b",))
MUTED = replace(TO_FIN, suppressed="WARN is recorded and listed, not pushed")
POSTED = Told(is_posted=True, last_push_at=minutes(0))
WAITING = Told(is_posted=False)

STORED = replace(make_incident(), news=(), revision=1)


def owed(
    before: Incident | None,
    after: Incident,
    told: dict[Destination, Told],
    *,
    at: float = 10,
    way: Route = TO_FIN,
) -> list[Notice]:
    return notices_for(
        before,
        replace(after, revision=after.revision + 1),
        way,
        told,
        repeat_interval=timedelta(hours=4),
        now=minutes(at),
    )


def said(notices: list[Notice]) -> list[tuple[str, str, bool]]:
    return [(str(notice.action), notice.destination.address, notice.pushes) for notice in notices]


def fired(incident: Incident, *, at: float, asset: str = "a/b", severity: Severity = Severity.SEV2) -> Incident:
    alert = make_alert(asset, minutes(at))
    return incident.fired(alert, Assessment(severity=severity, reasons=("why",)), now=minutes(at))


def test_a_new_incident_is_posted_once_to_each_destination() -> None:
    both = replace(TO_FIN, destinations=(FIN, WEB))
    notices = owed(None, make_incident(), {}, way=both)
    assert said(notices) == [("post", "#fin", True), ("post", "#web", True)]
    assert [notice.key for notice in notices] == ["INC-1:post:slack:#fin", "INC-1:post:slack:#web"]


def test_a_suppressed_incident_is_not_posted() -> None:
    assert owed(None, make_incident(), {}, way=MUTED) == []


def test_a_repeat_edits_and_says_nothing() -> None:
    """Not one line per failed row of a storm, in nobody's thread."""
    assert said(owed(STORED, fired(STORED, at=10), {FIN: POSTED})) == [("edit", "#fin", False)]


def test_a_change_is_told_in_the_thread_and_edits_the_post() -> None:
    taken = STORED.acknowledged(by="ann", at=minutes(10))
    notices = owed(STORED, taken, {FIN: POSTED})
    assert said(notices) == [("reply", "#fin", False), ("edit", "#fin", False)]
    assert notices[0].text == "Acknowledged by ann"
    assert [notice.key for notice in notices] == ["INC-1:reply:slack:#fin:r2", "INC-1:edit:slack:#fin:r2"]


def test_the_resolution_tells_the_recovery_too() -> None:
    """Two lines that say the same are one too many."""
    well = STORED.recovered(make_recovery(make_alert()), now=minutes(10)).resolved(at=minutes(10))
    [reply, edit] = owed(STORED, well, {FIN: POSTED})
    assert reply.text == "Resolved: everything that failed is healthy again, after 10 min"
    assert edit.action is Action.EDIT


def test_a_new_destination_gets_a_post_and_the_old_one_the_change() -> None:
    """The owner became known after the post to the default channel: told at the start, told at the end."""
    data = Destination(kind="slack", address="#data")
    owned = STORED.owned_by("team:fin", {}, at=minutes(10))
    assert said(owed(STORED, owned, {data: POSTED})) == [
        ("post", "#fin", True),
        ("reply", "#data", False),
        ("edit", "#data", False),
    ]


def test_a_destination_that_left_the_route_still_hears_the_end() -> None:
    ended = STORED.resolved(at=minutes(10), by="ann", reason=Resolution.FIXED)
    assert said(owed(STORED, ended, {FIN: POSTED, WEB: POSTED}, way=TO_FIN))[-2:] == [
        ("reply", "#web", False),
        ("edit", "#web", False),
    ]


def test_the_end_is_told_even_when_the_incident_is_suppressed_by_now() -> None:
    ended = STORED.resolved(at=minutes(10), by="ann", reason=Resolution.FIXED)
    assert said(owed(STORED, ended, {FIN: POSTED}, way=MUTED)) == [
        ("reply", "#fin", False),
        ("edit", "#fin", False),
    ]


def test_a_warning_that_turns_into_an_error_posts_then() -> None:
    warn = replace(make_incident(1, make_alert(check_severity=CheckSeverity.WARN)), revision=1, news=())
    error = make_alert(occurred_at=minutes(5))
    assessment = assess(check_severity=error.check_severity, kind=error.kind, tier=None)
    after = warn.fired(error, assessment, now=minutes(5))
    assert owed(warn, fired(warn, at=5), {}, way=MUTED) == []
    assert said(owed(warn, after, {}, way=TO_FIN)) == [("post", "#fin", True)]


# ---- the cool-down


def test_new_failures_push_again_after_the_repeat_interval_and_not_before() -> None:
    for at, expected in (
        (239, [("edit", "#fin", False)]),
        (240, [("reply", "#fin", True), ("edit", "#fin", False)]),
    ):
        assert said(owed(STORED, fired(STORED, at=at), {FIN: POSTED}, at=at)) == expected, at


def test_the_repeat_says_how_much_came() -> None:
    [reply, _] = owed(STORED, replace(fired(STORED, at=240), failure_count=4_001), {FIN: POSTED}, at=240)
    assert reply.text == "Still failing: 4,000 more since the first failure."


def test_the_cool_down_starts_when_the_sink_has_accepted() -> None:
    """Started earlier, an outage of Slack would swallow the only message."""
    accepted_late = Told(is_posted=True, last_push_at=minutes(200))
    assert said(owed(STORED, fired(STORED, at=300), {FIN: accepted_late}, at=300)) == [("edit", "#fin", False)]
    assert said(owed(STORED, fired(STORED, at=300), {FIN: WAITING}, at=300)) == [("edit", "#fin", False)]


def test_who_has_taken_it_is_not_pushed_again() -> None:
    taken = replace(STORED.acknowledged(by="ann", at=minutes(1)), news=())
    assert said(owed(taken, fired(taken, at=300), {FIN: POSTED}, at=300)) == [("edit", "#fin", False)]


def test_a_persons_change_never_pushes() -> None:
    noted = STORED.noted(EntryKind.NOTE, "looking", at=minutes(300), by="ann")
    assert said(owed(STORED, noted, {FIN: POSTED}, at=300))[0] == ("reply", "#fin", False)


def test_a_new_member_after_the_interval_pushes_with_its_own_words() -> None:
    [reply, _] = owed(STORED, fired(STORED, at=300, asset="x/y"), {FIN: POSTED}, at=300)
    assert (reply.pushes, reply.text) == (True, "X/y: not_null: 12 rows without a price")


def test_a_long_story_is_cut_and_counted() -> None:
    after = STORED
    for n in range(14):
        after = after.noted(EntryKind.NOTE, f"note {n}", at=minutes(n), by="ann")
    lines = owed(STORED, after, {FIN: POSTED})[0].text.splitlines()
    assert lines == [*(f"Note {n}" for n in range(10)), "and 4 more changes"]


def test_what_happened_behind_the_scenes_is_not_told() -> None:
    quiet = STORED.noted(EntryKind.NOTIFIED, "routed to #fin", at=minutes(1))
    assert said(owed(STORED, quiet, {FIN: POSTED})) == [("edit", "#fin", False)]
