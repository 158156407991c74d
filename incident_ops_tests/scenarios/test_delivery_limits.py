"""Long texts and long lists: Slack's limits hold, and nothing is lost by cutting."""

from typing import Any

import dagster as dg

from incident_ops.core.status import Status
from incident_ops_tests.fake_slack import error
from incident_ops_tests.scenarios.story import Story, nodes_of

CHECKS = [f"field_{n:02}" for n in range(80)]


def assert_every_answer_was_ok(story: Story) -> None:
    """FakeSlack refuses what Slack refuses: more than 50 blocks, 3,000 characters a section, 150 a header."""
    assert story.slack.calls
    assert [call.answer for call in story.slack.calls if not (call.answer or {}).get("ok")] == []


def longest_texts(blocks: list[dict[str, Any]]) -> list[int]:
    return sorted(len(block["text"]["text"]) for block in blocks if isinstance(block.get("text"), dict))


def test_an_error_text_of_9000_characters_is_cut_with_a_count_and_fits(story: Story):
    @dg.asset(owners=["team:fin"])
    def noisy() -> None:
        raise ValueError("first words " + "x" * 8_978 + " last words")

    definitions = dg.Definitions(assets=[noisy])
    story.knows_the_catalog(nodes_of(definitions))
    story.runs(definitions)
    story.tick()
    assert_every_answer_was_ok(story)
    [post] = story.slack.posts("#fin")
    assert len(post.blocks) <= 50 and max(longest_texts(post.blocks)) <= 3_000
    assert "first words" in post.content and "more characters" in post.content
    assert "last words" in story.incident.detail, "what Slack does not take is kept"


def test_80_failing_checks_of_one_asset_are_one_incident_and_one_post_within_the_limits(story: Story):
    @dg.asset(owners=["team:fin"], check_specs=[dg.AssetCheckSpec(name, asset="wide") for name in CHECKS])
    def wide():
        results = [dg.AssetCheckResult(check_name=name, passed=False) for name in CHECKS]
        yield dg.MaterializeResult(check_results=results)

    definitions = dg.Definitions(assets=[wide])
    story.knows_the_catalog(nodes_of(definitions))
    story.runs(definitions)
    report = story.tick()
    assert (report.triaged.alerts, report.dispatched.pending) == (80, 0)
    assert_every_answer_was_ok(story)
    assert sorted(str(member.subject.check) for member in story.incident.members) == CHECKS
    [post] = story.slack.posts("#fin")
    assert "more" in post.content, "what does not fit is counted"


def test_80_assets_that_one_failed_step_did_not_build_are_one_incident_whose_list_is_cut_with_a_count(
    story: Story,
):
    names = [f"part_{n:02}" for n in range(80)]

    @dg.multi_asset(specs=[dg.AssetSpec(name, owners=["team:fin"]) for name in names])
    def parts():
        raise ValueError("nothing was built")
        yield

    definitions = dg.Definitions(assets=[parts])
    story.knows_the_catalog(nodes_of(definitions))
    story.runs(definitions)
    story.tick()
    assert len(story.incident.members) == 80
    assert_every_answer_was_ok(story)
    [post] = story.slack.posts()
    assert "Also* (79)" in post.content and "and 59 more" in post.content


def test_blocks_that_slack_refuses_are_sent_as_text_in_the_same_attempt(story: Story):
    story.breaks("boom")
    story.builds("boom")
    story.slack.next(error("invalid_blocks"), method="chat.postMessage")
    report = story.tick()
    assert (report.dispatched.delivered, report.dispatched.pending, report.dispatched.problems) == (1, 0, [])
    assert len(story.slack.calls_of("chat.postMessage")) == 2
    [post] = story.slack.posts("#fin")
    assert post.blocks == []
    assert "INC-1" in post.text and "boom: failed to build" in post.text and "ValueError" in post.text
    assert story.store.deliveries(1)[0].attempts == 0


def test_the_end_of_an_incident_told_as_text_is_told_as_well(story: Story):
    story.breaks("boom")
    story.builds("boom")
    story.slack.next(error("invalid_blocks"), method="chat.postMessage")
    story.tick()
    story.heals()
    story.builds("boom")
    story.tick()
    assert story.incident.status is Status.RESOLVED
    assert story.slack.posts("#fin")[0].headline.startswith("🟢")
