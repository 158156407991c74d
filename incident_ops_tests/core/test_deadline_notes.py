"""Whose deadline will be missed: who is told, how often, and what is said in the end."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from incident_ops.core.audience import AudienceKind, Entry
from incident_ops.core.forecast.notes import Notes, by_owner, notes_owed
from incident_ops.core.incident import Incident
from incident_ops.core.record import utc_text
from incident_ops.core.status import Status
from incident_ops_tests.builders import T0, make_incident, minutes

OWNERS = {"raw": ["team:in"], "orders": ["team:fin", "ann@acme.test"], "dash": ["team:fin"]}
OPEN = make_incident()
OVER = replace(OPEN, status=Status.RESOLVED)
SAID = "dash will miss its deadline 2026-11-20 10:00 UTC: expected 2026-11-20 10:08 UTC at the earliest."


def late(
    asset: str = "dash", verdict: str = "will_miss", *, due: float = 60, eta: float | None = 67.5
) -> dict[str, Any]:
    """Minutes after nine."""
    there = None if eta is None else utc_text(minutes(eta))
    return {"asset": asset, "deadline": utc_text(minutes(due)), "eta": there, "verdict": verdict}


def owed(
    *forecast: dict[str, Any],
    before: Sequence[dict[str, Any]] = (),
    ledger: Sequence[Entry] = (),
    incident: Incident = OPEN,
    informed: Sequence[str] = (),
    is_quiet: bool = False,
    now: datetime = T0,
) -> Notes:
    return notes_owed(
        incident,
        forecast,
        before,
        ledger,
        owners_of=lambda asset: OWNERS.get(asset, ()),
        informed=informed,
        is_quiet=is_quiet,
        now=now,
    )


def test_each_owner_is_told_of_each_deadline_once() -> None:
    first = owed(late(), late("orders"))
    assert [(entry.recipient, entry.round) for entry in first.new] == [
        ("team:fin", 1),
        ("ann@acme.test", 1),
        ("team:fin", 2),
    ]
    assert first.new[0].text == SAID
    assert owed(late(eta=75), late("orders"), ledger=first.new) == Notes()
    assert [entry.recipient for entry in owed(late(due=24 * 60), ledger=first.new).new] == ["team:fin"]


@pytest.mark.parametrize("verdict", ["missed", "may_miss", "will_make"])
def test_only_what_will_be_missed_is_told(verdict: str) -> None:
    assert owed(late(verdict=verdict)) == Notes()


def test_who_has_the_incident_and_whose_incident_is_quiet_or_over_is_not_told() -> None:
    assert owed(late(), informed=["team:fin"]) == Notes()
    assert owed(late(), is_quiet=True) == Notes()
    assert owed(late(), incident=OVER) == Notes()


IS_EXPECTED = "dash is expected 2026-11-20 09:50 UTC after all, before its deadline 2026-11-20 10:00 UTC."
IS_FREE = "dash is held up no longer, before its deadline 2026-11-20 10:00 UTC."


@pytest.mark.parametrize(
    ("forecast", "incident", "now", "end"),
    [
        pytest.param([late(verdict="will_make", eta=50)], OPEN, 40, IS_EXPECTED, id="a build will be in time"),
        pytest.param([late(verdict="may_miss", eta=50)], OPEN, 40, IS_EXPECTED, id="unless there is bad luck"),
        pytest.param([late(verdict="will_make", eta=None)], OPEN, 40, IS_FREE, id="not held up by this incident"),
        pytest.param([late(due=24 * 60, verdict="will_make")], OPEN, 40, IS_FREE, id="built"),
        pytest.param([], OVER, 40, IS_FREE, id="the incident is over"),
        pytest.param([late(verdict="missed")], OPEN, 61, "", id="missed"),
        pytest.param([], OVER, 61, "", id="missed, and the incident is over"),
    ],
)
def test_who_was_told_hears_the_end_unless_the_deadline_has_passed(
    forecast: list[dict[str, Any]], incident: Incident, now: float, end: str
) -> None:
    ledger = owed(late()).new
    for is_quiet in (False, True):
        found = owed(
            *forecast, before=[late()], ledger=ledger, incident=incident, now=minutes(now), is_quiet=is_quiet
        )
        ended = [(replace(entry, ended_at=minutes(now)), end) for entry in ledger]
        assert found == (Notes(ended=tuple(ended)) if end else Notes(silent=tuple(entry for entry, _ in ended)))


def test_what_was_taken_back_and_is_true_again_is_told_again() -> None:
    [entry] = owed(late()).new
    ended = replace(entry, ended_at=minutes(40))
    [again] = owed(late(eta=70), before=[late(verdict="will_make", eta=50)], ledger=[ended]).new
    assert (again.kind, again.round) == (AudienceKind.LATE, 2)


def test_an_entry_that_nothing_is_known_of_any_more_ends_in_silence() -> None:
    """Of an incident that was merged into this one."""
    ledger = [*owed(late()).new, *owed(late("orders")).new]
    assert len(owed(ledger=ledger).silent) == len(ledger)


def test_an_owner_of_many_has_one_message() -> None:
    found = owed(*(late("dash", due=60 + n, eta=90) for n in range(12)))
    [(first, text)] = by_owner([(entry, entry.text) for entry in found.new], OPEN).values()
    assert first == found.new[0]
    assert text.splitlines()[-2:] == ["and 2 more.", f"INC-1: {OPEN.title}"]
