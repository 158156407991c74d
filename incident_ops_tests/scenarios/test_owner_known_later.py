"""The webserver may be away when something fails: detection goes on, and the owner is told when known."""

from incident_ops.core.status import EntryKind
from incident_ops_tests.scenarios.story import Story


def test_an_incident_of_unknown_owner_is_told_at_once_to_the_default_channel(story: Story):
    story.knows_the_catalog([])
    story.breaks("boom")
    story.builds("boom")
    story.tick()
    assert story.incident.owner is None
    assert list(story.told()) == ["data-incidents"]


def test_when_the_owner_is_known_their_channel_is_told_and_the_timeline_corrected(story: Story):
    story.knows_the_catalog([])
    story.breaks("boom")
    story.builds("boom")
    story.tick()
    story.later(minutes=7)
    story.knows_the_catalog()
    story.tick()
    assert story.incident.owner == "team:fin"
    assert (story.incident.labels["team"], story.incident.labels["location"]) == ("fin", "tenant")
    assert sorted(story.told()) == ["data-incidents", "fin"]
    assert story.timeline(EntryKind.OWNER) == ["owner: unknown → team:fin"]
    assert story.timeline(EntryKind.NOTIFIED)[-1].startswith("routed to #fin: team:fin owns")
    [first] = story.slack.posts("#data-incidents")
    assert "team:fin" in first.content, "the first message is corrected as well"
    assert [reply.text for reply in story.slack.replies(first.ts)] == ["Owner: unknown → team:fin"]


def test_the_owner_is_told_once_and_both_channels_hear_the_end(story: Story):
    story.knows_the_catalog([])
    story.breaks("boom")
    story.builds("boom")
    story.tick()
    story.knows_the_catalog()
    for _ in range(3):
        story.later(minutes=1)
        story.tick()
    assert len(story.slack.posts()) == 2
    story.heals()
    story.builds("boom")
    story.tick()
    for post in story.slack.posts():
        assert post.headline.startswith("🟢")
        assert story.slack.replies(post.ts)[-1].text.startswith("Resolved")


def test_an_asset_that_stays_unknown_stays_with_the_default_channel(story: Story):
    """The control: a catalog alone corrects nothing."""
    story.knows_the_catalog([])
    story.breaks("orphan")
    story.builds("orphan")
    story.tick()
    story.knows_the_catalog()
    story.tick()
    assert list(story.told()) == ["data-incidents"]
    assert story.timeline(EntryKind.OWNER) == []


def test_a_tier_that_is_known_later_makes_the_incident_as_severe_as_it_is(story: Story):
    """`orders` is gold: without the catalog its failing check was taken for one of a silver asset."""
    story.knows_the_catalog([])
    story.breaks("nulls")
    story.builds("orders")
    story.tick()
    assert story.incident.severity == "SEV2"
    story.knows_the_catalog()
    story.tick()
    assert story.incident.severity == "SEV1"
