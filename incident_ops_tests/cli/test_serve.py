"""`incident-ops serve` as a process: it says what is on, takes what Slack sends, and stops when told to."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.adapters.wiring import DATABASE_FILE, utc_now
from incident_ops.core.catalog import Catalog
from incident_ops.core.routing import OWNER, RouteNode, RoutingRules
from incident_ops.core.status import Status
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.triage import triage
from incident_ops.web.server import listen
from incident_ops_tests.blank import blank_home, blank_store
from incident_ops_tests.builders import make_alert
from incident_ops_tests.cli.conftest import NOBODY, CommandLine
from incident_ops_tests.waiting import wait_until
from incident_ops_tests.web.serving import SECRET, Slack
from incident_ops_tests.web.socket_slack import APP_TOKEN, SocketSlack

SECONDS = 60.0
HIDDEN = ("DAGSTER_", "INCIDENT_OPS_")


class Served:
    """A running `incident-ops serve`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self._log = process, log

    @property
    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    @property
    def url(self) -> str:
        wait_until(lambda: "Socket Mode" in self.said or self.process.poll() is not None, SECONDS, "it serves")
        assert self.process.poll() is None, self.said
        return self.said.partition("serves ")[2].partition(",")[0]

    def told_to_stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit code."""
        self.process.send_signal(number)
        return self.process.wait(15)


@contextmanager
def serving(home: Path, *arguments: str, **variables: str) -> Iterator[Served]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(HIDDEN)}
    environment = {"DAGSTER_HOME": str(home), "INCIDENT_OPS_DAGSTER_URL": NOBODY, "PYTHONUNBUFFERED": "1"}
    log = home / "serve.log"
    # What a shell starts in its background ignores SIGINT, and so would we.
    launcher = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    launcher += "from incident_ops.cli import main; main(sys.argv[1:])"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", launcher, "serve", "--port", "0", *arguments],
            cwd=home,
            env={**inherited, **environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Served(process, log)
    finally:
        process.kill()
        process.wait(SECONDS)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return blank_home(tmp_path / "home")


@pytest.fixture
def store(home: Path) -> Iterator[SqlStore]:
    with open_store(blank_store(home / DATABASE_FILE)) as opened:
        yield opened


def test_it_says_what_is_off_and_why_and_stops_when_told_to(home: Path) -> None:
    with serving(home) as served:
        page = requests.get(served.url, timeout=10)
        assert page.status_code == 200 and "No open incident" in page.text
        view = {"asset": "a/b", "viewer": "ceo@shop.example"}
        answer = requests.post(f"{served.url}/api/views", json=view, timeout=10)
        assert (answer.status_code, answer.json()) == (202, {"taken": 1, "unknown": ["a/b"]})
        assert served.told_to_stop(signal.SIGINT) == 0
        first, *others = served.said.splitlines()
    assert first.endswith(f", with the incidents of sqlite+pysqlite:///{home / DATABASE_FILE}")
    assert others == [
        "  Slack over HTTP: off: INCIDENT_OPS_SLACK_SIGNING_SECRET is not set",
        "  Slack over Socket Mode: off: INCIDENT_OPS_SLACK_APP_TOKEN is not set",
        "  Views of assets: on, at /api/views, without a token, on this machine only",
        "stopped",
    ]


def test_a_press_over_http_and_over_socket_mode(home: Path, store: SqlStore) -> None:
    with SocketSlack(channels=["data-incidents"]) as slack:
        secrets = {
            "INCIDENT_OPS_SLACK_TOKEN": slack.token,
            "INCIDENT_OPS_SLACK_BASE_URL": slack.base_url,
            "INCIDENT_OPS_SLACK_SIGNING_SECRET": SECRET,
            "INCIDENT_OPS_SLACK_APP_TOKEN": APP_TOKEN,
            "INCIDENT_OPS_API_TOKEN": "token-of-the-portal",
        }
        opened(store, "orders", "web")
        with serving(home, **secrets) as served:
            url = served.url
            assert Slack(url).interacts(acknowledges("INC-1", slack)).status_code == 200
            slack.wait_for_connection()
            assert slack.asks("interactive", acknowledges("INC-2", slack)) == {"envelope_id": "e-1"}
            for post in ("INC-1", "INC-2"):
                wait_until(lambda post=post: yellow(slack, post), SECONDS, f"{post} is yellow")
            assert requests.post(f"{url}/api/views", json={}, timeout=10).status_code == 401
            page = requests.get(url, timeout=10).text
            assert served.told_to_stop() == 0
    assert {incident.status for incident in store.incidents()} == {Status.ACKNOWLEDGED}
    assert "on, at /slack/interactivity, /slack/commands and /slack/events" in served.said
    assert "on, connected" in page
    assert "on, at /api/views, with a token" in page
    for secret in (slack.token, SECRET, APP_TOKEN, "secret-ticket", "token-of-the-portal"):
        assert secret not in served.said + page


def opened(store: SqlStore, *assets: str) -> None:
    now = utc_now()
    at_once = RouteNode(path="route", receiver=OWNER, group_wait=timedelta(0))
    rules = RoutingRules(sink="slack", default_channel="#data-incidents", tree=at_once)
    knowledge = Knowledge(catalog=Catalog(), policy=Policy(routing=rules), installed_at=now)
    for asset in assets:
        triage(store, [make_alert(asset, now)], knowledge, now=now)


def acknowledges(incident: str, slack: SocketSlack) -> dict[str, object]:
    return {
        "type": "block_actions",
        "user": {"id": "U1ANN", "username": "ann"},
        "response_url": slack.response_url,
        "actions": [{"action_id": "incident_acknowledge", "value": incident}],
    }


def yellow(slack: SocketSlack, incident: str) -> bool:
    return any(post.headline.startswith(f"🟡 {incident}") for post in slack.posts())


# ---- what keeps it from serving


def test_a_broken_configuration_is_told_and_the_last_good_one_serves(home: Path, store: SqlStore) -> None:
    """And without the bot's token nothing that Slack sends could be answered."""
    (home / "incident_ops.yaml").write_text("tems: {}\n")
    with serving(home, INCIDENT_OPS_SLACK_SIGNING_SECRET=SECRET) as served:
        assert requests.get(f"{served.url}/healthz", timeout=10).json() == {"status": "ok"}
        assert requests.post(f"{served.url}/slack/commands", timeout=10).status_code == 404
        assert served.told_to_stop() == 2
    assert 'line 1: tems is not a known key; did you mean "teams"?' in served.said
    assert "Slack over HTTP: off: INCIDENT_OPS_SLACK_TOKEN is not set" in served.said


def test_a_port_that_is_taken_is_one_sentence(cli: CommandLine) -> None:
    with listen("127.0.0.1", 0) as taken:
        answer = cli("serve", "--port", str(taken.getsockname()[1]))
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert answer.err.startswith("nobody can listen on 127.0.0.1:")


def test_a_token_that_slack_cannot_have_given_is_one_sentence(
    cli: CommandLine, environment: Callable[..., None]
) -> None:
    environment(INCIDENT_OPS_SLACK_TOKEN="xoxb-1", INCIDENT_OPS_SLACK_APP_TOKEN="xapp 1")
    answer = cli("serve", "--port", "0")
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert answer.err.startswith("INCIDENT_OPS_SLACK_APP_TOKEN is empty or has characters no token has")
    assert "xapp 1" not in answer.err
