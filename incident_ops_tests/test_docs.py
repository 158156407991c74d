"""What the documents say is run: commands, configuration, links."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from incident_ops.cli import commands
from incident_ops.config import not_yet_effective, parse_config

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

COMMANDS = re.findall(r"^\$ incident-ops (.+)$", README, re.MULTILINE)
INSTALLING = re.findall(r"^\$ (python3 -m venv .+)$", README, re.MULTILINE)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("arguments", COMMANDS)
def test_each_command_of_the_readme_runs(arguments: str, tmp_path: Path):
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("INCIDENT_OPS_")}
    done = subprocess.run(
        [sys.executable, "-m", "incident_ops.cli", *arguments.split()],
        env={**kept, "DAGSTER_HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_first_thirty_lines_hold_the_flow_and_both_commands():
    head = "\n".join(README.splitlines()[:30])
    demo, test = INSTALLING
    assert demo in head and test in head
    assert "alert → incident" in head


def test_the_ci_script_runs_the_very_test_line_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text()
    pattern = re.search(r"sed -n '(.+)' README\.md", script)
    assert pattern is not None
    found = subprocess.run(
        ["sed", "-n", pattern.group(1), str(ROOT / "README.md")], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == INSTALLING[1]


def test_every_installed_version_is_held_by_the_constraints():
    held = (ROOT / "constraints.txt").read_text()
    for name in ("dagster", "dbt-core", "SQLAlchemy", "slack_sdk", "pytest"):
        assert re.search(rf"^{name}==", held, re.MULTILINE), name
    assert "://" not in held


@pytest.mark.parametrize("configuration", blocks("yaml")[1:])
def test_each_configuration_of_the_readme_is_valid_and_all_of_it_works(configuration: str):
    assert not_yet_effective(parse_config(configuration, file="README.md")) == []


def test_the_workspace_line_of_the_readme_is_the_one_we_ship():
    workspace, *_ = blocks("yaml")
    ours = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    assert yaml.safe_load(workspace)["load_from"][0] in ours


def test_every_command_is_told_of_in_the_readme():
    for name in commands.commands:
        assert re.search(rf"\b{name}\b", README), name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target
