"""What a thread says of a line of the timeline: who did it, and nothing that is somebody's own is rewritten."""

from typing import Any

import pytest

from incident_ops.core.reasons import REASONS, how_it_ended, in_words
from incident_ops.core.status import SYSTEM, EntryKind, Resolution, Status, TimelineEntry
from incident_ops.core.thread_lines import thread_line
from incident_ops_tests.builders import T0, make_incident

ERIN = "erin@acme.test"


@pytest.mark.parametrize(
    ("kind", "text", "by", "said"),
    [
        (EntryKind.ACKNOWLEDGED, f"acknowledged by {ERIN}", ERIN, f"Acknowledged by {ERIN}"),
        (EntryKind.ASSIGNED, "assigned to otto@acme.test", ERIN, f"Assigned to otto@acme.test by {ERIN}"),
        (EntryKind.ASSIGNED, "assigned to otto@acme.test", SYSTEM, "Assigned to otto@acme.test"),
        (EntryKind.NOTE, "select 1", ERIN, f"{ERIN}: select 1"),
        (EntryKind.NOTE, f"silenced by {ERIN} until noon", ERIN, f"Silenced by {ERIN} until noon"),
        (EntryKind.NOTE, "silenced by the night shift", ERIN, f"{ERIN}: silenced by the night shift"),
        (EntryKind.ROLE, f"{ERIN} is commander", ERIN, f"{ERIN} is commander"),
        (
            EntryKind.ROLE,
            f"slack:uhidden is commander, after {ERIN}",
            ERIN,
            f"slack:uhidden is commander, after {ERIN}",
        ),
        (EntryKind.ALERT, "orders: not_null: 3 rows", SYSTEM, "orders: not_null: 3 rows"),
        (EntryKind.ALERT, "fails again: orders: 3 rows", SYSTEM, "Fails again: orders: 3 rows"),
        (EntryKind.RECOVERY, "orders: not_null passed", SYSTEM, "orders: not_null passed"),
        (EntryKind.OWNER, "owner: unknown → team:fin", SYSTEM, "Owner: unknown → team:fin"),
        (EntryKind.SUSPECT, "suspect: raw", SYSTEM, "Suspect: raw"),
        (
            EntryKind.CLASSIFIED,
            "classified by no_action@acme.test as false_positive (was no_action)",
            "no_action@acme.test",
            "Classified by no_action@acme.test as false alarm (was no action needed)",
        ),
        (
            EntryKind.RESOLVED,
            f"resolved by {ERIN} as no_action, after 3 min",
            ERIN,
            f"Resolved by {ERIN} as no action needed, after 3 min",
        ),
        (EntryKind.NOTE, "known as false_positive", ERIN, f"{ERIN}: known as false_positive"),
    ],
)
def test_a_thread_says_who_did_it_and_leaves_names_and_words_alone(
    kind: EntryKind, text: str, by: str, said: str
) -> None:
    assert thread_line(TimelineEntry(at=T0, kind=kind, text=text, by=by)) == said


def test_every_reason_has_words_without_an_underscore() -> None:
    assert set(REASONS) == set(Resolution)
    assert not [reason for reason in Resolution if "_" in in_words(reason)]


@pytest.mark.parametrize(
    ("state", "by", "said"),
    [
        ({"resolution": Resolution.FIXED}, ERIN, f"INC-1 is resolved already, as fixed, by {ERIN}"),
        ({"resolution": Resolution.FALSE_POSITIVE}, SYSTEM, "INC-1 is resolved already, as false alarm"),
        ({}, SYSTEM, "INC-1 is resolved already"),
        ({"merged_into": 3}, ERIN, "INC-1 was merged into INC-3: what is to be done is done there"),
    ],
)
def test_what_is_over_says_how_it_ended_or_where_it_went(state: dict[str, Any], by: str, said: str) -> None:
    assert how_it_ended(make_incident(status=Status.RESOLVED, **state), by=by) == said
