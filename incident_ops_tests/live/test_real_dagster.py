"""Webserver, daemon and runs as real processes, and a stranger's location that is made to fail.

One set of processes for the module; the tests use different assets and hold in any order.
"""

import re
import statistics
from collections.abc import Callable, Iterator

import pytest

from incident_ops.core.own import INCIDENTS
from incident_ops_tests.live.dagster_with_us import PATIENCE, DagsterWithUs, dagster_with_us
from incident_ops_tests.waiting import wait_until

QUIET = ("0 alerts", "0 delivered, 0 pending", "Sensor function returned an empty result")


@pytest.fixture(scope="module")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterWithUs]:
    with dagster_with_us(tmp_path_factory.mktemp("real")) as running:
        yield running


def test_a_failed_check_is_one_message_to_its_owner_that_turns_green_when_the_check_passes(
    dagster: DagsterWithUs, record_property: Callable[[str, object], None]
):
    dagster.breaks("nulls")
    run_id = dagster.runs("orders")
    assert dagster.webserver.status(run_id) == "SUCCESS", "Dagster itself sees nothing wrong with this run"
    post = dagster.waits_for_post_about("orders")
    assert post.channel_name == "fin"
    assert post.headline.startswith("🔴")
    [failure] = dagster.webserver.evaluations("orders", "orders_not_null")
    seconds = float(post.ts) - failure.at
    print(f"from the evaluation to the post: {seconds:.1f} s")
    record_property("seconds_from_evaluation_to_post", round(seconds, 1))
    assert seconds < 60

    dagster.heals("nulls")
    dagster.runs("orders")
    wait_until(
        lambda: dagster.posts_about("orders")[0].headline.startswith("🟢"),
        PATIENCE,
        lambda: f"the post turns green; the log ends with\n{dagster.processes.tail()}",
    )
    dagster.waits_until_all_sensors_ticked()
    [resolved] = dagster.posts_about("orders")
    assert (resolved.ts, resolved.channel) == (post.ts, post.channel)
    [reply] = dagster.slack.replies(post.ts)
    assert reply.text.startswith("Resolved")


@pytest.fixture(scope="module")
def failed_run(dagster: DagsterWithUs) -> str:
    """The id of a run in which two assets of different owners failed; all that comes of it has come."""
    dagster.breaks("boom", "orphan")
    run_id = dagster.runs("boom", "leaf", "orphan")
    dagster.waits_for_post_about("boom")
    dagster.waits_for_post_about("orphan")
    dagster.waits_until_all_sensors_ticked()
    return run_id


def test_a_run_failure_that_two_sensors_see_is_one_message_to_each_failed_assets_owner(
    dagster: DagsterWithUs, failed_run: str
):
    quick_path = dagster.ticks()["run_failure_alert_sensor"]
    assert [tick.origin_runs for tick in quick_path if failed_run in tick.origin_runs] == [(failed_run,)]
    [of_boom], [of_orphan] = dagster.posts_about("boom"), dagster.posts_about("orphan")
    assert (of_boom.channel_name, of_orphan.channel_name) == ("fin", "data-incidents")
    assert "leaf (not run: upstream boom)" in of_boom.content
    assert dagster.posts_about("leaf") == []
    assert dagster.slack.replies(of_boom.ts) == dagster.slack.replies(of_orphan.ts) == []


def test_an_incident_is_a_partition_in_dagster_and_a_line_of_the_command_line(
    dagster: DagsterWithUs, failed_run: str
):
    listed = dagster.command("list", "--all")
    assert sorted(dagster.webserver.partitions(INCIDENTS)) == sorted(incident["id"] for incident in listed)
    [incident] = [incident for incident in listed if incident["root"]["asset"] == "boom"]
    [post] = dagster.posts_about("boom")
    assert incident["id"] in post.headline
    assert incident["owner"] == "team:fin", "as the stranger's location declares it"
    assert incident["alert_count"] == 2, "the step's failure and the run's, each once"
    tags = dagster.webserver.newest_tags(INCIDENTS, incident["id"])
    assert tags["incident_ops/status"] == incident["status"] == "triggered"
    assert tags["incident_ops/severity"] == incident["severity"]


def test_all_sensors_run_without_being_switched_on_and_no_tick_fails(
    dagster: DagsterWithUs, record_property: Callable[[str, object], None]
):
    dagster.waits_until_all_sensors_ticked(times=1)
    sensors = dagster.webserver.sensors("incident_ops")
    assert sorted(sensors) == ["incident_detection_sensor", "notification_sensor", "run_failure_alert_sensor"]
    for name, sensor in sensors.items():
        assert (sensor.default_status, sensor.status) == ("RUNNING", "RUNNING")
        assert [tick.error for tick in sensor.ended if tick.status == "FAILURE" or tick.error] == []
        assert [line for tick in sensor.ended for line in tick.log if not line.startswith("INFO")] == []
        quiet = [tick.seconds for tick in sensor.ended[1:] if tick.skip_reason.startswith(QUIET)]
        median, longest = statistics.median(quiet), max(tick.seconds for tick in sensor.ended)
        print(
            f"{name}: {len(sensor.ended)} ticks, quiet ones {median:.2f} s in the median, longest {longest:.2f} s"
        )
        record_property(f"{name}_quiet_seconds", round(median, 2))
        assert median < 5, "a tick that takes as long as the daemon's loop delays the next"
    dagster.processes.assert_alive()


def test_neither_daemon_nor_webserver_complains_in_its_log(dagster: DagsterWithUs):
    dagster.waits_until_all_sensors_ticked(times=1)
    lines = re.sub(r"\x1b\[\d+m", "", dagster.processes.log.read_text(errors="replace")).splitlines()
    complaints = re.compile(
        r"- dagster(\.daemon|-webserver|\.code_server).* - (WARNING|ERROR|CRITICAL) - |is locked"
    )
    assert [line for line in lines if complaints.search(line)] == []
    ours = re.compile(r"incident_ops/.*Warning|Warning.*incident_ops")
    assert [line for line in lines if ours.search(line)] == []
