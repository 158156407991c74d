"""Real Dagster processes for tests: webserver, daemon, or both as `dagster dev` runs them.

Each is a context manager that gives a `Running` and ends the whole process group. What they run is a workspace
file of the test's own, on a home of the test's own.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import requests

from incident_ops_tests.waiting import wait_until

START_SECONDS = 90.0  # a workspace of three locations takes 5 s on an idle machine
STOP_SECONDS = 15.0

# A process started from a shell's background inherits ignored signals, and dagster's own children inherit them
# again: the defaults are restored before anything else runs. (`preexec_fn` would fork a process with threads.)
_LAUNCHER = (
    "import os, signal, sys\n"
    "for number in (signal.SIGINT, signal.SIGTERM):\n"
    "    signal.signal(number, signal.SIG_DFL)\n"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
)

_QUIET = "telemetry:\n  enabled: false\nnux:\n  enabled: false\n"


@dataclass(frozen=True)
class Running:
    """A process that was started. `url` is the webserver's, empty for a daemon alone."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def assert_alive(self) -> None:
        code = self.process.poll()
        assert code is None, f"the process ended with {code}:\n{self.tail()}"

    def stop(self) -> None:
        """SIGTERM to the group, then SIGKILL for whoever is left; waits until the leader is gone."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_home(folder: Path, dagster_yaml: str = "") -> Path:
    """A `DAGSTER_HOME` without telemetry; `dagster_yaml` is added to its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dagster.yaml").write_text(_QUIET + dagster_yaml)
    return folder


def make_workspace(folder: Path, locations: Mapping[str, str]) -> Path:
    """Location name → source of a Python file that has its `defs`; returns the workspace file."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["load_from:"]
    for name, source in locations.items():
        (folder / f"{name}.py").write_text(source)
        lines.append(f"  - python_file: {{relative_path: {name}.py, location_name: {name}}}")
    workspace = folder / "workspace.yaml"
    workspace.write_text("\n".join(lines) + "\n")
    return workspace


@contextmanager
def running_webserver(
    home: Path, workspace: Path, *, path_prefix: str = "", env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """A webserver that answers. `path_prefix` begins with a slash."""
    port = free_port()
    arguments = ["dagster_webserver", "-h", "127.0.0.1", "-p", str(port), "-w", str(workspace)]
    if path_prefix:
        arguments += ["--path-prefix", path_prefix]
    with _running(arguments, home, workspace.parent, "webserver", env, _address(port, path_prefix)) as webserver:
        wait_until_it_answers(webserver)
        yield webserver


@contextmanager
def running_daemon(home: Path, workspace: Path, *, env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """A daemon that was started; wait for what it does, not for it."""
    arguments = ["dagster._daemon", "run", "-w", str(workspace)]
    with _running(arguments, home, workspace.parent, "daemon", env, "") as daemon:
        yield daemon


@contextmanager
def running_dev(
    home: Path, workspace: Path, *, port: int | None = None, env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """`dagster dev`: webserver and daemon, once the webserver answers. `port` is for who must know it before."""
    port = port or free_port()
    arguments = ["dagster", "dev", "-h", "127.0.0.1", "-p", str(port), "-w", str(workspace)]
    with _running(arguments, home, workspace.parent, "dev", env, _address(port, "")) as dev:
        wait_until_it_answers(dev)
        yield dev


def wait_until_it_answers(webserver: Running, timeout: float = START_SECONDS) -> None:
    def answers() -> bool:
        webserver.assert_alive()
        try:
            return requests.get(f"{webserver.url}/server_info", timeout=5).ok
        except requests.ConnectionError:
            return False

    wait_until(answers, timeout, lambda: f"{webserver.url} answers; its log ends with\n{webserver.tail()}")


def _address(port: int, path_prefix: str) -> str:
    return f"http://127.0.0.1:{port}{path_prefix}"


@contextmanager
def _running(
    arguments: Sequence[str], home: Path, folder: Path, name: str, env: Mapping[str, str] | None, url: str
) -> Iterator[Running]:
    log = home / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCHER, "-m", *arguments],
            cwd=folder,
            env=_environment(home, env or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    running = Running(process=process, log=log, url=url)
    try:
        yield running
    finally:
        running.stop()


def _environment(home: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Ours, without what the caller's shell says of Dagster or of us."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER_", "INCIDENT_OPS_"))}
    return {**inherited, "DAGSTER_HOME": str(home), "NO_PROXY": "127.0.0.1,localhost", **extra}
