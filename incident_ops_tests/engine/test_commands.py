"""What people ask for: carried out once, told like any other change, and refused with a sentence that says why."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.core.commands import (
    Acknowledge,
    Assign,
    Command,
    FollowUp,
    Grade,
    Note,
    Resolve,
    Silence,
    Snooze,
    TakeRole,
)
from incident_ops.core.errors import ConfigError, IllegalChange, NotFound
from incident_ops.core.notices import Action, Notice
from incident_ops.core.routing import Destination
from incident_ops.core.severity import Severity
from incident_ops.core.status import Resolution, Role
from incident_ops.engine.regroup import merge
from incident_ops.engine.triage import triage
from incident_ops_tests.builders import make_alert, minutes
from incident_ops_tests.engine.commanded import ANN, BOB, Desk, knowing

HOUR = timedelta(hours=1)


@pytest.fixture
def desk(store: SqlStore) -> Desk:
    return Desk(store, knowing("tasks"))


@pytest.fixture(params=["sqlite", "postgres"])
def any_store(request: pytest.FixtureRequest) -> Iterator[SqlStore]:
    if request.param == "sqlite":
        yield request.getfixturevalue("store")
        return
    with open_store(request.getfixturevalue("migrated_postgres_url")) as opened:
        yield opened


def test_each_command_does_what_it_says(desk: Desk) -> None:
    assert desk(Acknowledge(number=1)).assignee == ANN
    assert desk(Assign(number=1, to="team:fin")).assignee == "team:fin"
    assert desk(Grade(number=1, severity=Severity.SEV0)).severity is Severity.SEV0
    assert desk(TakeRole(number=1, role=Role.COMMANDER, who=ANN)).roles == {Role.COMMANDER: ANN}
    desk(Note(number=1, text="  the source was late\n"))
    ended = desk(Resolve(number=1, reason=Resolution.FIXED, note="loaded again"), BOB)
    assert (ended.is_open, ended.resolution) == (False, Resolution.FIXED)
    assert desk.story == [
        f"acknowledged by {ANN}",
        "assigned to team:fin",
        f"SEV2 → SEV0 by {ANN}",
        f"{ANN} is commander",
        "the source was late",
        f"resolved by {BOB} as fixed, after 10 min",
        "loaded again",
    ]


SECOND_TIME = [
    (Acknowledge(number=1), "INC-1 is acknowledged already: you have it"),
    (Assign(number=1, to=BOB), f"INC-1 is assigned to {BOB} already"),
    (Grade(number=1, severity=Severity.SEV2), f"INC-1 is SEV2 already, set by {ANN}"),
    (Note(number=1, text="x"), "INC-1 has this note already, since 2026-11-20 09:10 UTC"),
    (Note(number=1, text="x", author=BOB), "INC-1 has this note already, since 2026-11-20 09:10 UTC"),
    (Resolve(number=1, reason=Resolution.FIXED), f"INC-1 is resolved already, as fixed, by {ANN}"),
    (
        Silence(number=1, lasting=HOUR, comment="known"),
        f"what INC-1 is about is silenced already, until 2026-11-20 10:10 UTC by {ANN} (silence 1)",
    ),
    (Snooze(number=1, lasting=HOUR), "INC-1 is snoozed already, until 2026-11-20 10:10 UTC"),
    (TakeRole(number=1, role=Role.COMMANDER, who=ANN), f"{ANN} is commander of INC-1 already"),
    (FollowUp(number=1, text="add a test"), "INC-1 has this follow-up already, for tasks"),
]


@pytest.mark.parametrize(("command", "sentence"), SECOND_TIME, ids=lambda value: type(value).__name__)
def test_the_same_twice_changes_nothing_twice_and_says_so(desk: Desk, command: Command, sentence: str) -> None:
    """Slack repeats what it heard no answer to, within minutes; people press twice."""
    desk(command)
    assert desk.refusal(command, at=14) == sentence


@pytest.mark.parametrize(("command", "_"), SECOND_TIME, ids=lambda value: type(value).__name__)
def test_the_same_from_several_at_once_is_done_once(any_store: SqlStore, command: Command, _: str) -> None:
    """Two consoles may get the same press, or one person may press in two windows."""
    desk = Desk(any_store, knowing("tasks"))

    def give(_: int) -> bool:
        try:
            desk(command)
        except IllegalChange:
            return False
        return True

    with ThreadPoolExecutor(4) as consoles:
        assert sorted(consoles.map(give, range(4))) == [False, False, False, True]
    in_force = [each for each in desk.store.silences(since=minutes(10)) if each.is_active(minutes(10))]
    assert len(in_force) == isinstance(command, Silence)
    assert len(desk.story) == 1


def test_who_comes_second_hears_who_has_it(desk: Desk) -> None:
    desk(Acknowledge(number=1), ANN)
    assert desk.refusal(Acknowledge(number=1), BOB) == f"INC-1 is acknowledged already: {ANN} has it"


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (Note(number=1, text="still broken"), Note(number=1, text="still broken")),
        (Snooze(number=1, lasting=HOUR), Snooze(number=1, lasting=3 * HOUR)),
        (Snooze(number=1, lasting=3 * HOUR), Snooze(number=1, lasting=HOUR)),
        (Snooze(number=1, lasting=HOUR), Snooze(number=1, lasting=None)),
        (Silence(number=1, lasting=HOUR, comment="x"), Silence(number=1, lasting=2 * HOUR, comment="x")),
        (Assign(number=1, to=BOB), Assign(number=1, to=ANN)),
        (TakeRole(number=1, role=Role.COMMANDER, who=ANN), TakeRole(number=1, role=Role.COMMANDER, who=BOB)),
        (TakeRole(number=1, role=Role.COMMANDER, who=ANN), TakeRole(number=1, role=Role.COMMANDER, who=None)),
        (FollowUp(number=1, text="add a test"), FollowUp(number=1, text="add two tests")),
    ],
)
def test_what_is_asked_for_anew_is_done_anew(desk: Desk, first: Command, then: Command) -> None:
    desk(first)
    lines = len(desk.story)
    desk(then, at=25)
    assert len(desk.story) > lines


REFUSED = [
    (Acknowledge(number=7), "there is no incident INC-7"),
    (Note(number=7, text="x"), "there is no incident INC-7"),
    (Silence(number=7, lasting=HOUR, comment="x"), "there is no incident INC-7"),
    (FollowUp(number=7, text="x"), "there is no incident INC-7"),
    (Note(number=1, text=" \n"), "the note is empty"),
    (Assign(number=1, to=" "), "INC-1 can only be assigned to somebody"),
    (Silence(number=1, lasting=HOUR, comment=" "), "a silence needs a reason"),
    (Silence(number=1, lasting=timedelta(0), comment="x"), "it would be over at once"),
    (Silence(number=1, lasting=timedelta.max, comment="x"), "that is too long"),
    (Snooze(number=1, lasting=-HOUR), "it would be over at once"),
    (Snooze(number=1, lasting=None), "INC-1 is not snoozed"),
    (TakeRole(number=1, role=Role.COMMUNICATOR, who=None), "nobody is communicator of INC-1"),
    (FollowUp(number=1, text=""), "the follow-up is empty"),
    (FollowUp(number=1, text="x", receiver="war-room"), 'no receiver "war-room" leads to Jira; tasks does'),
]


@pytest.mark.parametrize(("command", "sentence"), REFUSED, ids=lambda value: type(value).__name__)
def test_what_cannot_be_done_is_one_sentence_and_changes_nothing(
    desk: Desk, command: Command, sentence: str
) -> None:
    said = desk.refusal(command)
    assert said.startswith(sentence)
    assert "\n" not in said


@pytest.mark.parametrize(
    "command",
    [
        Acknowledge(number=1),
        Snooze(number=1, lasting=HOUR),
        TakeRole(number=1, role=Role.COMMANDER, who=ANN),
        Assign(number=1, to=BOB),
        Grade(number=1, severity=Severity.SEV0),
    ],
)
def test_what_is_over_is_left_alone(desk: Desk, command: Command) -> None:
    desk(Resolve(number=1, reason=Resolution.FIXED))
    assert desk.refusal(command) == f"INC-1 is resolved already, as fixed, by {ANN}"


def test_what_ended_by_itself_is_classified(desk: Desk) -> None:
    desk(Resolve(number=1, reason=Resolution.FIXED))
    again = desk(Resolve(number=1, reason=Resolution.EXPECTED, note="planned"), BOB)
    assert again.resolution is Resolution.EXPECTED
    assert desk.story[-2:] == [f"classified by {BOB} as expected (was fixed)", "planned"]


def test_a_note_says_who_said_it_when_somebody_else_writes_it_down(desk: Desk) -> None:
    desk(Note(number=1, text="it is the new dump", author=BOB), ANN)
    desk(Note(number=1, text="so it is", author=ANN), ANN)
    noted = [(entry.text, entry.by) for entry in desk.store.timeline(1)][-2:]
    assert noted == [(f"{BOB}: it is the new dump", ANN), ("so it is", ANN)]


def test_what_was_said_in_the_thread_is_not_said_there_again_and_kept_once(desk: Desk) -> None:
    owed = len(desk.store.deliveries(1))
    kept = Note(number=1, text="found it", author=BOB)
    desk(kept, ANN)
    assert len(desk.store.deliveries(1)) == owed
    assert desk.refusal(kept, BOB, at=300).startswith("INC-1 has this note already")
    desk(Note(number=1, text="found it", author=ANN), BOB, at=301)
    assert desk.story == [f"{BOB}: found it", f"{ANN}: found it"]


def test_what_was_said_in_one_of_several_threads_is_told_in_all(desk: Desk) -> None:
    elsewhere = Destination(kind="slack", address="#war-room")
    post = Notice(key="INC-1:post:slack:#war-room", number=1, destination=elsewhere, action=Action.POST)
    with desk.store.transaction() as tx:
        tx.enqueue([post], now=minutes(2))
    desk(Note(number=1, text="found it", author=BOB), ANN)
    told = [d.text for d in desk.store.deliveries(1) if d.action is Action.REPLY and d.destination == elsewhere]
    assert told == [f"{ANN}: {BOB}: found it"]


@pytest.mark.parametrize("author", [None, BOB])
def test_a_note_on_what_was_merged_goes_where_it_went(desk: Desk, author: str | None) -> None:
    knowledge = knowing()
    triage(desk.store, [make_alert("c/d"), make_alert("e/f")], knowledge, now=minutes(2))
    for into, other in ((2, 1), (3, 2)):
        merge(desk.store, into, [other], knowledge, by=ANN, now=minutes(5))
    before = desk.story
    incident = desk(Note(number=1, text="found it", author=author), ANN)
    assert incident.id == "INC-3"
    assert desk.store.timeline(3)[-1].text == (f"{BOB}: found it" if author else "found it")
    assert desk.story == before


@pytest.mark.parametrize("command", [Acknowledge(number=1), Resolve(number=1, reason=Resolution.FIXED)])
def test_what_was_merged_says_where_it_went(desk: Desk, command: Command) -> None:
    triage(desk.store, [make_alert("c/d")], knowing(), now=minutes(2))
    merge(desk.store, 2, [1], knowing(), by=ANN, now=minutes(5))
    assert desk.refusal(command) == "INC-1 was merged into INC-2: what is to be done is done there"


def test_an_answer_given_again_says_who_gave_it_last(desk: Desk) -> None:
    desk(Resolve(number=1, reason=Resolution.FIXED), ANN)
    desk(Resolve(number=1, reason=Resolution.FALSE_POSITIVE), BOB)
    again = Resolve(number=1, reason=Resolution.FALSE_POSITIVE)
    assert desk.refusal(again, ANN) == f"INC-1 is resolved already, as false alarm, by {BOB}"


# ---- roles


def test_a_role_is_taken_handed_over_and_laid_down(desk: Desk) -> None:
    for who, by in ((ANN, ANN), (BOB, ANN), (ANN, ANN), (None, BOB)):
        desk(TakeRole(number=1, role=Role.COMMANDER, who=who), by)
    assert desk.story == [
        f"{ANN} is commander",
        f"{BOB} is commander, after {ANN} (by {ANN})",
        f"{ANN} is commander, after {BOB}",
        f"{ANN} is no longer commander (by {BOB})",
    ]


# ---- silences


def test_a_silence_is_about_the_asset_and_check_and_stands_on_the_timeline(desk: Desk) -> None:
    desk(Silence(number=1, lasting=HOUR, comment="known since the migration"))
    [silence] = desk.store.silences(since=minutes(10))
    assert [str(matcher) for matcher in silence.matchers] == ['asset = "a/b"', 'check = "not_null"']
    assert (silence.author, silence.ends) == (ANN, minutes(70))
    assert desk.story == [
        f'silenced by {ANN} until 2026-11-20 10:10 UTC for asset = "a/b", check = "not_null" '
        "(silence 1: known since the migration)",
    ]


# ---- follow-ups


def test_a_follow_up_is_owed_to_jira_in_its_own_words(desk: Desk) -> None:
    desk(FollowUp(number=1, text="add a test for late dumps\nsee the runbook"))
    [task] = [d for d in desk.store.deliveries(1) if d.action is Action.TELL]
    assert task.key.startswith("INC-1:follow-up:")
    assert task.destination == Destination(kind="jira", address="tasks")
    assert task.text == (
        "add a test for late dumps\nsee the runbook\n"
        f"Follow-up of INC-1 a/b: check not_null failed, asked for by {ANN}."
    )
    assert not task.pushes
    assert desk.story == ["follow-up for tasks: add a test for late dumps\nsee the runbook"]


def test_a_follow_up_that_was_refused_can_be_asked_for_again(desk: Desk) -> None:
    store, asked = desk.store, FollowUp(number=1, text="add a test")
    desk(asked)
    [task] = [d for d in store.claim(now=minutes(11), lease=HOUR, limit=9) if d.action is Action.TELL]
    entry = store.timeline(1)[-1]
    store.bury(task, error="no such project", instead=None, entry=entry, now=minutes(11))
    desk(asked, at=30)
    keys = [d.key for d in store.deliveries(1) if d.action is Action.TELL]
    assert len(keys) == len(set(keys)) == 2
    assert desk.refusal(asked, at=31) == "INC-1 has this follow-up already, for tasks"


@pytest.mark.parametrize(
    ("receivers", "named", "error", "sentence"),
    [
        ((), None, ConfigError, "no receiver leads to Jira"),
        ((), "tasks", ConfigError, "no receiver leads to Jira"),
        (("b", "a"), None, ConfigError, "more than one receiver leads to Jira: a, b; name one."),
        (("b", "a"), "c", NotFound, 'no receiver "c" leads to Jira; a, b do'),
    ],
)
def test_a_follow_up_that_has_nowhere_to_go_says_what_is_missing(
    store: SqlStore, receivers: tuple[str, ...], named: str | None, error: type[Exception], sentence: str
) -> None:
    desk = Desk(store, knowing(*receivers))
    with pytest.raises(error, match=sentence):
        desk(FollowUp(number=1, text="x", receiver=named))


def test_of_several_receivers_the_named_one_gets_the_follow_up(store: SqlStore) -> None:
    desk = Desk(store, knowing("a", "b"))
    desk(FollowUp(number=1, text="x", receiver="b"))
    assert [d.destination.address for d in store.deliveries(1) if d.action is Action.TELL] == ["b"]
