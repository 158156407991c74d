"""Programs that tests run as processes of their own: `python -m incident_ops_tests.adapters.store.workers`.

Each says `ready`, waits for a line, does its part, and says what came of it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import incident_ops_tests
from incident_ops.adapters.store import open_store
from incident_ops.core.notices import Action
from incident_ops_tests.adapters.store.values import LEASE, notice
from incident_ops_tests.builders import make_alert, make_incident, minutes


def open_it(url: str) -> None:
    """Opens the store at the same moment as the others."""
    _wait()
    with open_store(url) as store:
        print(len(store.incidents()))


def claim_all(url: str) -> None:
    """Claims until nothing is left, and prints the ids."""
    with open_store(url) as store:
        _wait()
        while claimed := store.claim(now=minutes(1), lease=LEASE, limit=7):
            print(*(delivery.id for delivery in claimed))


def count_up(url: str) -> None:
    """Reads, adds one and writes, fifty times."""
    with open_store(url) as store:
        _wait()
        for _ in range(50):
            with store.transaction() as tx:
                tx.save_cursor("count", str(int(tx.cursor("count") or 0) + 1), now=minutes(0))
        print("counted")


def hang_inside(url: str) -> None:
    """Writes everything that triage would, and never commits."""
    with open_store(url) as store, store.transaction() as tx:
        alert = make_alert("a/b")
        tx.save(make_incident(tx.allocate_number(), alert))
        tx.add_alert(alert, 1)
        tx.enqueue([notice(1, Action.POST, "p")], now=minutes(0))
        tx.save_cursor("tail", "1", now=minutes(0))
        _wait()


def _wait() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


@contextmanager
def running(program: str, url: str) -> Iterator[Popen[str]]:
    """The program as a process that has said `ready`; ended with the block."""
    command = [sys.executable, "-m", __name__, program, url]
    root = Path(incident_ops_tests.__file__).parents[1]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def answer_of(process: Popen[str]) -> str:
    """Lets the program go on, and gives what it said; it must have ended well."""
    said, _ = process.communicate("go\n", timeout=120)
    assert process.returncode == 0
    return said


if __name__ == "__main__":
    programs = {program.__name__: program for program in (open_it, claim_all, count_up, hang_inside)}
    programs[sys.argv[1]](sys.argv[2])
