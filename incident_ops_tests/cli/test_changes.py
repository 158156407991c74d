"""Roles and follow-ups on the command line; what is asked for twice."""

import pytest

from incident_ops.core.catalog import Catalog
from incident_ops.core.routing import RoutingRules
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.triage import triage
from incident_ops_tests.builders import T0, make_alert, minutes
from incident_ops_tests.cli.conftest import CommandLine

KNOWLEDGE = Knowledge(
    catalog=Catalog(), policy=Policy(routing=RoutingRules(sink="inbox", default_channel="#data")), installed_at=T0
)
JIRA = """\
  - name: {name}
    jira: {{url: https://jira.test, token: {{env: JIRA_TOKEN}}, project: DATA}}
"""


@pytest.fixture
def one(cli: CommandLine) -> CommandLine:
    """INC-1 is open."""
    with cli.store() as store:
        triage(store, [make_alert("a/b")], KNOWLEDGE, now=minutes(1))
    return cli


def timeline(cli: CommandLine) -> list[str]:
    """What people did."""
    entries = cli("show", "1", "--json").json["timeline"]
    return [entry["text"] for entry in entries if entry["by"] != "incident_ops"]


def jira(cli: CommandLine, *names: str) -> None:
    cli.configure("receivers:\n" + "".join(JIRA.format(name=name) for name in names))


# ---- roles


def test_a_role_is_taken_handed_over_and_laid_down(one: CommandLine) -> None:
    taken = one("role", "INC-1", "commander", "--by", "ann")
    assert (taken.code, taken.out) == (0, "INC-1: commander ann, communicator nobody\n")
    handed = one("role", "INC-1", "commander", "bob", "--by", "ann", "--json").json
    assert (handed["commander"], handed["communicator"]) == ("bob", None)
    assert one("role", "INC-1", "communicator", "--by", "ann").code == 0
    off = one("role", "INC-1", "commander", "--off", "--by", "bob")
    assert off.out == "INC-1: commander nobody, communicator ann\n"
    assert timeline(one)[-4:] == [
        "ann is commander",
        "bob is commander, after ann (by ann)",
        "ann is communicator",
        "bob is no longer commander (by bob)",
    ]
    assert "commander" in one("role", "--help").out


# ---- follow-ups


def test_a_follow_up_is_owed_to_the_only_receiver_with_jira(one: CommandLine) -> None:
    jira(one, "tasks")
    asked = one("follow-up", "INC-1", "add a test", "--by", "ann")
    assert (asked.code, asked.out) == (0, "INC-1: follow-up for tasks: add a test\n")
    owed = [d for d in one("show", "1", "--json").json["deliveries"] if d["action"] == "tell"]
    assert [d["to"] for d in owed] == ["jira:tasks"]
    assert timeline(one)[-1] == "follow-up for tasks: add a test"
    assert one("follow-up", "INC-1", "write it up", "--json").json["id"] == "INC-1"


def test_of_several_one_is_named(one: CommandLine) -> None:
    jira(one, "tasks", "other")
    assert one("follow-up", "INC-1", "x").code == 2
    assert one("follow-up", "INC-1", "x", "--receiver", "other").out == "INC-1: follow-up for other: x\n"


# ---- what cannot be done


@pytest.mark.parametrize(
    ("first", "again", "sentence"),
    [
        ("ack INC-1 --by ann", "ack INC-1 --by ann", "INC-1 is acknowledged already: you have it"),
        ("ack INC-1 --by ann", "ack INC-1 --by bob", "INC-1 is acknowledged already: ann has it"),
        ("assign INC-1 bob", "assign INC-1 bob", "INC-1 is assigned to bob already"),
        ("severity INC-1 SEV1 --by ann", "severity INC-1 SEV1", "INC-1 is SEV1 already, set by ann"),
        ("role INC-1 commander ann", "role INC-1 commander ann", "ann is commander of INC-1 already"),
        ("snooze INC-1 --until 2100-01-01", "snooze INC-1 --until 2100-01-01", "INC-1 is snoozed already, until"),
        ("note INC-1 x --by ann", "note INC-1 x --by ann", "INC-1 has this note already, since"),
    ],
)
def test_what_is_so_already_is_said_and_changes_nothing(
    one: CommandLine, first: str, again: str, sentence: str
) -> None:
    assert one(*first.split()).code == 0
    before = timeline(one)
    answer = one(*again.split())
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(sentence) and answer.err.count("\n") == 1
    assert timeline(one) == before


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ("role INC-1 commander --off", 1, "nobody is commander of INC-1"),
        ("role INC-1 commander bob --off", 2, "--off lays the role down; leave out WHO"),
        ("role INC-1 chief", 2, "'chief' is not one of 'commander', 'communicator'"),
        ("role INC-9 commander", 1, "there is no incident INC-9"),
        (
            "follow-up INC-1 x",
            2,
            "no receiver leads to Jira, where follow-ups go: add one with jira to receivers.",
        ),
        ("follow-up INC-9 x", 2, "no receiver leads to Jira"),
        ("follow-up INC-1", 2, "Missing argument 'TEXT'"),
        ("snooze INC-1 --off", 1, "INC-1 is not snoozed"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(one: CommandLine, arguments: str, code: int, sentence: str) -> None:
    answer = one(*arguments.split())
    assert (answer.code, answer.out) == (code, "")
    assert sentence in answer.err
