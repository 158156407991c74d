"""What people answer to a learnt check changes what it says next: real runs, real answers, real observations."""

import json

import dagster as dg
import pytest
import sqlalchemy as sa

from incident_ops.adapters.store import SqlStore
from incident_ops.core.alert import Nature
from incident_ops.core.feedback import FEEDBACK_METADATA, Feedback, Lesson
from incident_ops.core.metrics import Measurement
from incident_ops.core.status import Resolution, Status
from incident_ops.defs.stored_history import StoredHistory, stored_history
from incident_ops.detectors.history import EventLog, History
from incident_ops_tests.scenarios.measured import measured_in
from incident_ops_tests.scenarios.story import Story

CHECK = dg.AssetCheckKey(dg.AssetKey("orders"), "volume")


def test_a_usual_day_is_no_news_and_four_times_as_much_is_an_incident_of_volume(story: Story):
    table = measured_in(story)
    assert table.builds()
    story.tick()
    assert story.incidents == []
    assert not table.builds(4)
    story.tick()
    assert (story.incident.nature, story.incident.owner) == (Nature.VOLUME, "team:fin")
    assert "usually" in story.incident.summary
    assert story.incident.facts.keys() <= {"row_count", "row_increment"}


def test_expected_teaches_the_new_level(story: Story):
    table = measured_in(story)
    assert not table.builds(4)
    story.tick()
    table.is_answered(Resolution.EXPECTED)
    assert table.builds(4), "this is how it is now"
    story.tick()
    assert story.incident.status is Status.RESOLVED
    assert not table.builds(1), "and what it was is now out of the ordinary"


def test_a_false_positive_widens_the_bounds_and_is_remembered(story: Story):
    table = measured_in(story)
    assert not table.builds(1.4)
    story.tick()
    table.is_answered(Resolution.FALSE_POSITIVE)
    assert table.builds(1.4)
    assert table.builds(1), "the level is what it was"
    assert table.builds(1.4)
    assert not table.builds(0), "however wide, an empty day is seen"


def test_what_was_fixed_does_not_train(story: Story):
    """Left in, the bad days would soon be what is usual, and the good ones would not."""
    table = measured_in(story)
    for _ in range(3):
        assert not table.builds(4)
        story.tick()
    table.is_answered(Resolution.FIXED)
    for _ in range(3):
        assert table.builds(1)
    assert not table.builds(4)


def test_an_incident_that_ends_by_itself_teaches_nothing(story: Story):
    table = measured_in(story)
    table.builds(4)
    story.tick()
    table.today -= 1
    assert table.builds(1), "the same day again, as it should be"
    story.tick()
    assert story.incident.status is Status.RESOLVED
    assert table.answers() == []


def test_the_answer_is_an_observation_of_the_asset_that_repeats_its_data_version(story: Story):
    """Without the version, automation would take our remark for new data and rebuild what is downstream."""
    table = measured_in(story)
    table.builds(4)
    story.tick()
    table.is_answered(Resolution.EXPECTED)
    story.tick()
    [answer] = [remark for remark in table.observations() if FEEDBACK_METADATA in remark.metadata]
    [said] = table.answers()
    assert (said.check, said.lesson) == ("volume", Lesson.EXPECTED)
    built = story.instance.fetch_materializations(CHECK.asset_key, limit=1).records[0].asset_materialization
    assert built is not None
    version = "dagster/data_version"
    assert answer.tags[version] == (built.tags or {})[version]
    assert str(answer.metadata["incident"].value).endswith("INC-1"), "so that our own tail knows it for ours"


def test_an_answer_that_was_wrong_is_taken_back_by_the_next_one(story: Story):
    table = measured_in(story)
    table.builds(4)
    story.tick()
    table.is_answered(Resolution.EXPECTED)
    assert not table.builds(16)
    story.tick()
    assert story.incident.reopened == 1
    table.is_answered(Resolution.FIXED)
    assert table.builds(1), "four times as much never was the level"


# ---- kept by us


def remembered(history: History) -> tuple[list[Measurement], list[Feedback]]:
    return list(history.measurements(CHECK)), list(history.feedback(CHECK))


def wipe(story: Story) -> None:
    """What people do to a log that has grown too long."""
    story.instance.event_log_storage.wipe()


def test_the_store_remembers_what_the_event_log_does(story: Story):
    table = measured_in(story)
    for times in (1, 4):
        table.builds(times)
    story.tick()
    table.is_answered(Resolution.FALSE_POSITIVE)
    log = EventLog(story.instance)
    both = StoredHistory(log, story.store)
    assert len(log.measurements(CHECK)) == 2
    assert remembered(both) == remembered(log), "each once, though both know it"
    newest = log.measurements(CHECK)[-1]
    assert both.measurements_of(CHECK, lambda key: key == newest.partition) == [newest]


def test_a_detector_of_ours_outlives_a_log_that_was_wiped(story: Story, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(
        "INCIDENT_OPS_DATABASE_URL", story.store._database.url.render_as_string(hide_password=False)
    )
    table = measured_in(story, history=stored_history)
    for _ in range(14):
        assert table.builds()
    table.builds(4)
    story.tick()
    table.is_answered(Resolution.FALSE_POSITIVE)
    before = remembered(stored_history(story.instance))
    wipe(story)
    assert remembered(EventLog(story.instance)) == ([], [])
    assert remembered(stored_history(story.instance)) == before
    [answer] = before[1]
    assert answer.lesson is Lesson.FALSE_POSITIVE
    assert not table.builds(0), "it still knows what is usual"


def forget_metrics(store: SqlStore) -> None:
    """As an installation is that kept no metrics, after its upgrade: the log was read to its end."""
    with store._database.writing() as connection:
        for rows in ("metric_points", "measurements", "named_values WHERE name = 'metrics'"):
            connection.execute(sa.text(f"DELETE FROM {rows}"))


def test_an_installation_that_kept_no_metrics_reads_them_once_from_the_log(story: Story):
    table = measured_in(story)
    table.builds(4)
    story.tick()
    both = StoredHistory(EventLog(story.instance), story.store)
    known = remembered(both)
    forget_metrics(story.store)
    story.tick()
    with story.store.looking_back() as history:
        assert list(history.metrics("orders", "volume", limit=9)) == known[0]
    cursor = story.store.cursor("metrics")
    assert cursor is not None and json.loads(cursor)
    table.builds(1)
    story.tick()
    assert story.store.cursor("metrics") == cursor, "once: from then on the tail brings them"
    assert len(story.incidents) == 1


def test_a_new_installation_reads_its_log_once_only(story: Story):
    measured_in(story)
    assert (story.store.value("metrics"), story.store.cursor("metrics")) == ("whole", None)
