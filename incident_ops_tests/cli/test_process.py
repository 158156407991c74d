"""The command as a process of its own: exit codes reach the shell, and its output is UTF-8 wherever it runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

from incident_ops.adapters.store import open_store
from incident_ops.adapters.wiring import DATABASE_FILE
from incident_ops_tests.builders import make_alert, make_incident
from incident_ops_tests.cli.conftest import NOBODY
from incident_ops_tests.processes import make_home

# As strict as it gets: Python itself would fall back to ASCII here.
PLAIN_C = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


def incident_ops(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    hidden = ("DAGSTER_", "INCIDENT_OPS_", "LC_", "LANG", "PYTHONIOENCODING", "PYTHONUTF8")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(hidden)}
    return subprocess.run(
        [sys.executable, "-m", "incident_ops.cli", *arguments],
        cwd=home,
        env={**inherited, "DAGSTER_HOME": str(home), "INCIDENT_OPS_DAGSTER_URL": NOBODY, **variables},
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_output_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    """A machine's locale would decide whether an incident can be read at all."""
    home = make_home(tmp_path / "home")
    with open_store(f"sqlite:///{home / DATABASE_FILE}") as store, store.transaction() as tx:
        tx.save(make_incident(tx.allocate_number(), make_alert(None, kind="external", name="Ünïcode — 東京 🦆")))
    for variables in ({"LANG": "C"}, PLAIN_C):
        listed = incident_ops(home, "list", "--json", **variables)
        assert listed.returncode == 0, listed.stderr
        assert json.loads(listed.stdout.decode("utf-8"))[0]["title"] == "Ünïcode — 東京 🦆"
    assert "Ünïcode — 東京 🦆" in incident_ops(home, "show", "1", **PLAIN_C).stdout.decode("utf-8")


def test_the_exit_code_reaches_the_shell(tmp_path: Path) -> None:
    """2 with a broken file, though the list is printed: a script must not take it for well."""
    home = make_home(tmp_path / "home")
    missing = incident_ops(home, "show", "INC-1")
    assert (missing.returncode, missing.stdout, missing.stderr) == (1, b"", b"there is no incident INC-1\n")
    (home / "incident_ops.yaml").write_text("tems: {}\n")
    broken = incident_ops(home, "list", "--json")
    assert (broken.returncode, json.loads(broken.stdout)) == (2, [])
    assert b'line 1: tems is not a known key; did you mean "teams"?' in broken.stderr


def test_nothing_is_logged_on_standard_output(tmp_path: Path) -> None:
    ticked = incident_ops(make_home(tmp_path / "home"), "tick", "--json")
    assert ticked.returncode == 0, ticked.stderr
    assert set(json.loads(ticked.stdout)) == {"alerts", "opened", "updated", "resolved", "delivered", "pending"}
