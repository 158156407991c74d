"""`incident-ops demo`: the main job before your eyes. A fresh Dagster home, both code locations under `dagster
dev`, a healthy marketplace, then a fault, and the incident that comes of it.

Everything that happens is the real thing: the run is launched through the webserver, the sensors find the failure.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import requests

from incident_ops.adapters.dagster_links import incident_url
from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.adapters.wiring import DATABASE_FILE
from incident_ops.core.delivery import Delivery, DeliveryStatus
from incident_ops.core.errors import IncidentOpsError
from incident_ops.core.incident import Incident
from incident_ops.core.message import digest_line
from incident_ops.core.notices import Action
from incident_ops.core.status import Status

FAULT = "null_prices"
PATIENCE = 300.0
LOCATIONS = ("incident_ops", "marketplace")
EVERYTHING, STRUCK = "refresh", "refresh_finance"
"""The orders are finance's: what other domains built stays good, and is at risk until the fault is healed."""

_DAGSTER_YAML = """\
telemetry: {enabled: false}
nux: {enabled: false}
sensors: {use_threads: true, num_workers: 4}
schedules: {use_threads: true, num_workers: 4}
run_monitoring: {enabled: true}
run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}
"""

_INCIDENT_OPS_YAML = """\
route: {group_wait: 5s}  # 30 s by default; here somebody is watching
"""

_WORKSPACE_YAML = """\
load_from:
  - python_module: {module_name: incident_ops.definitions, location_name: incident_ops}
  - python_module: {module_name: incident_ops.marketplace.definitions, location_name: marketplace}
"""

_LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries {
  name loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } } }"""

_LAUNCH = """mutation($job: String!) { launchRun(executionParams: {selector: {
  repositoryLocationName: "marketplace", repositoryName: "__repository__", jobName: $job}}) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""

_RUN = """query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"""

# What dagster's processes inherit from a shell may ignore signals; with the defaults they stop when told to.
_LAUNCHER = (
    "import os, signal, sys\n"
    "for number in (signal.SIGINT, signal.SIGTERM):\n"
    "    signal.signal(number, signal.SIG_DFL)\n"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
)


class DemoFailed(IncidentOpsError):
    """The demo could not go on; the sentence says where to look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A running `dagster dev` on a home of its own."""

    home: Path
    url: str
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> Path:
        return self.home / "dagster-dev.log"

    def ask(self, query: str, **variables: str) -> Mapping[str, Any]:
        answer = requests.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=30)
        answer.raise_for_status()
        return answer.json()["data"]

    def wait_for(self, what: str, condition: Callable[[], Any]) -> Any:
        """The condition's first true value; on a terminal the seconds are counted meanwhile."""
        begun = time.monotonic()
        while not (value := condition()):
            waited = time.monotonic() - begun
            if self.process.poll() is not None or waited > PATIENCE:
                raise DemoFailed(f"{what}: gave up after {waited:.0f} s; the log is {self.log}")
            if sys.stdout.isatty():
                click.echo(f"\r  {what} … {waited:.0f} s", nl=False)
            with suppress(subprocess.TimeoutExpired):  # waits half a second, or until Dagster ends
                self.process.wait(0.5)
        start = "\r" if sys.stdout.isatty() else ""
        click.echo(f"{start}  {what}: {time.monotonic() - begun:.0f} s      ")
        return value


def run_demo(*, home: Path | None, exit_after: bool, port: int) -> None:
    """Start, break, show; then heal on request, until interrupted.

    Args:
        home: kept afterwards; without one a temporary home is used, and removed at the end.
        exit_after: stop once the incident was shown and has resolved.
    """
    _require_the_marketplace()
    with _home(home) as folder, _dagster_dev(folder, port) as stage:
        click.echo(f"Dagster UI: {stage.url}   (home: {stage.home})")
        stage.wait_for("code locations load", lambda: _loaded(stage))
        store = open_store(f"sqlite:///{stage.home / DATABASE_FILE}")
        try:
            _perform(stage, store, exit_after=exit_after)
            if home is not None:
                click.echo(f"Look again: DAGSTER_HOME={stage.home} incident-ops show INC-1")
        finally:
            store.dispose()


def _perform(stage: Stage, store: SqlStore, *, exit_after: bool) -> None:
    click.echo("\n1. A healthy marketplace: ingestion, dbt, dashboards, checks")
    _run(stage, EVERYTHING)
    stage.wait_for("owners and lineage are known", lambda: len(store.catalog()))
    click.echo(f"\n2. A fault: {FAULT} (prices from one app version arrive as null)")
    _faults(stage, "inject", FAULT)
    _run(stage, STRUCK)
    stage.wait_for("an incident, and all who should know are told", lambda: _told(store))
    click.echo("\n3. What came of it\n")
    _present(stage, store)
    if not exit_after:
        click.echo("Press Enter to heal the data and watch it resolve; Ctrl-C to stop.")
        sys.stdin.readline()
    click.echo("\n4. Healed at the source, and run again")
    _faults(stage, "heal")
    _run(stage, STRUCK)
    stage.wait_for("everything is resolved and told", lambda: not _open(store) and not store.unfinished())
    click.echo()
    for resolved in reversed(store.incidents()):
        click.echo(f"  {digest_line(resolved)}")
    click.echo()
    if not exit_after:
        click.echo(f"Dagster goes on at {stage.url} until Ctrl-C.")
        stage.process.wait()


