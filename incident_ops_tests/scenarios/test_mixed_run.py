"""One run in which some things fail, some are built and some are not reached: who is told what."""

from incident_ops.core.status import Status
from incident_ops_tests.scenarios.story import Story

EVERYTHING = ("boom", "left", "right", "leaf", "orphan")


def test_told_are_the_owners_of_what_failed_and_nobody_else(story: Story):
    """`boom`'s error text names left, right and orders: names in an exception decide nothing."""
    story.breaks("boom", "pair", "orphan")
    story.builds(*EVERYTHING)
    story.tick()
    assert {channel: [line.split(" ", 3)[3] for line in lines] for channel, lines in story.told().items()} == {
        "fin": ["boom: failed to build"],
        "b": ["right: failed to build"],
        "data-incidents": ["orphan: failed to build"],
    }


def test_what_was_not_reached_is_listed_with_the_failure_that_stopped_it(story: Story):
    story.breaks("boom", "pair", "orphan")
    story.builds(*EVERYTHING)
    story.tick()
    listed = {incident.title: incident.not_run for incident in story.incidents}
    assert listed == {
        "boom: failed to build": ("leaf (not run: upstream boom)",),
        "right: failed to build": (),
        "orphan: failed to build": (),
    }
    [post] = story.slack.posts("#fin")
    assert "leaf (not run: upstream boom)" in post.content


def test_an_asset_without_owner_says_why_it_went_to_the_default_channel(story: Story):
    story.breaks("orphan")
    story.builds("orphan")
    story.tick()
    texts = [entry.text for entry in story.store.timeline(1)]
    assert "routed to #data-incidents: orphan has no known owner: default channel" in texts


def test_when_nothing_fails_nobody_is_told(story: Story):
    story.heals()
    story.builds(*EVERYTHING)
    story.tick()
    assert story.incidents == [] and story.slack.calls == []


def test_whoever_was_told_of_the_start_is_told_of_the_end_and_the_others_still_hear_nothing(story: Story):
    story.breaks("boom", "pair", "orphan")
    story.builds(*EVERYTHING)
    story.tick()
    story.heals()
    story.builds(*EVERYTHING)
    story.tick()
    assert {incident.status for incident in story.incidents} == {Status.RESOLVED}
    assert sorted(story.told()) == ["b", "data-incidents", "fin"]
    for post in story.slack.posts():
        assert post.headline.startswith("🟢")
        [end] = story.slack.replies(post.ts)
        assert end.text.startswith("Resolved: everything that failed is healthy again")
