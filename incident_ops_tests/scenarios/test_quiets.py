"""Every kind of quiet: what is not told now is on the timeline with its reason, and told when the quiet ends."""

from datetime import timedelta

import pytest

from incident_ops.core.status import EntryKind, Status
from incident_ops.engine.snooze import snooze
from incident_ops_tests.scenarios.shop import GOOD, opened_in
from incident_ops_tests.scenarios.story import Story

NOON = "2031-03-04 12:00"
HOUR = timedelta(hours=1)
CALM = "reminders: {}\n"


def begins(story: Story, configuration: str = "") -> None:
    story.it_is(NOON)
    story.is_configured(CALM + configuration)
    story.knows_the_catalog()


def fails(story: Story, *assets: str, check: str = "rows") -> None:
    for asset in assets:
        story.reports_check(asset, check, passed=False)
    story.tick()


def recovers(story: Story, asset: str, check: str = "rows") -> None:
    story.reports_check(asset, check, passed=True)
    story.tick()


def silenced(story: Story, *matchers: str, hours: float = 2) -> int:
    return story.store.add_silence(
        matchers,
        begins=story.now,
        ends=story.now + hours * HOUR,
        author="erin@acme.test",
        comment="we know",
        now=story.now,
    )


MAINTENANCE = """
maintenance: [{matchers: ['asset = "boom"'], from: 2031-03-04T12:00Z, until: 2031-03-04T14:00Z, comment: upgrade}]
"""
MUTED = """
route: {routes: [{matchers: ['asset = "boom"'], mute_time_intervals: [lunch]}]}
time_intervals: [{name: lunch, timezone: Europe/Berlin, from: "12:30", to: "15:00"}]
"""
INACTIVE = """
route: {routes: [{matchers: ['asset = "boom"'], active_time_intervals: [afternoon]}]}
time_intervals: [{name: afternoon, timezone: Europe/Berlin, from: "15:00", to: "18:00"}]
"""
REASONS = {
    "": "nobody is pushed: silenced by erin@acme.test until 2031-03-04 14:00 UTC (silence 1: we know)",
    MAINTENANCE: "nobody is pushed: maintenance window until 2031-03-04 14:00 UTC: upgrade",
    MUTED: "nobody is pushed: muted by the time interval lunch until 2031-03-04 14:00 UTC",
    INACTIVE: ("nobody is pushed: outside of the active time intervals afternoon, until 2031-03-04 14:00 UTC"),
}
four_quiets = pytest.mark.parametrize(
    ("configuration", "reason"), REASONS.items(), ids=["silence", "maintenance", "muted", "not active"]
)


def begins_quietly(story: Story, configuration: str) -> None:
    """Until two in the afternoon, for boom."""
    begins(story, configuration)
    if not configuration:
        silenced(story, 'asset = "boom"')


@four_quiets
def test_what_fails_in_a_quiet_is_told_at_its_end_and_others_are_told_at_once(
    story: Story, configuration: str, reason: str
):
    begins_quietly(story, configuration)
    fails(story, "boom", "web")
    story.goes_on(every=HOUR, minutes=119)
    assert story.told() == {"web": ["🔴 INC-2 SEV2 web: check rows failed"]}
    assert story.timeline(EntryKind.SUPPRESSED, 1) == [reason], "once"
    story.goes_on(every=timedelta(minutes=1), minutes=1)
    assert story.rang_at("#fin") == ["03-04 14:00"]
    assert story.timeline(EntryKind.NOTIFIED, 1) == ["routed to #fin: team:fin owns boom"]


@four_quiets
def test_what_ends_in_a_quiet_is_written_down_and_never_told(story: Story, configuration: str, reason: str):
    begins_quietly(story, configuration)
    fails(story, "boom")
    story.later(hours=1)
    recovers(story, "boom")
    assert story.incident.status is Status.RESOLVED
    assert reason in story.timeline(EntryKind.SUPPRESSED) and len(story.timeline(EntryKind.RESOLVED)) == 1
    story.goes_on(every=HOUR, hours=4)
    assert story.slack.messages == []


def test_a_maintenance_window_stops_repeats_and_what_was_told_before_follows_the_story_silently(story: Story):
    begins(story, MAINTENANCE.replace("T12:00Z", "T12:30Z").replace("T14:00Z", "T20:00Z"))
    fails(story, "boom")
    story.later(minutes=40)
    fails(story, "boom", check="keys")
    [post] = story.slack.posts("#fin")
    assert "keys" in post.content, "the post is kept up to date without a sound"
    story.goes_on(every=2 * HOUR, hours=6)
    assert story.rang_at("#fin") == ["03-04 12:00"]
    story.goes_on(every=timedelta(minutes=20), minutes=80)
    assert story.rang_at("#fin") == ["03-04 12:00", "03-04 20:00"]


