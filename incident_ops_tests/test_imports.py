"""Importing a module does no I/O and reads no environment: secrets are read at each tick."""

import json
import os
import subprocess
import sys
from pathlib import Path

import incident_ops

ROOT = Path(incident_ops.__file__).parent
PREPARES_A_MANIFEST = "incident_ops.marketplace.definitions"
NEEDS_ITS_OWN_CONTEXT = "incident_ops.adapters.store.migrations"  # Alembic runs these files, nobody imports them

# Everything that the modules of ours could do at import is made to fail; third-party packages are imported first.
_PROGRAM = """
import importlib, json, os, socket, sys, traceback
from collections.abc import MutableMapping

modules = json.loads(sys.argv[1])
for name in ("dagster", "dagster_slack", "slack_sdk", "sqlalchemy", "alembic", "requests", "click", "rich",
             "rich.console", "rich.table", "pydantic", "yaml", "duckdb", "pandas", "dagster_dbt"):
    importlib.import_module(name)

class Closed:
    def __init__(self, *args, **kwargs):
        raise AssertionError("a socket is opened at import")

class Environment(MutableMapping):
    def __init__(self, values):
        self._values = values
    def __getitem__(self, key):
        if key.startswith("INCIDENT_OPS_") or key == "DAGSTER_HOME":
            raise AssertionError(f"{key} is read at import")
        return self._values[key]
    def __setitem__(self, key, value):
        self._values[key] = value
    def __delitem__(self, key):
        del self._values[key]
    def __iter__(self):
        return iter(self._values)
    def __len__(self):
        return len(self._values)
    def copy(self):
        return dict(self)

FORBIDDEN = {"sqlite3.connect", "subprocess.Popen", "os.system", "os.mkdir", "os.remove", "socket.connect"}

def audit(event, args):
    writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
    if event in FORBIDDEN or writes:
        raise AssertionError(f"{event} {args} at import")

os.environ = Environment(dict(os.environ))
os.getenv = os.environ.get
socket.socket = Closed
sys.dont_write_bytecode = True
sys.addaudithook(audit)
problems = {}
for module in modules:
    try:
        importlib.import_module(module)
    except BaseException:
        problems[module] = traceback.format_exc()
print(json.dumps(problems))
"""


def _modules() -> list[str]:
    names = []
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(["incident_ops", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")
        if name != PREPARES_A_MANIFEST and not name.startswith(NEEDS_ITS_OWN_CONTEXT):
            names.append(name)
    return names


def _problems_of(modules: list[str], folder: Path, path: str) -> dict[str, str]:
    """Module → traceback, for those that do at import what they must not. Runs in `folder`."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER_", "INCIDENT_OPS_"))}
    answer = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(modules)],
        cwd=folder,
        env={**environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_importing_everything_does_nothing(tmp_path: Path) -> None:
    modules = _modules()
    assert "incident_ops.definitions" in modules
    problems = _problems_of(modules, tmp_path, str(ROOT.parent))
    assert problems == {}, "\n".join(problems.values())
    assert list(tmp_path.iterdir()) == [], "something was written"


def test_a_module_that_does_something_would_be_found(tmp_path: Path) -> None:
    deeds = {
        "reads": "import os; os.environ.get('INCIDENT_OPS_SLACK_TOKEN')",
        "asks": "import os; 'DAGSTER_HOME' in os.environ",
        "connects": "import socket; socket.create_connection(('127.0.0.1', 9))",
        "writes": "open('x', 'w')",
        "founds": "import sqlite3; sqlite3.connect('x.db')",
        "starts": "import subprocess; subprocess.run(['true'])",
        "is_well": "import os; os.environ.get('HOME')",
    }
    for name, source in deeds.items():
        (tmp_path / f"{name}.py").write_text(source)
    assert set(_problems_of(list(deeds), tmp_path, str(tmp_path))) == set(deeds) - {"is_well"}
