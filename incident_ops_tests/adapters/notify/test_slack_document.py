"""The guide to the Slack app agrees with what the code asks Slack for, and what it says to write works."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

import incident_ops
from incident_ops.adapters.notify.slack import answers as answers
from incident_ops.adapters.notify.slack.actions import REASONS
from incident_ops.adapters.notify.slack.scopes import ALL, COMMAND, NOTE_SHORTCUT, NOTE_SHORTCUT_NAME
from incident_ops.config import not_yet_effective, parse_config
from incident_ops.web.slack import COMMANDS, EVENTS, INTERACTIVITY
from incident_ops_tests.fake_slack import FakeSlack

DOCUMENT = (Path(incident_ops.__file__).parent.parent / "docs" / "slack.md").read_text(encoding="utf-8")
BLOCKS = [
    textwrap.dedent(block) for block in re.findall(r"^ *```yaml\n(.*?)^ *```", DOCUMENT, re.MULTILINE | re.DOTALL)
]
MANIFEST: dict[str, Any] = yaml.safe_load(BLOCKS[0])
SOCKET_MODE: dict[str, Any] = yaml.safe_load(BLOCKS[1])


def address(path: str) -> str:
    return f"https://incidents.example.com{path}"


def test_the_manifest_asks_for_the_scopes_that_the_code_needs_and_no_others() -> None:
    assert MANIFEST["oauth_config"] == {"scopes": {"bot": list(ALL)}}
    explained = re.findall(r"^\| ((?:`[a-z:._]+`(?:, )?)+) \|", DOCUMENT, re.MULTILINE)
    assert sorted(scope for row in explained for scope in re.findall(r"`([^`]+)`", row)) == sorted(ALL)


def test_the_manifest_names_the_command_and_the_shortcut_that_the_code_answers() -> None:
    [command], [shortcut] = MANIFEST["features"]["slash_commands"], MANIFEST["features"]["shortcuts"]
    assert (command["command"], command["url"]) == (COMMAND, address(COMMANDS))
    assert (shortcut["callback_id"], shortcut["name"]) == (NOTE_SHORTCUT, NOTE_SHORTCUT_NAME)
    assert shortcut["type"] == "message"
    for usage in command["usage_hint"].split(" | "):
        assert any(f"`{COMMAND} {usage}`" in line for line in answers.HELP)


def test_people_can_reach_us_by_one_way_or_the_other() -> None:
    over_http, by_socket = MANIFEST["settings"], SOCKET_MODE["settings"]
    assert over_http["interactivity"] == {"is_enabled": True, "request_url": address(INTERACTIVITY)}
    assert by_socket["interactivity"] == {"is_enabled": True}
    assert (over_http["socket_mode_enabled"], by_socket["socket_mode_enabled"]) == (False, True)
    assert "event_subscriptions" not in over_http, "nothing of ours listens to events"
    assert address(EVENTS) in DOCUMENT
    assert MANIFEST["features"]["app_home"]["messages_tab_enabled"], "else nobody can be written to directly"


def test_the_manifest_is_within_slacks_limits() -> None:
    """docs.slack.dev, reference/app-manifest."""
    shown, features = MANIFEST["display_information"], MANIFEST["features"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert len(features["bot_user"]["display_name"]) <= 80
    [command], [shortcut] = features["slash_commands"], features["shortcuts"]
    assert len(command["description"]) <= 2_000
    assert len(command["usage_hint"]) <= 1_000
    assert len(shortcut["name"]) <= 24
    assert len(shortcut["description"]) <= 150
    assert len(shortcut["callback_id"]) <= 255


@pytest.mark.parametrize("configuration", BLOCKS[2:])
def test_each_configuration_is_valid_and_all_of_it_works(configuration: str) -> None:
    assert not_yet_effective(parse_config(configuration, file="docs/slack.md")) == []


COMMANDS_TO_RUN = re.findall(r"^ *\$ incident-ops (.+)$", DOCUMENT, re.MULTILINE)


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INCIDENT_OPS_")}
    command = [sys.executable, "-m", "incident_ops.cli", *arguments]
    return subprocess.run(command, env={**kept, **environ}, capture_output=True, text=True, timeout=120)


def test_the_command_that_answers_people_is_one_and_has_these_options() -> None:
    """It runs until it is stopped: here it only says what it takes."""
    [serving, _] = COMMANDS_TO_RUN
    done = run(*serving.split(), "--help")
    assert done.returncode == 0, done.stderr
    for option in re.findall(r"--[a-z\-]+", serving):
        assert option in done.stdout


def test_the_command_that_asks_slack_finds_everything_there(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    [_, asking] = COMMANDS_TO_RUN
    with FakeSlack(channels=["data-incidents"], scopes=ALL) as server:
        done = run(
            *asking.split(),
            DAGSTER_HOME=str(tmp_path),
            INCIDENT_OPS_SLACK_TOKEN=server.token,
            INCIDENT_OPS_SLACK_BASE_URL=server.base_url,
            INCIDENT_OPS_SLACK_SIGNING_SECRET="0123456789abcdef0123456789abcdef",
        )
        assert server.calls_of("auth.test")
        assert server.messages == []
    assert done.returncode == 0, done.stdout + done.stderr


def test_everything_that_can_be_pressed_is_told_of() -> None:
    for words in ("Acknowledge", "Assign…", "Resolve…", "What was it?", NOTE_SHORTCUT_NAME):
        assert f"*{words}*" in DOCUMENT
    assert len(REASONS) == 5
