"""Story 11: a campaign is announced. Four times as many rows wake nobody, with the reason on record; forty do."""

from datetime import timedelta

import dagster as dg
import pytest

from incident_ops.core.feedback import Lesson
from incident_ops.core.status import EntryKind, Resolution, Status
from incident_ops.engine.report import story_of
from incident_ops_tests.scenarios.measured import FIRST, LEARNT, Table, measured_in
from incident_ops_tests.scenarios.story import Story

EVENT = """\
expected_events:
  - {{name: black friday, assets: ["marketing/*", orders], natures: [volume], from: {}, until: {}, up_to: 6.0}}
"""


def day(number: int) -> str:
    return str(FIRST + timedelta(days=LEARNT + number))


@pytest.fixture
def table(story: Story) -> Table:
    """Three days are announced, from tomorrow on."""
    story.is_configured(EVENT.format(day(1), day(3)))
    table = measured_in(story)
    assert table.builds()
    story.tick()
    return table


def test_four_times_as_much_opens_nothing_that_pages_and_is_on_record_with_the_reason(table: Table):
    story = table.story
    assert not table.builds(4)
    report = story.tick()
    assert (story.slack.posts(), story.store.inbox(), report.dispatched.delivered) == ([], [], 0)
    incident = story.incident
    assert (incident.status, incident.resolution) == (Status.RESOLVED, Resolution.EXPECTED)
    assert incident.excuse is not None and incident.excuse.startswith("expected event black friday: row_count is ")
    shown = story_of(story.store, incident, now=story.now)
    assert shown["excuse"] == incident.excuse
    [why] = story.timeline(EntryKind.SUPPRESSED)
    assert why == f"nobody is pushed: {incident.excuse}"


def test_dagster_shows_it_on_the_incident_and_on_the_asset(table: Table):
    story = table.story
    table.builds(4)
    story.tick()
    [record] = story.instance.fetch_materializations(dg.AssetKey("incidents"), limit=5).records
    assert record.asset_materialization is not None
    metadata = record.asset_materialization.metadata
    assert metadata["announced"].value == story.incident.excuse
    assert metadata["status"].value == "resolved as expected"
    [*_, board] = story.instance.fetch_materializations(dg.AssetKey("incident_board"), limit=5).records
    assert board.asset_materialization is not None
    assert "expected event black friday" in str(board.asset_materialization.metadata["announced"].value)
    assert any("incident status" in remark.metadata for remark in table.observations())


def test_forty_times_as_much_still_pages(table: Table):
    story = table.story
    assert not table.builds(4)
    story.tick()
    assert not table.builds(40)
    story.tick()
    assert len(story.slack.posts("#fin")) == 1
    assert [(i.is_open, i.excuse is None) for i in story.incidents] == [(False, False), (True, True)]


def test_the_days_of_the_campaign_do_not_train(table: Table):
    """The level is not what it was on three days that everybody knew to be different."""
    story = table.story
    for _ in range(3):
        assert not table.builds(4)
        story.tick()
    assert [answer.lesson for answer in table.answers()] == [Lesson.EVENT] * 3
    assert table.builds(1)
    assert not table.builds(4), "the campaign is over"
    story.tick()
    assert len(story.slack.posts("#fin")) == 1


def test_nothing_is_excused_before_it_begins(story: Story):
    story.is_configured(EVENT.format(day(1), day(3)))
    table = measured_in(story)
    assert not table.builds(4)
    story.tick()
    assert story.incident.is_open