def test_a_silence_that_is_expired_ends_at_once(story: Story):
    begins(story)
    id = silenced(story, 'asset = "boom"')
    fails(story, "boom")
    story.later(minutes=10)
    story.store.expire_silence(id, at=story.now)
    story.tick()
    assert story.rang_at("#fin") == ["03-04 12:10"]


INHIBIT = """
inhibit_rules:
  - {source_matchers: ['asset = "boom"'], target_matchers: ['asset = "evicted"'], equal: [owner]}
"""


def test_an_inhibited_incident_speaks_when_its_source_is_over(story: Story):
    begins(story, INHIBIT)
    fails(story, "boom", "evicted")
    assert story.told() == {"fin": ["🔴 INC-1 SEV2 boom: check rows failed"]}
    assert story.timeline(EntryKind.SUPPRESSED, 2) == ["nobody is pushed: inhibited while INC-1 is open"]
    story.later(minutes=30)
    recovers(story, "boom")
    assert story.told()["fin"] == [
        "🟢 INC-1 SEV2 boom: check rows failed",
        "🔴 INC-2 SEV2 evicted: check rows failed",
    ]


def test_a_target_that_ends_before_its_source_is_never_told(story: Story):
    begins(story, INHIBIT)
    fails(story, "boom", "evicted")
    story.later(minutes=30)
    recovers(story, "evicted")
    recovers(story, "boom")
    assert [post.headline[:7] for post in story.slack.posts()] == ["🟢 INC-1"]


def test_a_snoozed_incident_is_not_repeated_and_not_reminded_of_before_the_time(story: Story):
    begins(story)
    fails(story, "boom")
    until = story.now + 10 * HOUR
    snooze(story.store, 1, story.knowledge(), until=until, by="erin@acme.test", now=story.now)
    story.goes_on(every=HOUR, hours=9)
    assert story.rang_at("#fin") == ["03-04 12:00"]
    assert story.timeline(EntryKind.SNOOZED) == ["snoozed by erin@acme.test until 2031-03-04 22:00 UTC"]
    assert story.timeline(EntryKind.SUPPRESSED)[-1] == "nobody is pushed: snoozed until 2031-03-04 22:00 UTC"
    story.goes_on(every=HOUR, hours=1)
    assert story.rang_at("#fin") == ["03-04 12:00", "03-04 22:00"]


def test_a_snooze_that_is_taken_back_ends_at_once(story: Story):
    begins(story)
    fails(story, "boom")
    snooze(story.store, 1, story.knowledge(), until=story.now + 10 * HOUR, by="erin@acme.test", now=story.now)
    story.goes_on(every=HOUR, hours=5)
    snooze(story.store, 1, story.knowledge(), until=None, by="erin@acme.test", now=story.now)
    story.tick()
    assert story.rang_at("#fin") == ["03-04 12:00", "03-04 17:00"]


def test_who_uses_the_data_is_told_after_the_silence_and_every_start_has_its_end(story: Story):
    shop = opened_in(story)
    shop.builds(GOOD)
    silenced(story, 'asset = "orders"')
    shop.checks(passed=False)
    story.tick()
    story.later(minutes=119)
    story.tick()
    assert story.slack.messages == [] and shop.told("start") == []
    story.later(minutes=1)
    story.tick()
    story.tick()
    assert (shop.told("start"), shop.told("end")) == (["cfo@acme.test"], [])
    shop.builds(GOOD, "orders", "rev_daily")
    story.reports_check("orders", "enough", passed=True)
    story.tick()
    story.tick()
    assert (shop.told("start"), shop.told("end")) == (["cfo@acme.test"], ["cfo@acme.test"])


def test_who_uses_the_data_hears_nothing_of_what_began_and_ended_in_a_silence(story: Story):
    shop = opened_in(story)
    shop.builds(GOOD)
    silenced(story, 'asset = "orders"')
    shop.checks(passed=False)
    story.tick()
    assert [reached["consumer"] for reached in shop.shown()["impact"]["consumers"]] == ["cfo@acme.test"]
    shop.builds(GOOD, "orders", "rev_daily")
    shop.checks(passed=True)
    story.tick()
    story.goes_on(every=HOUR, hours=3)
    story.tick()
    assert story.slack.messages == [] and shop.shown()["audience"] == []


def test_a_silence_that_begins_later_takes_no_all_clear_away(story: Story):
    shop = opened_in(story)
    shop.builds(GOOD)
    shop.checks(passed=False)
    story.tick()
    silenced(story, 'asset = "orders"')
    shop.builds(GOOD, "orders", "rev_daily")
    shop.checks(passed=True)
    story.tick()
    story.tick()
    assert (shop.told("start"), shop.told("end")) == (["cfo@acme.test"], ["cfo@acme.test"])