def _present(stage: Stage, store: SqlStore) -> None:
    for incident in reversed(_open(store)):
        click.echo(f"  {digest_line(incident)}")
        click.echo(f"    {incident.summary}")
        told = [d for d in store.deliveries(incident.number) if d.status is DeliveryStatus.ACCEPTED]
        for line in dict.fromkeys(f"{d.destination} {_what_is_told(d, incident)}" for d in told):
            click.echo(f"    told: {line}")
        if not told:
            click.echo("    told: nobody (recorded and listed)")
        click.echo(f"    look: {incident_url(incident, stage.url)}")
    click.echo(
        f"\n  in a terminal: DAGSTER_HOME={stage.home} incident-ops list   (or show INC-1, inbox, ack INC-1)\n"
    )


def _open(store: SqlStore) -> list[Incident]:
    return store.incidents(statuses=[status for status in Status if status.is_open])


def _what_is_told(delivery: Delivery, incident: Incident) -> str:
    """The owner has the incident; those who use the data, and those at risk, have a message of their own."""
    if delivery.action is Action.TELL:
        return f"({textwrap.shorten(delivery.text.splitlines()[0], 80, placeholder=' …')})"
    return f"(owner {incident.owner or 'unknown'})"


def _told(store: SqlStore) -> Incident | None:
    """An open incident of which its owner has heard, and those who use the data, and nobody is still to hear."""
    for incident in _open(store):
        deliveries = store.deliveries(incident.number)
        heard = {d.action for d in deliveries if d.status is DeliveryStatus.ACCEPTED}
        if heard >= {Action.POST, Action.TELL} and not store.unfinished():
            return incident
    return None


def _loaded(stage: Stage) -> bool:
    try:
        entries = stage.ask(_LOCATIONS)["workspaceOrError"].get("locationEntries", [])
    except requests.ConnectionError:
        return False
    for entry in entries:
        problem = entry["locationOrLoadError"] or {}
        if problem.get("__typename") == "PythonError":
            raise DemoFailed(f"code location {entry['name']} does not load: {problem['message'].strip()}")
    return {e["name"] for e in entries if e["loadStatus"] == "LOADED"} >= set(LOCATIONS)


def _run(stage: Stage, job: str) -> None:
    launched = stage.ask(_LAUNCH, job=job)["launchRun"]
    if launched["__typename"] != "LaunchRunSuccess":
        raise DemoFailed(f"job {job} was not launched: {launched.get('message', launched['__typename'])}")
    run_id = launched["run"]["runId"]

    def ended() -> str | None:
        status = stage.ask(_RUN, id=run_id)["runOrError"]["status"]
        return status if status in ("SUCCESS", "FAILURE", "CANCELED") else None

    status = stage.wait_for(f"run of job {job}", ended)
    click.echo(f"  {status.lower()}: {stage.url}/runs/{run_id}")


def _faults(stage: Stage, *arguments: str) -> None:
    command = [sys.executable, "-m", "incident_ops.marketplace.faults", *arguments]
    subprocess.run(command, env=_environment(stage.home, stage.url), check=True, stdout=subprocess.DEVNULL)


def _require_the_marketplace() -> None:
    try:
        import dagster_dbt  # noqa: F401
        import duckdb  # noqa: F401
    except ImportError as error:
        raise DemoFailed(f"the demo needs {error.name}: pip install 'incident-ops[marketplace]'") from error


@contextmanager
def _home(home: Path | None) -> Iterator[Path]:
    folder = home.absolute() if home else Path(tempfile.mkdtemp(prefix="incident-ops-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "dagster.yaml": _DAGSTER_YAML,
        "incident_ops.yaml": _INCIDENT_OPS_YAML,
        "workspace.yaml": _WORKSPACE_YAML,
    }
    for name, text in files.items():
        if not (folder / name).exists():
            (folder / name).write_text(text)
    try:
        yield folder
    finally:
        if home is None:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _dagster_dev(home: Path, port: int) -> Iterator[Stage]:
    port = _free(port)
    url = f"http://127.0.0.1:{port}"
    arguments = ["dagster", "dev", "-h", "127.0.0.1", "-p", str(port), "-w", str(home / "workspace.yaml")]
    with (home / "dagster-dev.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCHER, "-m", *arguments],
            cwd=home,
            env=_environment(home, url),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Stage(home=home, url=url, process=process)
    except KeyboardInterrupt:
        click.echo("\nStopping Dagster.")
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)


def _free(port: int) -> int:
    """`port`, or a free one when somebody listens there."""
    for wanted in (port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise DemoFailed("no free port on 127.0.0.1")


def _environment(home: Path, url: str) -> dict[str, str]:
    """Ours, on the demo's home; somebody's own configuration or database is left alone."""
    kept = {k: v for k, v in os.environ.items() if k not in ("INCIDENT_OPS_CONFIG", "INCIDENT_OPS_DATABASE_URL")}
    return {**kept, "DAGSTER_HOME": str(home), "INCIDENT_OPS_DAGSTER_URL": url, "PYTHONUNBUFFERED": "1"}
