"""Whether it can wait until its owner works, and why: the night, the weekend, the clock changes."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from incident_ops.core.hours import Hours
from incident_ops.core.muting import QuietKind
from incident_ops.core.severity import Severity
from incident_ops.core.teams import Team
from incident_ops.core.urgency import AT_ONCE, LEAD, PATIENCE, Harm, urgency

BERLIN = ZoneInfo("Europe/Berlin")
TEAM = Team(
    name="fin",
    channel="#fin",
    zone=BERLIN,
    working_hours=Hours(zone=BERLIN, days=frozenset(range(5)), begins=time(9), ends=time(18)),
)
SEV0, SEV1, SEV2, SEV3 = Severity
PUSHED = "Pushed outside of the working hours of team fin"


def at(local: str) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=BERLIN)


NIGHT = at("2026-11-18T03:00")  # a Wednesday


def in_(hours: float) -> Harm:
    return Harm(asset="rev_daily", at=NIGHT + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("severity", "harm", "held"),
    [
        pytest.param(SEV3, in_(24), True, id="a deadline a day off waits"),
        pytest.param(SEV3, in_(40 / 60), False, id="a deadline in forty minutes does not"),
        pytest.param(SEV2, in_(24), True, id="a SEV2 waits as well, when its deadline is known"),
        pytest.param(SEV2, in_(2), False, id="before anybody is at work"),
        pytest.param(SEV3, in_(7), True, id="due an hour after work begins: time enough"),
        pytest.param(SEV3, in_(6.9), False, id="due less than an hour after work begins"),
        pytest.param(SEV3, in_(-5), False, id="a deadline that is past already"),
        pytest.param(SEV3, None, True, id="no deadline known: late for a SEV3"),
        pytest.param(SEV2, None, False, id="no deadline known: soon for a SEV2"),
        pytest.param(SEV1, in_(24), False, id="a SEV1 never waits"),
        pytest.param(SEV0, None, False, id="a SEV0 never waits"),
    ],
)
def test_at_three_in_the_morning(severity: Severity, harm: Harm | None, held: bool):
    judged = urgency(severity, TEAM, harm, unknown_since=None, now=NIGHT)
    assert (judged.hold is not None) is held
    if judged.hold is not None:
        assert (judged.hold.kind, judged.hold.until) == (QuietKind.HELD, at("2026-11-18T09:00"))
    if severity.is_at_least(SEV1):
        assert judged == AT_ONCE


@pytest.mark.parametrize(
    ("severity", "harm", "text"),
    [
        (
            SEV3,
            in_(24),
            "held until Wed 2026-11-18 09:00 CET, when team fin works: the next deadline is that of rev_daily at "
            "Thu 2026-11-19 03:00 CET",
        ),
        (SEV3, None, "held until Wed 2026-11-18 09:00 CET, when team fin works: no deadline depends on it"),
        (
            SEV3,
            in_(40 / 60),
            f"{PUSHED}: rev_daily is due at Wed 2026-11-18 03:40 CET, in 40 min.",
        ),
        (
            SEV2,
            in_(-1),
            f"{PUSHED}: rev_daily is due at Wed 2026-11-18 02:00 CET, already past.",
        ),
        (
            SEV2,
            None,
            f"{PUSHED}, because no deadline is known that says how long it can wait.",
        ),
    ],
)
def test_both_say_why(severity: Severity, harm: Harm | None, text: str):
    judged = urgency(severity, TEAM, harm, unknown_since=None, now=NIGHT)
    assert (judged.hold.text if judged.hold else judged.note) == text


def test_the_reason_stays_the_same_while_it_waits():
    """The timeline tells it once, and not with each failure of the night anew."""
    texts = {
        judged.hold.text
        for n in range(5)
        if (judged := urgency(SEV3, TEAM, in_(24), unknown_since=None, now=NIGHT + timedelta(hours=n))).hold
    }
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-18T08:59", "2026-11-18T09:00"),
        ("2026-11-18T09:00", None),
        ("2026-11-18T17:59", None),
        ("2026-11-18T18:00", "2026-11-19T09:00"),
        ("2026-11-20T18:00", "2026-11-23T09:00"),
        ("2026-11-22T12:00", "2026-11-23T09:00"),
        ("2026-03-27T20:00", "2026-03-30T09:00"),
        ("2026-10-23T20:00", "2026-10-26T09:00"),
    ],
)
def test_it_waits_over_nights_weekends_and_changes_of_the_clocks(now: str, until: str | None):
    judged = urgency(SEV3, TEAM, None, unknown_since=None, now=at(now))
    assert (judged.hold.until if judged.hold else None) == (at(until) if until else None)


def test_a_new_one_waits_to_be_looked_into_but_not_for_long():
    first = urgency(SEV2, TEAM, None, unknown_since=NIGHT, now=NIGHT)
    assert first.hold is not None and first.hold.until == NIGHT + PATIENCE
    assert urgency(SEV2, TEAM, None, unknown_since=NIGHT, now=NIGHT + PATIENCE).hold is None
    mild = urgency(SEV3, TEAM, None, unknown_since=NIGHT, now=NIGHT + PATIENCE)
    assert mild.hold is not None and mild.hold.text.endswith("no deadline is known")
    assert urgency(SEV3, TEAM, in_(0.5), unknown_since=NIGHT, now=NIGHT).hold is None, (
        "a known deadline needs no look"
    )


@pytest.mark.parametrize("team", [None, replace(TEAM, working_hours=None)])
def test_without_working_hours_it_is_always_a_time_to_call(team: Team | None):
    assert urgency(SEV3, team, in_(24), unknown_since=NIGHT, now=NIGHT) == AT_ONCE


def test_who_comes_to_work_has_time_left_to_act():
    edge = at("2026-11-18T09:00") + LEAD
    for harm, held in ((edge, True), (edge - timedelta(seconds=1), False)):
        judged = urgency(SEV3, TEAM, Harm(asset="x", at=harm), unknown_since=None, now=NIGHT)
        assert (judged.hold is not None) is held
