"""The route tree against the real thing: `amtool config routes test` of Prometheus' Alertmanager."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incident_ops.core.routing import RouteNode, branches
from incident_ops_tests.core.route_trees import label_sets, trees

AMTOOL = shutil.which("amtool")

pytestmark = pytest.mark.skipif(AMTOOL is None, reason="there is no amtool (Debian's prometheus-alertmanager)")


def as_alertmanager_reads_it(node: RouteNode) -> dict[str, Any]:
    return {
        "receiver": node.receiver,
        **({"matchers": [str(matcher) for matcher in node.matchers]} if node.matchers else {}),
        "continue": node.continues,
        "routes": [as_alertmanager_reads_it(child) for child in node.routes],
    }


def receivers_in(node: RouteNode) -> list[str]:
    return [node.receiver, *(name for child in node.routes for name in receivers_in(child))]


def said_by_amtool(file: Path, labels: Mapping[str, str]) -> list[str]:
    pairs = [f"{label}={value}" for label, value in labels.items()]
    command = [AMTOOL or "", "config", "routes", "test", f"--config.file={file}", *pairs]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().split(",")


@settings(
    max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tree=trees, asked=st.lists(label_sets, min_size=2, max_size=3))
def test_labels_reach_what_alertmanager_itself_finds(
    tmp_path: Path, tree: RouteNode, asked: list[dict[str, str]]
) -> None:
    """Whoever brings a tree along from Alertmanager relies on it."""
    file = tmp_path / "alertmanager.yml"
    receivers = [{"name": name} for name in receivers_in(tree)]
    file.write_text(json.dumps({"route": as_alertmanager_reads_it(tree), "receivers": receivers}))
    for labels in asked:
        assert [node.receiver for node in branches(tree, labels)] == said_by_amtool(file, labels)
