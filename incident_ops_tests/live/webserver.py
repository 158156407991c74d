"""A running webserver, asked as the Dagster UI asks it: over GraphQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

_LAUNCH = """mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
  }
}"""

_RUN = """query Run($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"""

_PARTITIONS = """query Partitions($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) { ... on AssetNode { partitionKeys } }
}"""

_MATERIALIZATIONS = """query Materializations($key: AssetKeyInput!, $partition: String!) {
  assetOrError(assetKey: $key) {
    ... on Asset { assetMaterializations(partitions: [$partition]) { tags { key value } } }
  }
}"""

_EVALUATIONS = """query Evaluations($key: AssetKeyInput!, $check: String!) {
  assetCheckExecutions(assetKey: $key, checkName: $check, limit: 10) { evaluation { timestamp success } }
}"""

_SENSORS = """query Sensors($selector: RepositorySelector!) {
  sensorsOrError(repositorySelector: $selector) {
    __typename
    ... on Sensors {
      results {
        name
        defaultStatus
        sensorState {
          status
          ticks(limit: 500) {
            status timestamp endTimestamp skipReason originRunIds error { message }
            logEvents { events { level message } }
          }
        }
      }
    }
  }
}"""


@dataclass(frozen=True, kw_only=True)
class Tick:
    """One evaluation of a sensor. `at` and `end` in epoch seconds; a tick that has not ended has none."""

    status: str
    at: float
    end: float | None
    skip_reason: str
    origin_runs: tuple[str, ...]
    error: str
    log: tuple[str, ...]

    @property
    def seconds(self) -> float:
        return self.end - self.at if self.end else 0.0


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """A sensor as the UI shows it; ticks oldest first."""

    name: str
    default_status: str
    status: str
    ticks: tuple[Tick, ...]

    @property
    def ended(self) -> tuple[Tick, ...]:
        return tuple(tick for tick in self.ticks if tick.status != "STARTED")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    at: float
    passed: bool


@dataclass(frozen=True)
class Webserver:
    """What a test asks of a webserver."""

    url: str

    def launch(self, location: str, *assets: str) -> str:
        """Start a run that builds `assets` and runs their checks, in a process of its own; returns its id."""
        selector = {
            "repositoryLocationName": location,
            "repositoryName": "__repository__",
            "pipelineName": "__ASSET_JOB",
            "assetSelection": [_key(asset) for asset in assets],
        }
        answer = self._ask(_LAUNCH, params={"selector": selector, "runConfigData": {}})["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def status(self, run_id: str) -> str:
        return self._ask(_RUN, id=run_id)["runOrError"]["status"]

    def partitions(self, asset: str) -> list[str]:
        return self._ask(_PARTITIONS, key=_key(asset))["assetNodeOrError"]["partitionKeys"]

    def newest_tags(self, asset: str, partition: str) -> dict[str, str]:
        """Tags of the newest materialization of a partition."""
        found = self._ask(_MATERIALIZATIONS, key=_key(asset), partition=partition)["assetOrError"]
        newest = found["assetMaterializations"][0]
        return {tag["key"]: tag["value"] for tag in newest["tags"]}

    def evaluations(self, asset: str, check: str) -> list[Evaluation]:
        """The newest first."""
        found = self._ask(_EVALUATIONS, key=_key(asset), check=check)["assetCheckExecutions"]
        evaluations = [execution["evaluation"] for execution in found if execution["evaluation"]]
        return [Evaluation(at=e["timestamp"], passed=e["success"]) for e in evaluations]

    def sensors(self, location: str) -> dict[str, Sensor]:
        selector = {"repositoryLocationName": location, "repositoryName": "__repository__"}
        answer = self._ask(_SENSORS, selector=selector)["sensorsOrError"]
        assert answer["__typename"] == "Sensors", answer
        return {sensor["name"]: _sensor(sensor) for sensor in answer["results"]}

    def _ask(self, query: str, **variables: Any) -> Mapping[str, Any]:
        response = requests.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=30)
        answer = response.json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]


def _key(asset: str) -> dict[str, Sequence[str]]:
    return {"path": asset.split("/")}


def _sensor(answer: Mapping[str, Any]) -> Sensor:
    state = answer["sensorState"]
    return Sensor(
        name=answer["name"],
        default_status=answer["defaultStatus"],
        status=state["status"],
        ticks=tuple(_tick(tick) for tick in reversed(state["ticks"])),
    )


def _tick(answer: Mapping[str, Any]) -> Tick:
    return Tick(
        status=answer["status"],
        at=answer["timestamp"],
        end=answer["endTimestamp"],
        skip_reason=answer["skipReason"] or "",
        origin_runs=tuple(answer["originRunIds"]),
        error=(answer["error"] or {}).get("message", ""),
        log=tuple(f"{event['level']} {event['message']}" for event in answer["logEvents"]["events"]),
    )
