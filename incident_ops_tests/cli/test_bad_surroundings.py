"""Bad input: one clear sentence with the remedy, exit code 2, and nothing lost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from incident_ops_tests.cli.conftest import CommandLine

CONFIGURATIONS = [
    # (file, what the sentence names)
    ("teams: [fin\n", ["incident_ops.yaml, line 2", "a bracket or a quote is not closed; close it"]),
    ("teams:\n\tfin: {}\n", ["incident_ops.yaml, line 2", "use spaces"]),
    ("- a\n- b\n", ["incident_ops.yaml, line 1", "write `key: value`"]),
    ("teams:\n  fin: {slak: '#fin'}\n", ["line 2", "teams.fin.slak is not a known key", 'did you mean "slack"?']),
    ("teams: fin\n", ["line 1", "teams must hold keys of its own", "write teams: {key: value}"]),
    ("resolve_after: 5 minutes\n", ["line 1", "resolve_after", "write it like 30s, 5m, 4h"]),
    ("route: {receiver: war-room}\n", ["line 1", "route.receiver: there is no receiver", "owner"]),
    ("consumers: {a/b: ['team:fni']}\n", ["line 1", "unknown team", "fni"]),
    ("teams: {fin: {slack: finance}}\n", ["line 1", "teams.fin.slack", "#finance"]),
    ("slack: {token: xoxb-1234-s3cret}\n", ["line 1", "slack.token", "{env: NAME}"]),
    ("severity: [{severity: SEV7, matchers: ['team=fin']}]\n", ["line 1", "SEV7", "SEV0, SEV1, SEV2, SEV3"]),
]


@pytest.mark.parametrize(("text", "named"), CONFIGURATIONS, ids=[text.strip()[:24] for text, _ in CONFIGURATIONS])
def test_a_mistake_in_the_file_is_named_and_the_list_is_printed_all_the_same(
    cli: CommandLine, text: str, named: list[str]
) -> None:
    cli.configure(text)
    answer = cli("list", "--json")
    assert (answer.code, answer.json) == (2, [])
    assert all(name in answer.err for name in named), answer.err
    assert "s3cret" not in answer.err


def test_an_unknown_file_is_named(cli: CommandLine, environment: Callable[..., None]) -> None:
    environment(INCIDENT_OPS_CONFIG="/nowhere/x.yaml")
    answer = cli("list")
    assert (answer.code, answer.out) == (2, "No open incident.\n")
    sentence = 'INCIDENT_OPS_CONFIG names "/nowhere/x.yaml", which does not exist'
    assert answer.err == f"{sentence}; correct the path or unset the variable.\n"


ROWS = {
    "nothing says where the database is": (
        {"DAGSTER_HOME": None},
        ["DAGSTER_HOME is not set", "set DAGSTER_HOME, or INCIDENT_OPS_DATABASE_URL"],
    ),
    "a home that does not exist": (
        {"DAGSTER_HOME": "/nowhere/home"},
        ['DAGSTER_HOME names "/nowhere/home", which is not a directory', "correct it or create it"],
    ),
    "a database that cannot be created": (
        {"INCIDENT_OPS_DATABASE_URL": "sqlite:////proc/nowhere/x.db"},
        ["/proc/nowhere/x.db cannot be created", "set INCIDENT_OPS_DATABASE_URL to another place"],
    ),
    "a database that does not answer": (
        {"INCIDENT_OPS_DATABASE_URL": "postgresql://ann:s3cret@127.0.0.1:9/x"},
        ["ann:***@127.0.0.1:9/x cannot be used", "make it reachable or set INCIDENT_OPS_DATABASE_URL"],
    ),
    "a database of a kind that we do not know": (
        {"INCIDENT_OPS_DATABASE_URL": "mysql://ann:s3cret@db/x"},
        ["mysql is not a driver we know", "postgresql+psycopg://"],
    ),
    "a URL that is none": ({"INCIDENT_OPS_DATABASE_URL": "s3cret"}, ["the database URL cannot be read"]),
    "a webserver's address that is none": (
        {"INCIDENT_OPS_DAGSTER_URL": "::"},
        ["INCIDENT_OPS_DAGSTER_URL", "is not a web address"],
    ),
}


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("command", ["list", "tick"])
def test_surroundings_that_cannot_be_used_are_one_sentence(
    cli: CommandLine, environment: Callable[..., None], row: str, command: str
) -> None:
    values, named = ROWS[row]
    environment(**values)
    answer = cli(command)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.count("\n") == 1, answer.err
    assert "s3cret" not in answer.err
    if command == "list" or not {"DAGSTER_HOME"} & set(values):
        assert all(name in answer.err for name in named), answer.err
    else:
        assert "DAGSTER_HOME" in answer.err
    assert not Path("/nowhere").exists()


def test_a_database_whose_secret_is_missing_is_not_replaced_by_an_empty_one(cli: CommandLine) -> None:
    """Incidents would be told again, into a store that nobody looks at."""
    cli.configure("database_url: {env: OUR_DATABASE}\n")
    for command in ("list", "tick"):
        answer = cli(command)
        assert (answer.code, answer.out) == (2, "")
        assert "database_url: the environment variable OUR_DATABASE is not set" in answer.err
    assert not (cli.home / "incident_ops.db").exists()


def test_a_broken_dagster_yaml_is_named(cli: CommandLine) -> None:
    (cli.home / "dagster.yaml").write_text("storage: [sqlite\n")
    answer = cli("tick")
    assert (answer.code, answer.out) == (2, "")
    assert f"{cli.home / 'dagster.yaml'}, line 2: this is not valid YAML" in answer.err


def test_a_folder_that_may_not_be_written_is_named(cli: CommandLine, environment: Callable[..., None]) -> None:
    """A file stands where the folder should be, which stops even root."""
    (cli.home / "data").write_text("")
    environment(INCIDENT_OPS_DATABASE_URL=f"sqlite:///{cli.home}/data/x.db")
    answer = cli("list")
    assert (answer.code, answer.out) == (2, "")
    assert "cannot be created" in answer.err


def test_a_file_that_is_no_database_is_named_and_left_alone(
    cli: CommandLine, environment: Callable[..., None]
) -> None:
    file = cli.home / "notes.txt"
    file.write_text("buy milk\n" * 200)
    environment(INCIDENT_OPS_DATABASE_URL=f"sqlite:///{file}")
    answer = cli("list")
    assert (answer.code, answer.out) == (2, "")
    assert "file is not a database" in answer.err
    assert file.read_text() == "buy milk\n" * 200
