"""Where files go, and what importing may not do."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import incident_ops.marketplace
from incident_ops.marketplace.home import HOME_VARIABLE, current_home

PACKAGE = Path(incident_ops.marketplace.__file__).parent
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem not in {"__init__", "definitions"})


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({HOME_VARIABLE: "{tmp}/explicit", "DAGSTER_HOME": "{tmp}/dagster"}, "{tmp}/explicit"),
        ({"DAGSTER_HOME": "{tmp}/dagster"}, "{tmp}/dagster/marketplace"),
        ({}, "{tmp}/.dagster/marketplace"),
    ],
)
def test_the_home_is_the_explicit_one_or_beside_dagsters_or_here(
    environment: dict[str, str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (HOME_VARIABLE, "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(tmp=tmp_path))
    assert current_home().base == Path(expected.format(tmp=tmp_path))
    assert not current_home().base.exists()


def test_importing_every_module_but_the_definitions_touches_no_disk(tmp_path: Path) -> None:
    code = ";".join(f"import incident_ops.marketplace.{module}" for module in MODULES)
    importing = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, HOME_VARIABLE: str(tmp_path / "home"), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=Path.cwd(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert importing.returncode == 0, importing.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
def test_the_tenant_knows_nothing_of_the_control_plane(path: Path) -> None:
    """It stands for a stranger's code location: the detectors are made for strangers, nothing else of ours is."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [node.module or ""]
        for name in names:
            is_open_to_all = name.startswith(("incident_ops.marketplace", "incident_ops.detectors"))
            assert not name.startswith("incident_ops") or is_open_to_all, name
