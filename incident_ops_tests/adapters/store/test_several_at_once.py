"""Threads, processes, and processes that are killed."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.adapters.store.migrate import HEAD
from incident_ops.core.notices import Action
from incident_ops.core.status import EntryKind
from incident_ops_tests.adapters.store.values import LEASE, SLACK, notice, opened_for, owe
from incident_ops_tests.adapters.store.workers import answer_of, running
from incident_ops_tests.builders import minutes


def together(program: str, url: str, count: int) -> list[str]:
    """What `count` processes said that were let go at the same moment."""
    with ExitStack() as stack:
        processes = [stack.enter_context(running(program, url)) for _ in range(count)]
        pool = stack.enter_context(ThreadPoolExecutor(count))
        return list(pool.map(answer_of, processes))


def owe_many(store: SqlStore, count: int) -> set[int]:
    opened_for(store, "a/b")
    for n in range(count):
        opened_for(store, f"many/{n}")
    owe(store, *(notice(n + 2, Action.POST, f"p{n}", to=replace(SLACK, address=f"#{n}")) for n in range(count)))
    return {delivery.id for n in range(count) for delivery in store.deliveries(n + 2)}


def test_threads_that_share_a_store_never_claim_the_same_delivery(store: SqlStore):
    owed = owe_many(store, 60)

    def claim_all(_: int) -> list[int]:
        mine: list[int] = []
        while claimed := store.claim(now=minutes(1), lease=LEASE, limit=3):
            mine += [delivery.id for delivery in claimed]
        return mine

    with ThreadPoolExecutor(4) as pool:
        claimed = [number for mine in pool.map(claim_all, range(4)) for number in mine]
    assert sorted(claimed) == sorted(owed)


def test_processes_never_claim_the_same_delivery(store: SqlStore, store_url: str):
    owed = owe_many(store, 60)
    claimed = [int(word) for said in together("claim_all", store_url, 3) for word in said.split()]
    assert sorted(claimed) == sorted(owed)


def test_writers_in_several_processes_do_not_undo_each_other(store: SqlStore, store_url: str):
    together("count_up", store_url, 3)
    with store.transaction() as tx:
        assert tx.cursor("count") == "150"


def test_reading_sees_what_is_committed_and_does_not_wait_for_a_writer(store: SqlStore):
    opened_for(store, "a/b")
    with store.transaction() as tx:
        tx.save(tx.incident(1).acknowledged(by="ana", at=minutes(1)))
        tx.save_cursor("tail", "1", now=minutes(0))
        assert store.incident(1).assignee is None
        assert store.timeline(1)[-1].by != "ana"
        assert store.claim(now=minutes(1), lease=LEASE, limit=5) == [], "a quiet tick takes no lock"
    assert store.incident(1).assignee == "ana"


def test_a_transaction_inside_a_transaction_is_refused_at_once(store: SqlStore):
    """It would wait for itself, half a minute long."""
    with pytest.raises(RuntimeError, match="inside a transaction"), store.transaction():
        store.set_value("a", "1", now=minutes(0))
    store.set_value("a", "2", now=minutes(0))
    assert store.value("a") == "2"


def test_a_process_killed_inside_a_transaction_leaves_nothing_half_written(
    store: SqlStore, store_url: str, open_another: Callable[[], SqlStore]
):
    with running("hang_inside", store_url) as process:
        process.kill()  # SIGKILL
        process.wait()
    again = open_another()
    for each in (store, again):
        assert each.incidents() == []
        assert each.timeline(1) == []
        assert each.unfinished() == 0
    with again.transaction() as tx:
        assert tx.cursor("tail") is None
        assert tx.allocate_number() == 1


def test_processes_that_open_a_fresh_file_at_once_all_find_it_ready(tmp_path: Path):
    file = tmp_path / "not" / "yet" / "there.db"
    assert together("open_it", f"sqlite:///{file}", 6) == ["0\n"] * 6
    with closing(sqlite3.connect(file)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
        assert raw.execute("SELECT version_num FROM incident_ops_version").fetchall() == [(HEAD,)]


def test_threads_that_open_a_fresh_file_at_once_all_find_it_ready(tmp_path: Path):
    def open_and_use(n: int) -> int:
        with open_store(f"sqlite:///{tmp_path / 'fresh.db'}") as store, store.transaction() as tx:
            return tx.allocate_number()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(open_and_use, range(6))) == [1, 2, 3, 4, 5, 6]


def test_a_store_shared_by_threads_serves_them_all(store: SqlStore):
    for n in range(8):
        opened_for(store, f"a/{n}")

    def work(n: int) -> int:
        for minute in range(5):
            with store.transaction() as tx:
                tx.save(tx.incident(n + 1).noted(EntryKind.NOTE, f"{minute}", at=minutes(minute)))
            assert store.incident(n + 1).revision == minute + 2
        return len(store.timeline(n + 1))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [6] * 8
