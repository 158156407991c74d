"""What can wait until somebody works does wait, and says so; what cannot rings at three in the morning."""

from datetime import timedelta

import pytest

from incident_ops.core.catalog import AssetNode
from incident_ops.core.forecast.deadlines import CronWindow
from incident_ops.core.status import EntryKind
from incident_ops_tests.scenarios.story import Story

BERLIN = "Europe/Berlin"
TEAM = """
teams:
  fin:
    slack: "#fin"
    timezone: Europe/Berlin
    working_hours: {days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00"}
reminders: {}
"""
HOUR = timedelta(hours=1)


def knows(story: Story, *, tier: str, cron: str | None) -> None:
    """orders of this tier, and a report made of it that is due by the cron line, in Berlin."""
    due = cron and CronWindow(deadline_cron=cron, lower_bound_delta=timedelta(hours=1), timezone=BERLIN)
    story.knows_the_catalog(
        [
            AssetNode(key="orders", owners=("team:fin",), tags={"incident_ops/tier": tier}),
            AssetNode(key="report", owners=("team:fin",), upstream=("orders",), freshness=due or None),
        ]
    )


def fails(story: Story, local: str, *, tier: str = "bronze", cron: str | None = None) -> None:
    story.it_is(local, BERLIN)
    story.is_configured(TEAM)
    knows(story, tier=tier, cron=cron)
    story.reports_check("orders", "rows", passed=False)
    story.tick()


@pytest.mark.parametrize(
    ("fails_at", "cron", "rings_at", "reason"),
    [
        (
            "2031-03-04 03:00",
            "0 3 * * *",
            "03-04 09:00",
            "held until Tue 2031-03-04 09:00 CET, when team fin works: the next deadline is that of report at "
            "Wed 2031-03-05 03:00 CET",
        ),
        (
            "2031-03-04 03:00",
            "40 3 * * *",
            "03-04 03:00",
            "report is due at Tue 2031-03-04 03:40 CET, in 40 min",
        ),
        ("2031-03-04 03:00", None, "03-04 09:00", "no deadline depends on it"),
        ("2031-03-04 11:00", "0 3 * * *", "03-04 11:00", ""),
        ("2031-03-08 11:00", "0 8 * * tue", "03-10 09:00", "held until Mon 2031-03-10 09:00 CET"),
        ("2031-03-08 11:00", "0 9 * * mon", "03-08 11:00", "report is due at Mon 2031-03-10 09:00 CET"),
        ("2031-03-28 18:30", "0 8 * * tue", "03-31 09:00", "held until Mon 2031-03-31 09:00 CEST"),
        ("2031-10-24 18:30", "0 8 * * tue", "10-27 09:00", "held until Mon 2031-10-27 09:00 CET"),
    ],
    ids=[
        "a deadline in 24 hours waits until nine",
        "a deadline in forty minutes does not",
        "no deadline waits",
        "at work there is nothing to wait for",
        "on Saturday it waits for Monday",
        "unless Monday is too late",
        "over the weekend on which the clocks are put forward",
        "over the weekend on which they are put back",
    ],
)
def test_a_sev3_rings_when_its_team_works_unless_its_next_deadline_is_sooner(
    story: Story, fails_at: str, cron: str | None, rings_at: str, reason: str
):
    fails(story, fails_at, cron=cron)
    if not story.pushes:
        story.goes_on(every=HOUR, hours=1)
        assert story.pushes == []
        [*_, why] = story.timeline(EntryKind.SUPPRESSED)
        assert reason in why
        day, clock = rings_at.split()
        hour, minute = int(clock[:2]), int(clock[3:])
        before = f"2031-{day} {hour - 1:02}:{minute + 59:02}"
        story.it_is(before, BERLIN)
        story.tick()
        assert story.pushes == [], "a minute too early"
        story.later(minutes=1)
        story.tick()
    assert story.rang_at("#fin", BERLIN) == [rings_at]
    [post] = story.slack.posts()
    assert reason in post.content


def test_a_sev1_rings_at_any_time(story: Story):
    fails(story, "2031-03-08 03:00", tier="gold", cron="0 8 * * tue")
    assert story.rang_at("#fin", BERLIN) == ["03-08 03:00"]
    assert story.timeline(EntryKind.SUPPRESSED) == []


def test_what_becomes_grave_in_the_night_is_held_no_longer(story: Story):
    fails(story, "2031-03-04 03:00")
    assert story.pushes == []
    knows(story, tier="gold", cron=None)
    story.later(minutes=30)
    story.reports_check("orders", "keys", passed=False)
    story.tick()
    assert story.rang_at("#fin", BERLIN) == ["03-04 03:30"]
    assert "held until" not in story.slack.posts()[0].content


def test_what_ends_in_the_night_wakes_nobody_and_the_timeline_says_why(story: Story):
    fails(story, "2031-03-04 03:00")
    story.later(hours=1)
    story.reports_check("orders", "rows", passed=True)
    story.tick()
    story.it_is("2031-03-04 09:00", BERLIN)
    story.tick()
    assert story.slack.messages == []
    *_, held, over = story.timeline(EntryKind.SUPPRESSED)
    assert "held until Tue 2031-03-04 09:00 CET" in held
    assert over == "nobody is pushed: it was over before anybody was told"


def test_a_deadline_that_has_passed_is_no_reason_to_ring_in_the_next_night(story: Story):
    """It is due at six each evening; the next one is a day off when the repeat comes."""
    fails(story, "2031-03-04 16:00", cron="0 18 * * *")
    for local in ("03-04 20:00", "03-05 00:00", "03-05 09:00"):
        story.it_is(f"2031-{local}", BERLIN)
        story.tick()
    assert story.rang_at("#fin", BERLIN) == ["03-04 16:00", "03-05 09:00"]
