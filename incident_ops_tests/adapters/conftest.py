"""A real Dagster instance on SQLite, and a tenant that can be made to fail."""

from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from incident_ops_tests.blank import blank_home


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    home = blank_home(tmp_path / "home")
    with dg.DagsterInstance.local_temp(str(home), overrides={"telemetry": {"enabled": False}}) as instance:
        yield instance


@pytest.fixture
def inject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    path = tmp_path / "faults"
    monkeypatch.setenv("TENANT_FAULTS", str(path))

    def write(*names: str) -> None:
        path.write_text("\n".join(names))

    return write
