"""Five pushes a day to one place are enough; the fifth says so, and the rest is in the digest with the reason."""

from datetime import timedelta

from incident_ops.core.catalog import AssetNode
from incident_ops.core.status import EntryKind
from incident_ops_tests.scenarios.story import Story

BERLIN = "Europe/Berlin"
TEAM = """
teams:
  fin:
    timezone: Europe/Berlin
    working_hours: {days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00"}
reminders: {}
"""
MINUTE = timedelta(minutes=1)


def seven_fail(story: Story) -> None:
    """Seven strangers to each other, all of team:fin, from ten on, one every ten minutes."""
    story.it_is("2031-03-04 10:00", BERLIN)
    story.is_configured(TEAM)
    assets = [AssetNode(key=f"a{n}", owners=("team:fin",)) for n in range(1, 8)]
    story.knows_the_catalog(
        [*assets, AssetNode(key="top", owners=("team:fin",), tags={"incident_ops/tier": "gold"})]
    )
    for asset in assets:
        story.reports_check(asset.key, "rows", passed=False)
        story.tick()
        story.later(minutes=10)


def digests(story: Story) -> list[str]:
    return [post.content for post in story.slack.posts("#fin") if post.headline.startswith("🔵 Digest")]


def test_of_seven_incidents_in_a_day_five_ring_and_the_fifth_closes_the_tap(story: Story):
    seven_fail(story)
    assert story.rang_at("#fin", BERLIN) == [f"03-04 10:{minute:02}" for minute in range(0, 50, 10)]
    notes = ["This was the last of 5 pushes within 1 d" in post.content for post in story.slack.posts("#fin")]
    assert notes == [False, False, False, False, True]
    assert (
        "until 2031-03-05 09:00 UTC everything but SEV0 and SEV1 waits for the digest" in story.pushes[-1].content
    )
    over = ["nobody is pushed: over budget: #fin had its 5 pushes within 1 d"]
    assert [story.timeline(EntryKind.SUPPRESSED, number) for number in (5, 6, 7)] == [[], over, over]


def test_a_sev1_rings_all_the_same(story: Story):
    seven_fail(story)
    story.reports_check("top", "rows", passed=False)
    story.tick()
    assert len(story.pushes) == 6 and "INC-8 SEV1" in story.pushes[-1].headline


def test_what_was_over_budget_is_in_the_digest_of_the_next_morning_and_never_pushed_later(story: Story):
    seven_fail(story)
    story.it_is("2031-03-05 08:59", BERLIN)
    story.tick()
    assert digests(story) == []
    story.later(minutes=1)
    story.tick()
    [digest] = digests(story)
    assert [f"INC-{n} " in digest for n in range(1, 8)] == [False] * 5 + [True] * 2, "the others were posted"
    assert digest.count("over budget: #fin had its 5 pushes within 1 d") >= 2
    for _ in range(6):
        story.later(hours=2)
        story.tick()
    assert len(digests(story)) == 1
    assert not any(f"INC-{n}" in post.headline for n in (6, 7) for post in story.slack.posts())


def test_a_sev1_that_nobody_takes_uses_up_nobodys_budget(story: Story):
    """It would silence everything new for as long as it is open."""
    story.it_is("2031-03-04 10:00", BERLIN)
    story.is_configured(TEAM)
    gold = AssetNode(key="top", owners=("team:fin",), tags={"incident_ops/tier": "gold"})
    story.knows_the_catalog([gold, AssetNode(key="a1", owners=("team:fin",))])
    story.reports_check("top", "rows", passed=False)
    for _ in range(6):
        story.tick()
        story.later(hours=4)
    assert len(story.pushes) == 6
    story.reports_check("a1", "rows", passed=False)
    story.tick()
    assert any("INC-2 SEV2" in push.headline for push in story.pushes)


def test_what_only_a_digest_told_is_named_until_a_digest_has_told_its_end(story: Story):
    seven_fail(story)
    story.it_is("2031-03-05 09:00", BERLIN)
    story.tick()
    story.reports_check("a6", "rows", passed=True)
    story.tick()
    for day in ("06", "07"):
        story.it_is(f"2031-03-{day} 09:00", BERLIN)
        story.tick()
    told = [[f"INC-{n}" in digest for n in (6, 7)] for digest in digests(story)]
    assert told == [[True, True], [True, True], [False, True]]
    assert "INC-6 SEV2 resolved" in digests(story)[1]
    assert "over before anybody was told" not in "".join(story.timeline(EntryKind.SUPPRESSED, 6))
