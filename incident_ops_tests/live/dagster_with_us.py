"""A real Dagster for tests: webserver and daemon with our location and a stranger's, and a Slack beside them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from incident_ops.adapters.store import SqlStore, open_store
from incident_ops_tests.fake_slack import FakeMessage, FakeSlack
from incident_ops_tests.live.webserver import Tick, Webserver
from incident_ops_tests.processes import Running, free_port, make_home, running_dev
from incident_ops_tests.waiting import wait_until

PATIENCE = 60.0
CHECKOUT = Path(__file__).parents[2]

# The queue of runs would add up to 5 s to each.
_DAGSTER_YAML = """sensors: {use_threads: true, num_workers: 4}
run_coordinator: {module: dagster._core.run_coordinator, class: DefaultRunCoordinator}
"""

_WORKSPACE = """load_from:
  - python_module: {module_name: incident_ops.definitions, location_name: incident_ops}
  - python_module:
      module_name: incident_ops_tests.tenant
      location_name: tenant
      working_directory: %s
"""


@dataclass(frozen=True, kw_only=True)
class DagsterWithUs:
    """The running whole.

    Attributes:
        faults: the file that says what fails in the stranger's location.
    """

    home: Path
    faults: Path
    slack: FakeSlack
    processes: Running
    webserver: Webserver
    store: SqlStore

    def breaks(self, *names: str) -> None:
        self._set_faults(self._faults() | set(names))

    def heals(self, *names: str) -> None:
        self._set_faults(self._faults() - set(names))

    def _faults(self) -> set[str]:
        return set(self.faults.read_text().split())

    def _set_faults(self, names: set[str]) -> None:
        self.faults.write_text("\n".join(sorted(names)))

    def runs(self, *assets: str) -> str:
        """Builds the stranger's assets in a real run and waits for its end; returns the run's id."""
        run_id = self.webserver.launch("tenant", *assets)
        wait_until(
            lambda: self.webserver.status(run_id) in ("SUCCESS", "FAILURE"),
            PATIENCE,
            lambda: f"the run of {assets} ends; the log ends with\n{self.processes.tail()}",
        )
        return run_id

    def posts_about(self, subject: str) -> list[FakeMessage]:
        """Top-level messages, in any channel, whose headline names `subject`."""
        return [post for post in self.slack.posts() if f" {subject}:" in post.headline]

    def waits_for_post_about(self, subject: str) -> FakeMessage:
        wait_until(
            lambda: self.posts_about(subject),
            PATIENCE,
            lambda: f"Slack hears of {subject}; the log ends with\n{self.processes.tail()}",
        )
        return self.posts_about(subject)[0]

    def waits_until_all_sensors_ticked(self, *, times: int = 2) -> None:
        """Whatever more could come of what has happened by now, has come."""
        since = datetime.now(tz=UTC).timestamp()
        wait_until(
            lambda: all(len(begun_since(since, ticks)) >= times for ticks in self.ticks().values()),
            PATIENCE,
            lambda: f"each sensor ticks {times} times; the log ends with\n{self.processes.tail()}",
            pause=0.5,
        )

    def ticks(self) -> dict[str, Sequence[Tick]]:
        """Sensor → its ended ticks, oldest first."""
        return {name: sensor.ended for name, sensor in self.webserver.sensors("incident_ops").items()}

    def command(self, *arguments: str) -> Any:
        """What `incident-ops … --json` prints, in a process of its own on the same home."""
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER_", "INCIDENT_OPS_"))}
        done = subprocess.run(
            [sys.executable, "-m", "incident_ops.cli", *arguments, "--json"],
            cwd=self.home,
            env={**environ, "DAGSTER_HOME": str(self.home)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def begun_since(moment: float, ticks: Sequence[Tick]) -> list[Tick]:
    return [tick for tick in ticks if tick.at > moment]


@contextmanager
def dagster_with_us(folder: Path) -> Iterator[DagsterWithUs]:
    """Everything is up, nothing has failed yet, and the owners of the stranger's assets are known."""
    home = make_home(folder / "home", _DAGSTER_YAML)
    (home / "incident_ops.yaml").write_text("route: {group_wait: 3s}")
    faults = folder / "faults"
    faults.write_text("")
    workspace = folder / "workspace.yaml"
    workspace.write_text(_WORKSPACE % json.dumps(str(CHECKOUT)))
    port = free_port()
    with FakeSlack() as slack:
        env = {
            "INCIDENT_OPS_SLACK_TOKEN": slack.token,
            "INCIDENT_OPS_SLACK_BASE_URL": slack.base_url,
            "INCIDENT_OPS_DAGSTER_URL": f"http://127.0.0.1:{port}",
            "TENANT_FAULTS": str(faults),
        }
        with running_dev(home, workspace, port=port, env=env) as processes:
            store = _store_in(home, processes)
            try:
                _wait_for_owners(store, processes)
                yield DagsterWithUs(
                    home=home,
                    faults=faults,
                    slack=slack,
                    processes=processes,
                    webserver=Webserver(processes.url),
                    store=store,
                )
            finally:
                store.dispose()


def _store_in(home: Path, processes: Running) -> SqlStore:
    file = home / "incident_ops.db"
    wait_until(file.exists, PATIENCE, lambda: f"a sensor makes our database; the log:\n{processes.tail()}")
    return open_store(f"sqlite:///{file}")


def _wait_for_owners(store: SqlStore, processes: Running) -> None:
    """The daemon may tick before the webserver answers; until then a post would go to the default channel."""
    wait_until(
        lambda: any(node.owners for node in store.catalog().nodes),
        2 * PATIENCE,
        lambda: f"the catalog is read ({store.value('catalog trouble')}); the log:\n{processes.tail()}",
    )
