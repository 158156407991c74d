"""The dbt manifest on a fresh home, with several processes at the door."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from incident_ops.marketplace import manifest
from incident_ops.marketplace.home import HOME_VARIABLE, Home
from incident_ops_tests.marketplace.shop import files_in_package

LOAD = (
    "from incident_ops.marketplace.manifest import prepared_manifest;"
    "from incident_ops.marketplace.home import current_home;"
    "import json; json.loads(prepared_manifest(current_home()).read_text())"
)


def test_processes_that_load_at_once_on_a_fresh_home_parse_once_and_all_succeed(tmp_path: Path) -> None:
    """`dagster dev` loads the location in several processes; a half-written manifest would break one of them."""
    before = files_in_package()
    environment = {**os.environ, HOME_VARIABLE: str(tmp_path)}
    loading = [
        subprocess.Popen([sys.executable, "-c", LOAD], env=environment, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [(process.communicate()[1], process.returncode) for process in loading] == [("", 0)] * 3
    made = [path.name for path in Home(base=tmp_path).dbt_manifests.iterdir() if path.is_dir()]
    assert len(made) == 1
    assert files_in_package() == before, "dbt wrote into the package"


def test_a_changed_project_gets_a_manifest_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stale manifest would show yesterday's models; times of files in an installed package prove nothing."""
    project = tmp_path / "dbt"
    (project / "models").mkdir(parents=True)
    for name in ("dbt_project.yml", "profiles.yml"):
        (project / name).write_bytes((manifest.PROJECT / name).read_bytes())
    (project / "models" / "one.sql").write_text("select 1 as id", encoding="utf-8")
    monkeypatch.setattr(manifest, "PROJECT", project)
    home = Home(base=tmp_path / "home").create()
    home.dbt_manifests.mkdir(parents=True)
    first = manifest._fingerprint()
    assert manifest._fingerprint() == first
    (project / "models" / "one.sql").write_text("select 2 as id", encoding="utf-8")
    assert manifest._fingerprint() != first


def test_a_project_that_dbt_cannot_parse_says_so_in_dbts_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "dbt"
    project.mkdir()
    (project / "dbt_project.yml").write_text("name: [", encoding="utf-8")
    monkeypatch.setattr(manifest, "PROJECT", project)
    home = Home(base=tmp_path / "home").create()
    with pytest.raises(manifest.ManifestNotMade, match="dbt could not parse"):
        manifest.prepared_manifest(home)
    assert [path.name for path in home.dbt_manifests.iterdir()] == ["parse.lock"]
