"""Reading and acting on the command line: JSON that other programs rely on, sentences, exit codes."""

import json
from collections.abc import Callable

import pytest

from incident_ops.adapters.store import migrate
from incident_ops.core.catalog import Catalog
from incident_ops.core.routing import RoutingRules
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.triage import triage
from incident_ops_tests.builders import T0, make_alert, make_recovery, minutes
from incident_ops_tests.cli.conftest import CommandLine

LISTED = {
    "id", "title", "status", "severity", "priority", "nature", "cause_class", "owner", "started_at", "detected_at",
    "resolved_at", "root", "members", "alert_count", "flaky", "labels",
}  # fmt: skip
SHOWN = LISTED | {"suspects", "impact", "audience", "attribution", "timeline", "deliveries"}

POLICY = Policy(routing=RoutingRules(sink="inbox", default_channel="#data-incidents"))
KNOWLEDGE = Knowledge(catalog=Catalog(), policy=POLICY, installed_at=T0)


@pytest.fixture
def two(cli: CommandLine) -> CommandLine:
    """INC-1 is open, INC-2 resolved itself."""
    other = make_alert("x/y", summary="π ≠ 3 — falsch")
    with cli.store() as store:
        observations = [make_alert("a/b", partition="p1", materialization=42), other, make_recovery(other)]
        triage(store, observations, KNOWLEDGE, now=minutes(6))
    return cli


# ---- reading


def test_an_empty_store_says_so(cli: CommandLine) -> None:
    assert cli("list").out == "No open incident.\n"
    assert cli("list", "--all").out == "No incident.\n"
    assert cli("inbox").out == "The inbox is empty.\n"
    assert (cli("list", "--json").json, cli("inbox", "--json").json) == ([], [])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["INC-1"]),
        (["--all"], ["INC-2", "INC-1"]),
        (["--status", "resolved"], ["INC-2"]),
        (["--status", "resolved", "--status", "triggered"], ["INC-2", "INC-1"]),
        (["--status", "acknowledged"], []),
    ],
)
def test_list_shows_what_is_open_unless_asked_otherwise(
    two: CommandLine, options: list[str], expected: list[str]
) -> None:
    answer = two("list", *options, "--json")
    assert ([incident["id"] for incident in answer.json], answer.code, answer.err) == (expected, 0, "")
    printed = two("list", *options).out
    assert all(incident in printed for incident in expected)


def test_list_prints_the_promised_shape(two: CommandLine) -> None:
    [incident] = two("list", "--json").json
    assert set(incident) >= LISTED
    assert incident["root"].items() >= {"asset": "a/b", "partition": "p1", "materialization": 42}.items()
    assert incident["members"][0].items() >= {
        "asset": "a/b", "check": "not_null", "kind": "check_failed", "partition": "p1", "hops": 0,
    }.items()  # fmt: skip
    assert (incident["started_at"], incident["resolved_at"]) == ("2026-11-20T09:00:00Z", None)


def test_show_prints_the_promised_shape(two: CommandLine) -> None:
    record = two("show", "INC-1", "--json").json
    assert set(record) >= SHOWN
    assert set(record["impact"]) >= {"tainted", "at_risk", "healed", "consumers", "viewers"}
    assert [set(entry) for entry in record["timeline"]] == [{"at", "kind", "text", "by"}] * 2
    assert record["timeline"][0]["kind"] == "opened"
    assert record["deliveries"][0].items() >= {"to": "inbox:#data-incidents", "action": "post"}.items()


@pytest.mark.parametrize("name", ["INC-2", "inc-2", "2"])
def test_an_incident_is_found_by_any_way_of_writing_it(two: CommandLine, name: str) -> None:
    printed = two("show", name).out
    assert "INC-2  SEV2  resolved  x/y: check not_null failed" in printed
    assert "π ≠ 3 — falsch" in printed
    assert "Timeline" in printed


