"""Builds that fail one after the other: each with its own error, and it is told which have the same one."""

import dagster as dg

from incident_ops.engine.report import story_of
from incident_ops_tests.scenarios.story import Story, nodes_of

UNREACHABLE = "warehouse acme-{} unreachable after {} s"
ERRORS: dict[str, Exception] = {
    "source": ConnectionError(UNREACHABLE.format(7, 30)),
    "table": RuntimeError("no column price"),
    "report": ConnectionError(UNREACHABLE.format(9, 31)),
}


def failing(name: str, *upstream: str) -> dg.AssetsDefinition:
    @dg.asset(name=name, deps=upstream)
    def fails() -> None:
        raise ERRORS[name]

    return fails


ASSETS = (failing("source"), failing("table", "source"), failing("report", "table"))


def test_each_failed_build_tells_its_own_error_and_whether_it_is_anothers(story: Story) -> None:
    """Other numbers in the text make no other error."""
    story.knows_the_catalog(nodes_of(dg.Definitions(ASSETS)))
    for asset in ASSETS:
        story.runs(dg.Definitions([asset]))
        story.later(seconds=20)
    story.tick()
    said = {
        suspect["asset"]: [s["summary"] for s in suspect["evidence"] if s["kind"] == "run_error"]
        for suspect in story_of(story.store, story.incident, now=story.now)["suspects"]
    }
    assert said == {
        "source": [f"its run failed (user code): ConnectionError: {ERRORS['source']}, the same error as here"],
        "table": ["its run failed (user code): RuntimeError: no column price"],
        "report": [f"its run failed (user code): ConnectionError: {ERRORS['report']}"],
    }
