"""Fixtures for every test folder."""

import gc
import os

import pytest
from hypothesis import settings

from incident_ops_tests.postgres import (
    _migrated_template,
    migrated_postgres_url,
    postgres_server,
    postgres_url,
)

__all__ = ["_migrated_template", "migrated_postgres_url", "postgres_server", "postgres_url"]

# The same few examples each time, and no deadline: a test must not fail because the machine was busy. Others, and
# many more of them, are drawn with `HYPOTHESIS_PROFILE=thorough`.
settings.register_profile("suite", deadline=None, derandomize=True, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

_LONGEST = ("live/test_demo.py", "marketplace/test_refresh.py", "live/test_real_dagster.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: of two workers, one would wait for the other's if it began last."""

    def turn(item: pytest.Item) -> int:
        path = item.path.as_posix()
        return next((n for n, file in enumerate(_LONGEST) if path.endswith(file)), len(_LONGEST))

    items.sort(key=turn)


def pytest_collection_finish() -> None:
    """What is imported by now stays: a million objects that Python's garbage collector would walk over hundreds of
    times. Left alone it takes a sixth of the suite's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_unconfigure() -> None:
    """At the end all of it may go: libraries complain of what outlives them."""
    gc.unfreeze()
