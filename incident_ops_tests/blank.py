"""Empty databases, made once in a test process and copied from then on: to migrate them anew costs a test .3 s.

For tests that are about something else. Those of a first start, and of migrations, begin without any file.
"""

import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

import dagster as dg

from incident_ops.adapters.store import SqlStore, open_store
from incident_ops_tests.processes import make_home


def blank_store(file: Path) -> str:
    """Our own store, without a row; returns its URL. What is there already is used as it is."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_migrated_store(), file)
    return f"sqlite:///{file}"


@contextmanager
def empty_store(file: Path) -> Iterator[SqlStore]:
    """Our own store, without a row, open."""
    with open_store(blank_store(file)) as store, kept_open(file):
        yield store


@contextmanager
def kept_open(file: Path) -> Iterator[None]:
    """Our store opens a connection for each transaction, and SQLite empties its log into the file when the last
    one is closed, which takes as long as the transaction. With one that stays and does nothing it happens once."""
    with closing(sqlite3.connect(file)) as idle:
        idle.execute("SELECT 1 FROM sqlite_master").fetchone()  # it is opened by the first statement
        yield


def blank_home(folder: Path) -> Path:
    """A `DAGSTER_HOME` whose storage is there, without a run or an event; an existing one is left as it is."""
    if not (folder / "history").exists():
        shutil.copytree(_started_home(), folder, dirs_exist_ok=True)
    return folder


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="blank-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _migrated_store() -> Path:
    file = _folder() / "store.db"
    open_store(f"sqlite:///{file}").dispose()
    return file


@cache
def _started_home() -> Path:
    home = make_home(_folder() / "home")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert instance.get_run_records(limit=1) == []
    return home
