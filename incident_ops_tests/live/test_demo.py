"""The README's first command, as a newcomer runs it: everything it promises is in its output, and true."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from incident_ops_tests.processes import free_port


@pytest.mark.timeout(420)
def test_the_demo_breaks_something_tells_the_owner_and_sees_it_heal(tmp_path: Path):
    home = tmp_path / "home"
    environ = {
        k: v for k, v in os.environ.items() if not k.startswith(("INCIDENT_OPS_", "DAGSTER_", "MARKETPLACE_"))
    }
    command = [sys.executable, "-m", "incident_ops.cli"]
    demo = subprocess.run(
        [*command, "demo", "--exit", "--port", str(free_port()), "--home", str(home)],
        env=environ,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
    )
    said = demo.stdout
    assert demo.returncode == 0, f"{said}\n{demo.stderr}"
    assert re.search(r"INC-1 SEV1 triggered raw/orders: check amount_is_present failed", said), said
    assert "told: inbox:#finance (owner team:finance)" in said
    assert "told: inbox:#service (models/churn: there is bad data in what it is built from" in said
    assert re.search(r"look: http://127\.0\.0\.1:\d+/assets/incidents\?view=partitions&partition=INC-1", said)
    assert "INC-1 SEV1 resolved" in said
    listed = subprocess.run(
        [*command, "list", "--all", "--json"],
        env={**environ, "DAGSTER_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    incidents = {incident["id"]: incident for incident in json.loads(listed.stdout)}
    assert incidents["INC-1"]["status"] == "resolved"
    assert incidents["INC-1"]["owner"] == "team:finance"
    assert {incident["severity"] for incident in incidents.values()} >= {"SEV1"}