@pytest.mark.parametrize("name", ["INC-7", "0", "INC-", "nonsense", "-1", "INC-99999999999999999999999999"])
@pytest.mark.parametrize("command", [["show"], ["note", "--by", "ann"]])
def test_an_unknown_incident_is_one_sentence_and_exit_code_1(
    two: CommandLine, command: list[str], name: str
) -> None:
    answer = two(*command, "--", name, *(["text"] if command[0] == "note" else []))
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.count("\n") == 1
    assert "there is no incident" in answer.err


# ---- acting


def test_the_life_of_an_incident_by_hand(two: CommandLine) -> None:
    assert two("ack", "INC-1", "--by", "ann").out == "INC-1 is acknowledged, SEV2, assignee ann\n"
    assert two("assign", "INC-1", "bob", "--by", "ann").out == "INC-1 is acknowledged, SEV2, assignee bob\n"
    assert two("severity", "INC-1", "SEV0", "--by", "ann").out == "INC-1 is acknowledged, SEV0, assignee bob\n"
    assert two("note", "INC-1", "schöner Fehler", "--by", "ann").code == 0
    ended = two("resolve", "INC-1", "--reason", "false_positive", "--by", "bob", "--json")
    assert ended.json["status"] == "resolved"
    assert (ended.json["resolution"], ended.json["priority"]) == ("false_positive", "P0")
    told = [(entry["kind"], entry["by"]) for entry in two("show", "1", "--json").json["timeline"]][2:]
    assert told == [
        ("acknowledged", "ann"),
        ("assigned", "ann"),
        ("severity", "ann"),
        ("note", "ann"),
        ("resolved", "bob"),
    ]
    assert two("list").out == "No open incident.\n"


def test_what_ended_by_itself_is_classified_by_resolving_it_with_a_reason(two: CommandLine) -> None:
    first = two("resolve", "INC-2", "--reason", "false_positive", "--by", "ann")
    assert (first.code, first.out) == (0, "INC-2 is resolved, classified as false_positive, SEV2, assignee none\n")
    again = two("resolve", "INC-2", "--reason", "false_positive", "--by", "ann")
    assert (again.code, again.err) == (1, "INC-2 is resolved already, as false alarm, by ann\n")
    assert (
        two("resolve", "INC-2", "--reason", "expected", "--by", "bob", "--json").json["resolution"] == "expected"
    )
    told = [e["text"] for e in two("show", "2", "--json").json["timeline"] if e["kind"] == "classified"]
    assert told == ["classified by ann as false_positive", "classified by bob as expected (was false_positive)"]


def test_what_was_merged_is_over_for_good(two: CommandLine) -> None:
    with two.store() as store:
        triage(store, [make_alert("c/d")], KNOWLEDGE, now=minutes(7))
    assert two("merge", "INC-1", "INC-3").code == 0
    assert two("resolve", "INC-3", "--reason", "fixed").code == 1


