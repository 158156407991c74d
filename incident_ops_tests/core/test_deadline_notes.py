"""Whose deadline will be missed: who is told, how often, and what is said in the end."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from incident_ops.core.audience import AudienceKind, Entry
from incident_ops.core.forecast.notes import Notes, awaited, by_owner, notes_owed
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
    ledger: Sequence[Entry] = (),
    incident: Incident = OPEN,
    informed: Sequence[str] = (),
    built_at: Mapping[str, datetime] | None = None,
    is_quiet: bool = False,
    now: datetime = T0,
) -> Notes:
    return notes_owed(
        incident,
        forecast,
        ledger,
        owners_of=lambda asset: OWNERS.get(asset, ()),
        built_at=built_at or {},
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
WAS_BUILT = "dash was built 2026-11-20 09:41 UTC, before its deadline 2026-11-20 10:00 UTC."
BUILT = {"dash": minutes(41)}


@pytest.mark.parametrize(
    ("forecast", "incident", "built_at", "now", "end"),
    [
        pytest.param([late(verdict="will_make", eta=50)], OPEN, {}, 40, IS_EXPECTED, id="a build will be in time"),
        pytest.param([late(verdict="may_miss", eta=50)], OPEN, {}, 40, IS_EXPECTED, id="unless there is bad luck"),
        pytest.param([late(verdict="will_make", eta=None)], OPEN, {}, 40, None, id="not held up, and not built"),
        pytest.param([], OVER, {}, 40, None, id="over, and not built"),
        pytest.param([late(due=24 * 60, verdict="will_make")], OPEN, BUILT, 42, WAS_BUILT, id="built"),
        pytest.param([], OVER, BUILT, 42, WAS_BUILT, id="over and built"),
        pytest.param([], OVER, {"dash": minutes(-60)}, 42, None, id="over, and built long ago"),
        pytest.param([late()], OPEN, BUILT, 42, None, id="built too early to count"),
        pytest.param([late(verdict="missed")], OPEN, {}, 61, "", id="missed"),
        pytest.param([], OVER, {}, 61, "", id="missed, and over"),
        pytest.param([], OVER, {"dash": minutes(62)}, 63, "", id="built too late"),
    ],
)
def test_who_was_told_hears_that_it_is_there_in_time_and_nothing_when_it_is_not(
    forecast: list[dict[str, Any]],
    incident: Incident,
    built_at: dict[str, datetime],
    now: float,
    end: str | None,
) -> None:
    """None: it goes on. Empty: it ends, and the freshness policy says so."""
    ledger = owed(late()).new
    ended = tuple((replace(entry, ended_at=minutes(now)), end) for entry in ledger)
    silent = tuple(entry for entry, _ in ended)
    for is_quiet in (False, True):
        found = owed(
            *forecast, ledger=ledger, incident=incident, built_at=built_at, now=minutes(now), is_quiet=is_quiet
        )
        assert found.new == ()
        assert found.ended == (ended if end else ())
        assert found.silent == (silent if end == "" else ())


def test_what_was_taken_back_and_is_true_again_is_told_again() -> None:
    [entry] = owed(late()).new
    ended = replace(entry, ended_at=minutes(40))
    [again] = owed(late(eta=70), ledger=[ended]).new
    assert (again.kind, again.round) == (AudienceKind.LATE, 2)


def test_an_asset_is_awaited_until_its_entry_ends() -> None:
    ledger = owed(late(), late("orders")).new
    assert awaited(ledger) == {"dash", "orders"}
    assert awaited(replace(entry, ended_at=T0) for entry in ledger) == set()


def test_an_owner_of_many_has_one_message() -> None:
    found = owed(*(late("dash", due=60 + n, eta=90) for n in range(12)))
    [(first, text)] = by_owner([(entry, entry.text) for entry in found.new], OPEN).values()
    assert first == found.new[0]
    assert text.splitlines()[-2:] == ["and 2 more.", f"INC-1: {OPEN.title}"]
