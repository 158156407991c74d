"""The dbt manifest, made when it is missing: the only thing that loading the code location has to prepare.

A manifest is kept under a name derived from the content of the dbt project (and dbt's own version), so it is
never stale: changed sources have another name. It is written aside and renamed into place, and only one
process at a time parses, so webserver, daemon and run workers may all load at once on a fresh home.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from incident_ops.marketplace.home import Home
from incident_ops.marketplace.lock import exclusive

PROJECT = Path(__file__).parent / "dbt"
PARTIAL_PARSE = "partial_parse.msgpack"
PARSE_WAIT_SECONDS = 180.0
WAREHOUSE_VARIABLE = "MARKETPLACE_DUCKDB"
"""`profiles.yml` reads the path of the DuckDB file from it."""


class ManifestNotMade(RuntimeError):
    """dbt could not parse the project; the message carries what dbt said."""


def dbt_executable() -> Path:
    """The `dbt` of this very Python environment, which need not be on PATH; else the one on PATH."""
    beside = Path(sys.executable).with_name("dbt.exe" if os.name == "nt" else "dbt")
    if beside.exists():
        return beside
    if found := shutil.which("dbt"):
        return Path(found)
    raise FileNotFoundError(f"no dbt beside {sys.executable} and none on PATH: install dbt-core and dbt-duckdb")


@contextmanager
def dbt_environment(home: Home) -> Iterator[None]:
    """`profiles.yml` finds the warehouse of `home`; dagster-dbt offers no other way to hand it over.

    It reads profiles both in dbt's process and in ours, so the variable has to be in our own environment.
    """
    before = os.environ.get(WAREHOUSE_VARIABLE)
    os.environ[WAREHOUSE_VARIABLE] = str(home.warehouse)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(WAREHOUSE_VARIABLE, None)
        else:
            os.environ[WAREHOUSE_VARIABLE] = before


def prepared_manifest(home: Home) -> Path:
    """The path of an up-to-date `manifest.json`, parsing the project first (seconds) when there is none."""
    final = home.dbt_manifests / _fingerprint()
    if not final.exists():
        with exclusive(home.dbt_manifests / "parse.lock", timeout=PARSE_WAIT_SECONDS):
            if not final.exists():
                _parse(home, final)
    return final / "manifest.json"


def _fingerprint() -> str:
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')}".encode())
    for path in sorted(path for path in PROJECT.rglob("*") if path.is_file()):
        digest.update(f"\0{path.relative_to(PROJECT).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _parse(home: Home, final: Path) -> None:
    with tempfile.TemporaryDirectory(dir=home.dbt_manifests, prefix="parsing-") as workspace:
        target = Path(workspace) / "target"
        project = ["--project-dir", PROJECT, "--profiles-dir", PROJECT]
        places = ["--target-path", target, "--log-path", workspace]
        with dbt_environment(home):
            parsing = subprocess.run(
                [dbt_executable(), "--quiet", "parse", *project, *places],
                env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
                capture_output=True,
                text=True,
                check=False,
            )
        if parsing.returncode != 0:
            raise ManifestNotMade(f"dbt could not parse {PROJECT}:\n{parsing.stdout}{parsing.stderr}")
        target.rename(final)
