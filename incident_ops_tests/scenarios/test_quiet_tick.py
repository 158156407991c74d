"""Cost grows with new events, not with history: a tick in which nothing happens does the same work for ever.

Counted in SQL statements and in instructions of SQLite's virtual machine, so that a busy machine changes nothing.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import event

from incident_ops_tests.adapters.store.test_cost import with_history
from incident_ops_tests.scenarios.story import Story, telling

LITTLE, MUCH = 10, 20_000


@dataclass
class Cost:
    statements: int = 0
    steps: int = 0


@contextmanager
def counted(story: Story) -> Iterator[Cost]:
    """What is asked of our own database meanwhile."""
    cost = Cost()
    engine = story.store._database.engine

    def step() -> int:
        cost.steps += 1
        return 0

    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_progress_handler(step, 100)

    def executed(*_: object) -> None:
        cost.statements += 1

    event.listen(engine, "connect", connected)
    event.listen(engine, "before_cursor_execute", executed)
    try:
        yield cost
    finally:
        event.remove(engine, "connect", connected)
        event.remove(engine, "before_cursor_execute", executed)


def quiet_tick(story: Story) -> None:
    assert story.tick().as_record() == {
        "alerts": 0,
        "opened": [],
        "updated": [],
        "resolved": [],
        "delivered": 0,
        "pending": 0,
    }


def tick_with_a_failure(story: Story) -> None:
    story.reports_check("orders", "not_null", passed=False)
    assert story.tick().triaged.opened != ()


def reading_everything(story: Story) -> None:
    assert len(story.store.incidents()) > LITTLE


def costs(folder: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Story], None]) -> list[Cost]:
    """What `act` costs with a little history and with much."""
    found: list[Cost] = []
    for history in (LITTLE, MUCH):
        with telling(folder / str(history), monkeypatch) as story:
            with_history(story.store, history)
            story.knows_the_catalog()
            story.tick()
            story.later(seconds=5)
            with counted(story) as cost:
                act(story)
            found.append(cost)
    return found


@pytest.mark.parametrize("act", [quiet_tick, tick_with_a_failure])
def test_a_tick_costs_the_same_with_ten_resolved_incidents_and_with_20000(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Story], None]
):
    little, much = costs(tmp_path, monkeypatch, act)
    assert little.statements > 0
    assert much.statements == little.statements
    assert much.steps <= little.steps * 1.5 + 10


def test_work_that_grows_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The control: without it the test above could pass by looking away."""
    little, much = costs(tmp_path, monkeypatch, reading_everything)
    assert much.steps > little.steps * 100
