"""`incident-ops simulate`: the recorded alerts through a changed configuration, and nothing but an answer."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from incident_ops.adapters.wiring import DATABASE_FILE, in_force, policy_of, surroundings_of
from incident_ops.core.alert import AlertKind
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.triage import triage
from incident_ops_tests.builders import make_alert
from incident_ops_tests.cli.conftest import CommandLine

CONFIG = """
teams: {fin: {slack: "#fin-data", timezone: Europe/Berlin}}
people: {erin@acme.test: {slack: U0ERIN}}
route: {receiver: owner, group_wait: 0s, repeat_interval: 1h}
budget: {pushes: 100}
"""


@pytest.fixture
def storm(cli: CommandLine) -> CommandLine:
    """An asset that has failed every hour for twelve hours, up to an hour ago."""
    cli.configure(CONFIG)
    now = datetime.now(tz=UTC)
    began = now - timedelta(hours=12, minutes=30)
    catalog = Catalog([AssetNode(key="orders", owners=("team:fin",))], fetched_at=now)
    with cli.store() as store:
        store.save_catalog(catalog)
        policy = policy_of(in_force(surroundings_of(None), now=now).settings)
        knowledge = Knowledge(catalog=catalog, policy=policy, installed_at=began)
        for hour in range(12):
            at = began + timedelta(hours=hour)
            triage(store, [make_alert("orders", at, kind=AlertKind.RUN_FAILED)], knowledge, now=at)
    return cli


def changed(cli: CommandLine, text: str) -> str:
    file = cli.home / "changed.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_it_counts_pushes_per_recipient_before_and_after(storm: CommandLine) -> None:
    file = changed(storm, CONFIG.replace("1h", "6h"))
    record = storm("simulate", "--since", "2d", "--config", file, "--json").json
    [fin] = record["recipients"]
    assert (fin["recipient"], fin["timezone"], fin["before"], fin["after"]) == (
        "#fin-data",
        "Europe/Berlin",
        13,
        3,
    )
    assert len(fin["days"]) == 3 and sum(day["after"] for day in fin["days"]) == 3
    assert record["replayed"]["alerts"] == 12
    assert (record["before"]["incidents"], record["before"]["posts"], record["before"]["pushes"]) == (1, 1, 13)
    assert record["config"] == file


def test_without_a_changed_file_it_counts_what_the_one_in_force_pushes(storm: CommandLine) -> None:
    record = storm("simulate", "--since", "2d", "--json").json
    assert (record["after"], record["recipients"][0]["after"], record["recipients"][0]["before"]) == (
        None,
        None,
        13,
    )


def test_the_table_shows_both_with_bars_and_the_change(storm: CommandLine) -> None:
    answer = storm("simulate", "--since", "2d", "--config", changed(storm, CONFIG.replace("1h", "6h")))
    assert answer.code == 0
    assert "12 alerts" in answer.out
    [before, after] = [line for line in answer.out.splitlines() if "before " in line or "after " in line][:2]
    assert before.split()[:2] == ["#fin-data", "before"] and "█" in before
    assert "-77%" in after


def test_a_file_that_cannot_be_used_is_refused_with_file_line_and_key(storm: CommandLine) -> None:
    answer = storm("simulate", "--config", changed(storm, "route: {reciever: owner}\n"))
    assert (answer.code, answer.out) == (2, "")
    assert "changed.yaml, line 1" in answer.err and "receiver" in answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--config", "nowhere.yaml"), "nowhere.yaml"),
        (("--since", "yesterday"), '"yesterday" is not a duration'),
        (("--since", "0d"), "still to come"),
        (("--since", "2100-01-01"), "still to come"),
        (("--since", "900000w"), "too long"),
    ],
)
def test_bad_input_is_told_in_a_sentence(storm: CommandLine, arguments: tuple[str, ...], said: str) -> None:
    answer = storm("simulate", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


def test_where_nothing_was_recorded_it_says_so(cli: CommandLine) -> None:
    answer = cli("simulate", "--json")
    assert answer.code == 0
    assert "no alert was recorded since" in answer.err
    assert answer.json["recipients"] == []
    assert "Nobody would have been pushed." in cli("simulate").out


def test_it_leaves_the_store_as_it_was(storm: CommandLine) -> None:
    before = _dumped(storm.home)
    assert storm("simulate", "--config", changed(storm, "budget: {pushes: 0}")).code == 0
    assert _dumped(storm.home) == before


def _dumped(home: Path) -> list[str]:
    with sqlite3.connect(home / DATABASE_FILE) as connection:
        return [line for line in connection.iterdump() if "INSERT" in line]
