"""When a team's or a person's digest goes out, and who of a team answers."""

from dataclasses import replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from incident_ops.core.alert import Nature
from incident_ops.core.hours import Hours
from incident_ops.core.teams import DigestTime, Team

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
TEAM = Team(name="fin", channel="#fin", engineer="erin@acme.test", analyst="anna@acme.test", zone=BERLIN)


def hours(*days: int, begins: int | None = 8) -> Hours:
    return Hours(
        zone=BERLIN,
        days=frozenset(days),
        begins=time(begins) if begins is not None else None,
        ends=time(17) if begins is not None else None,
    )


@pytest.mark.parametrize(
    ("digest", "moment", "expected"),
    [
        pytest.param(DigestTime(at=time(9)), "2026-11-20T08:59", "2026-11-20T09:00", id="later today, UTC"),
        pytest.param(
            DigestTime(at=time(9)), "2026-11-20T09:00", "2026-11-21T09:00", id="at that very time: the next"
        ),
        pytest.param(
            DigestTime(at=time(17), zone=BERLIN), "2026-11-20T16:30", "2026-11-21T16:00", id="over today in Berlin"
        ),
        pytest.param(
            DigestTime(at=time(1), zone=NEW_YORK),
            "2026-11-20T02:00",
            "2026-11-20T06:00",
            id="yesterday over there",
        ),
        pytest.param(
            DigestTime(at=time(9), zone=BERLIN), "2026-03-28T12:00", "2026-03-29T07:00", id="clocks put forward"
        ),
        pytest.param(
            DigestTime(at=time(9), zone=BERLIN), "2026-10-24T12:00", "2026-10-25T08:00", id="clocks put back"
        ),
        pytest.param(
            DigestTime(at=time(2, 30), zone=BERLIN), "2026-03-28T12:00", "2026-03-29T01:30", id="a time skipped"
        ),
        pytest.param(
            DigestTime(at=time(2, 30), zone=BERLIN), "2026-10-24T12:00", "2026-10-25T00:30", id="twice: the first"
        ),
        pytest.param(
            DigestTime(at=time(2, 30), zone=BERLIN), "2026-10-25T00:30", "2026-10-26T01:30", id="and only once"
        ),
        pytest.param(
            DigestTime(at=time(9), zone=BERLIN, day=0), "2026-11-20T12:00", "2026-11-23T08:00", id="next Monday"
        ),
        pytest.param(
            DigestTime(at=time(9), zone=BERLIN, day=0), "2026-11-23T07:00", "2026-11-23T08:00", id="this Monday"
        ),
        pytest.param(
            DigestTime(at=time(9), zone=BERLIN, day=0), "2026-11-23T08:00", "2026-11-30T08:00", id="in a week"
        ),
        pytest.param(
            DigestTime(at=time(9), zone=BERLIN, day=0),
            "2026-10-19T12:00",
            "2026-10-26T08:00",
            id="weekly over a change",
        ),
    ],
)
def test_the_next_digest(digest: DigestTime, moment: str, expected: str):
    found = digest.next_after(datetime.fromisoformat(f"{moment}Z"))
    assert (found, found.tzinfo) == (datetime.fromisoformat(f"{expected}Z"), UTC)


@pytest.mark.parametrize(
    ("working", "daily", "first"),
    [
        (None, time(9), 0),
        (hours(0, 1, 2, 3, 4), time(8), 0),
        (hours(6, 0, 1, 2, 3), time(8), 6),
        (hours(2, 3), time(8), 2),
        (hours(), time(8), 0),
        (hours(*range(7)), time(8), 0),
        (hours(1, begins=None), time(9), 1),
    ],
)
def test_a_teams_digest_comes_when_its_day_or_its_week_begins(working: Hours | None, daily: time, first: int):
    team = replace(TEAM, working_hours=working)
    assert team.digest_time("daily") == DigestTime(at=daily, zone=BERLIN)
    assert team.digest_time("weekly") == DigestTime(at=daily, zone=BERLIN, day=first)


@pytest.mark.parametrize("nature", list(Nature))
def test_the_analyst_answers_for_what_is_in_the_data_and_the_engineer_for_that_it_is_there(nature: Nature):
    is_in_it = nature in (Nature.FIELD_HEALTH, Nature.RULE)
    expected = ("anna@acme.test", "analyst") if is_in_it else ("erin@acme.test", "engineer")
    assert TEAM.responder_for(nature) == expected
    assert Team(name="web", channel="#web").responder_for(nature) is None
