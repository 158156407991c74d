"""The command line on a home of the test's own, without a webserver and without an account anywhere."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.adapters.wiring import DATABASE_FILE
from incident_ops.cli import main
from incident_ops_tests.blank import blank_home, blank_store

NOBODY = "http://127.0.0.1:9"  # the port "discard": refused at once


@dataclass(frozen=True)
class Answer:
    """What a command printed and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class CommandLine:
    """Runs commands in this process; `home` is their `DAGSTER_HOME`."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Answer:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = self._capsys.readouterr()
        assert "Traceback" not in captured.err
        return Answer(int(ended.value.code or 0), captured.out, captured.err)

    def configure(self, text: str) -> Path:
        file = self.home / "incident_ops.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    @contextmanager
    def store(self) -> Iterator[SqlStore]:
        """What commands find; without it the first command makes the store, as for a newcomer."""
        with open_store(blank_store(self.home / DATABASE_FILE)) as opened:
            yield opened


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Sets variables (None unsets); nothing is inherited that says anything of Dagster or of us."""
    for variable in ("API_TOKEN", "CONFIG", "DATABASE_URL", "DAGSTER_URL"):
        monkeypatch.delenv(f"INCIDENT_OPS_{variable}", raising=False)
    for variable in ("TOKEN", "BASE_URL", "SIGNING_SECRET", "APP_TOKEN", "DEFAULT_CHANNEL"):
        monkeypatch.delenv(f"INCIDENT_OPS_SLACK_{variable}", raising=False)
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)

    def setting(**values: str | None) -> None:
        for name, value in values.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    setting(INCIDENT_OPS_DAGSTER_URL=NOBODY, DAGSTER_HOME=None)
    return setting


@pytest.fixture
def cli(environment: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    home = blank_home(tmp_path / "home")
    environment(DAGSTER_HOME=str(home))
    return CommandLine(home, capsys)
