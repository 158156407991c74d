"""How long news is collected, how soon it may ring again, and what is told together: Alertmanager's timers."""

from datetime import timedelta

from incident_ops.core.status import EntryKind
from incident_ops_tests.scenarios.story import Story

NOON = "2031-03-04 12:00"
MINUTE = timedelta(minutes=1)
OVER_ALREADY = "nobody is pushed: it was over before anybody was told"


def begins(story: Story, route: str = "") -> None:
    story.it_is(NOON)
    story.is_configured(f"reminders: {{}}\nroute: {{{route}}}\n")
    story.knows_the_catalog()


def reports(story: Story, asset: str, check: str, *, passed: bool = False) -> None:
    story.reports_check(asset, check, passed=passed)
    story.tick()


def test_what_ends_while_news_is_collected_is_never_told(story: Story):
    begins(story, "group_wait: 5m")
    reports(story, "boom", "rows")
    story.later(minutes=3)
    reports(story, "boom", "rows", passed=True)
    story.goes_on(every=MINUTE, minutes=10)
    assert story.slack.messages == []
    assert story.timeline(EntryKind.SUPPRESSED) == [OVER_ALREADY]


def test_what_fails_while_news_is_collected_is_told_in_one_post(story: Story):
    begins(story, "group_wait: 5m")
    reports(story, "boom", "rows")
    story.later(minutes=3)
    reports(story, "boom", "keys")
    story.goes_on(every=MINUTE, minutes=10)
    [message] = story.slack.messages
    assert story.rang_at("#fin") == ["03-04 12:05"] and "keys" in message.content


def test_growth_rings_once_per_group_interval_however_often_it_grows(story: Story):
    begins(story)
    for check in ("c0", "c1", "c2", "c3"):
        reports(story, "boom", check)
        story.later(minutes=1)
    assert story.rang_at("#fin") == ["03-04 12:00"]
    story.goes_on(every=MINUTE, minutes=4)
    assert story.rang_at("#fin") == ["03-04 12:00", "03-04 12:05"]
    assert story.pushes[-1].text == "It has grown: boom: c1, boom: c2, boom: c3 since the last notice."
    reports(story, "boom", "c4")
    story.goes_on(every=MINUTE, minutes=10)
    assert story.rang_at("#fin") == ["03-04 12:00", "03-04 12:05", "03-04 12:10"]
    assert story.pushes[-1].text == "It has grown: boom: c4 since the last notice."


def test_what_is_not_acknowledged_is_repeated_and_what_is_is_not(story: Story):
    begins(story, "repeat_interval: 2h")
    reports(story, "boom", "rows")
    story.goes_on(every=30 * MINUTE, hours=5)
    assert story.rang_at("#fin") == ["03-04 12:00", "03-04 14:00", "03-04 16:00"]
    story.is_acknowledged()
    story.goes_on(every=30 * MINUTE, hours=5)
    assert len(story.pushes) == 3


def rings(story: Story) -> list[tuple[int, bool]]:
    """(number, whether it made a phone ring) of the posts, as they were owed."""
    return [
        (incident.number, delivery.pushes)
        for incident in story.incidents
        for delivery in story.store.deliveries(incident.number)
        if delivery.action == "post"
    ]


def test_two_incidents_of_one_team_that_is_told_together_ring_once(story: Story):
    begins(story, "group_wait: 2m, group_by: [team]")
    reports(story, "boom", "rows")
    story.later(minutes=1)
    reports(story, "evicted", "rows")
    reports(story, "web", "rows")
    story.goes_on(every=MINUTE, minutes=1)
    assert story.told() == {
        "fin": ["🔴 INC-1 SEV2 boom: check rows failed", "🔴 INC-2 SEV2 evicted: check rows failed"]
    }
    story.goes_on(every=MINUTE, minutes=1)
    assert story.told()["web"] == ["🔴 INC-3 SEV2 web: check rows failed"], "another team, another group"
    assert rings(story) == [(1, True), (2, False), (3, True)]


def test_who_comes_late_to_a_group_is_told_with_its_next_notice_and_the_timeline_says_so(story: Story):
    begins(story, "group_wait: 1m, group_interval: 10m, group_by: [team]")
    reports(story, "boom", "rows")
    story.goes_on(every=MINUTE, minutes=3)
    reports(story, "evicted", "rows")
    assert story.timeline(EntryKind.SUPPRESSED, 2) == [
        "nobody is pushed: grouped by team with INC-1, told at 2031-03-04 12:11 UTC"
    ]
    story.goes_on(every=MINUTE, minutes=10)
    assert story.rang_at("#fin") == ["03-04 12:01", "03-04 12:11"]