def test_a_snoozed_incident_says_so_until_somebody_ends_it(two: CommandLine) -> None:
    snoozed = two("snooze", "INC-1", "--until", "2100-01-01T00:00Z", "--by", "ann")
    assert snoozed.out == "INC-1 is snoozed until 2100-01-01 00:00 UTC\n"
    told = [(e["kind"], e["text"]) for e in two("show", "1", "--json").json["timeline"]]
    assert ("snoozed", "snoozed by ann until 2100-01-01 00:00 UTC") in told
    assert two("snooze", "INC-1", "--for", "2h", "--by", "ann", "--json").json["snoozed_until"].endswith("Z")
    assert two("snooze", "INC-1", "--off", "--by", "bob").out == "INC-1 is no longer snoozed\n"
    assert two("show", "1", "--json").json["timeline"][-1]["text"] == "snooze ended by bob"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["ack", "INC-2"], "INC-2 is resolved already"),
        (["snooze", "INC-2", "--for", "2h"], "INC-2 is resolved already"),
    ],
)
def test_an_illegal_move_is_one_sentence_and_changes_nothing(
    two: CommandLine, arguments: list[str], sentence: str
) -> None:
    before = two("show", "INC-2", "--json").json["timeline"]
    answer = two(*arguments)
    assert (answer.code, answer.out, answer.err) == (1, "", f"{sentence}\n")
    assert two("show", "INC-2", "--json").json["timeline"] == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["resolve", "INC-1"], "--reason"),
        (["resolve", "INC-1", "--reason", "FIXED"], "fixed"),
        (["resolve", "INC-1", "--reason", "because"], "false_positive"),
        (["snooze", "INC-1"], "either --for 2h or --until"),
        (["snooze", "INC-1", "--for", "2h", "--until", "2030-01-01"], "either --for 2h or --until"),
        (["snooze", "INC-1", "--off", "--for", "2h"], "leave out --for and --until"),
        (["snooze", "INC-1", "--for", "soon"], '"soon" is not a duration'),
        (["snooze", "INC-1", "--for", "999999w"], "is too long"),
        (["snooze", "INC-1", "--for", "0m"], "has passed already"),
        (["snooze", "INC-1", "--until", "2020-01-01"], "2020-01-01 00:00 UTC has passed already"),
        (["severity", "INC-1", "SEV9"], "SEV3"),
        (["list", "--status", "open"], "triggered"),
        (["lst"], "No such command"),
        (["show"], "ID"),
        (["tick", "--at", "yesterday"], "write it like 2026-11-20T09:00:00Z"),
    ],
)
def test_wrong_usage_says_what_is_right_and_has_exit_code_2(
    two: CommandLine, arguments: list[str], said: str
) -> None:
    answer = two(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


@pytest.mark.parametrize("arguments", [["--help"], ["list", "-h"], ["--version"]])
def test_help_is_no_error(cli: CommandLine, arguments: list[str]) -> None:
    assert cli(*arguments).code == 0


# ---- database and configuration


def test_upgrade_creates_the_database_and_may_be_repeated(cli: CommandLine) -> None:
    first, second = cli("db", "upgrade"), cli("db", "upgrade")
    assert (
        (first.out, first.code)
        == (second.out, second.code)
        == (f"the database is at revision {migrate.HEAD}\n", 0)
    )
    assert cli("list", "--json").json == []


def test_upgrade_has_json_too(cli: CommandLine) -> None:
    assert cli("db", "upgrade", "--json").json == {"revision": migrate.HEAD}


def test_postgresql_is_used_after_an_upgrade(
    cli: CommandLine, environment: Callable[..., None], postgres_url: str
) -> None:
    environment(INCIDENT_OPS_DATABASE_URL=postgres_url)
    before = cli("list")
    assert before.code == 2
    assert "run `incident-ops db upgrade`" in before.err
    assert cli("db", "upgrade").code == 0
    assert cli("list", "--json").json == []


def test_the_configuration_is_checked_with_what_is_missing_and_what_has_no_effect(cli: CommandLine) -> None:
    assert cli("config", "check").out == "no file: the defaults hold: ok\n"
    file = cli.configure("slack: {token: {env: MY_TOKEN}}\nteams: {fin: {slack: '#fin', timezone: UTC}}\n")
    answer = cli("config", "check", "--json")
    assert (answer.json["file"], answer.json["ok"], answer.code) == (str(file), True, 0)
    assert "slack.token: the environment variable MY_TOKEN is not set" in answer.json["notes"][0]
    assert str(file) in cli("config", "check").out
    cli.configure(
        "schedules: {unused: {timezone: UTC, layers: [{rotation: daily, members: [a@b.c], start: 2026-01-01, "
        "handoff: '09:00', restrict: {from: '09:00', to: '18:00'}}]}}\n"
    )
    unused = cli("config", "check", "--json").json["notes"]
    assert any("incident_ops.yaml, line 1: schedules.unused: nobody is on call for" in note for note in unused)
    cli.configure("tems: {}\n")
    broken = cli("config", "check")
    assert (broken.code, broken.out) == (2, "")
    assert 'line 1: tems is not a known key; did you mean "teams"?' in broken.err


def test_what_is_printed_for_programs_is_one_document_of_readable_json(two: CommandLine) -> None:
    out = two("list", "--all", "--json").out
    assert "π ≠ 3 — falsch" in out, "not \\u escapes"
    assert json.loads(out)
