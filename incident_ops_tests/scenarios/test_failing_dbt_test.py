"""A failing dbt test leaves an evaluation and a failed step, and dbt skips what comes after: one failure.

The last test is of what the builds leave for provenance; it is here because dbt takes seconds to start.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from incident_ops.adapters.dagster_events import DagsterEvents
from incident_ops.core.alert import AlertKind
from incident_ops.core.provenance import Provenance
from incident_ops.engine.ops import take_run
from incident_ops_tests.processes import make_home
from incident_ops_tests.scenarios.small_dbt import definitions_of, make_project
from incident_ops_tests.scenarios.story import Story, nodes_of, telling


@dataclass(frozen=True, kw_only=True)
class Built:
    """A home in which the project was built once; each story gets a copy of it."""

    home: Path
    run_id: str
    definitions: dg.Definitions


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("dbt")
    definitions = definitions_of(make_project(folder / "project"))
    home = make_home(folder / "home")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        job = definitions.resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    keys = [event.asset_key for event in result.get_asset_materialization_events()]
    assert {key.path[-1] for key in keys if key} == {"first", "second"}
    return Built(home=home, run_id=result.run_id, definitions=definitions)


@pytest.fixture
def story(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    shutil.copytree(built.home, tmp_path / "home")
    with telling(tmp_path, monkeypatch, on_disk=True) as story:
        yield story


def tail(story: Story, run_id: str) -> None:
    story.tick()


def sensor(story: Story, run_id: str) -> None:
    take_run(story.ops(), run_id, now=story.now)


ORDERS = {"the tail first": [tail, sensor], "the run-failure sensor first": [sensor, tail]}


@pytest.mark.parametrize("knows_the_catalog", [True, False], ids=["with a catalog", "without one"])
@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_evaluation_and_failed_step_are_one_incident_and_what_dbt_skipped_is_listed(
    story: Story, built: Built, order: list[Callable[[Story, str], None]], knows_the_catalog: bool
):
    if knows_the_catalog:
        story.knows_the_catalog(nodes_of(built.definitions))
    for see in order:
        see(story, built.run_id)
        story.later(seconds=5)
    story.tick()
    incident = story.incident
    assert incident.title == "second: check not_null_second_id failed"
    assert incident.not_run == ("third (not run: upstream second)",)
    evidence = story.store.alerts(incident.number, limit=10)
    assert {alert.kind for alert in evidence} == {AlertKind.CHECK_FAILED, AlertKind.RUN_FAILED}
    assert len(evidence) == incident.alert_count == 3
    assert {str(alert.asset) for alert in evidence} == {"second"}
    told = [alert.evidence for alert in evidence if "DagsterDbtCli" in alert.evidence.summary]
    assert {each.summary.partition("; ")[0] for each in told} == {
        "DagsterDbtCliRuntimeError: FAIL 1 not_null_second_id"
    }
    assert {"dbt build" in each.detail for each in told} == {True}, "the command is in the longer text"
    [post] = story.slack.posts()
    assert post.channel_name == ("fin" if knows_the_catalog else "data-incidents")
    assert "third (not run: upstream second)" in post.content
    assert len(story.pushes) == 1


def test_models_have_pointers_checksums_and_verdicts(story: Story, built: Built):
    story.runs(built.definitions)
    found = DagsterEvents(story.instance).read(None, now=story.now, limit=1000).facts
    first, second, first_again, again = found.materializations
    assert [m.asset for m in found.materializations] == ["first", "second"] * 2
    assert (second.inputs, again.inputs) == ({"first": first.id}, {"first": first_again.id})
    assert first.code_version
    assert first.code_version != second.code_version
    assert second.code_version == again.code_version, "dbt's checksum, the same in every run"
    history = Provenance(found.materializations, found.evaluations)
    assert [history.is_bad(m) for m in (first, second, again)] == [False, True, True]
