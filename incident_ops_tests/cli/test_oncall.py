"""`incident-ops oncall`: who is on call and when, across a change of the clocks, and what nobody covers."""

import pytest

from incident_ops_tests.cli.conftest import CommandLine

CONFIG = """
schedules:
  fin-primary:
    timezone: Europe/Berlin
    layers:
      - {rotation: weekly, handoff: "mon 09:00", start: 2026-01-05, members: [erin@acme.test, otto@acme.test]}
  office:
    timezone: UTC
    layers:
      - rotation: daily
        handoff: "09:00"
        start: 2026-01-05
        members: [nina@acme.test]
        restrict: {days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00"}
"""


@pytest.fixture
def office(cli: CommandLine) -> CommandLine:
    cli.configure(CONFIG)
    return cli


@pytest.mark.parametrize(
    ("schedule", "at", "on_call", "until"),
    [
        ("fin-primary", "2026-10-19T06:59:59Z", ["erin@acme.test"], "2026-10-19T07:00:00Z"),
        ("fin-primary", "2026-10-19T07:00Z", ["otto@acme.test"], "2026-10-26T08:00:00Z"),
        ("fin-primary", "2026-10-26T07:30:00Z", ["otto@acme.test"], "2026-10-26T08:00:00Z"),
        ("fin-primary", "2026-10-26T08:00:00", ["erin@acme.test"], "2026-11-02T08:00:00Z"),
        ("fin-primary", "2026-10-26T09:00:00+01:00", ["erin@acme.test"], "2026-11-02T08:00:00Z"),
        ("office", "2026-11-21T12:00Z", [], "2026-11-23T09:00:00Z"),
    ],
)
def test_who_is_on_call_is_told_with_the_end_of_the_turn(
    office: CommandLine, schedule: str, at: str, on_call: list[str], until: str
) -> None:
    """The hand-over is at nine in Berlin on both sides of the end of summer time; without a zone a time is UTC."""
    record = office("oncall", "who", schedule, "--at", at, "--json").json
    assert record == {"schedule": schedule, "on_call": on_call, "until": until}


def test_without_a_schedule_all_are_told(office: CommandLine) -> None:
    records = office("oncall", "who", "--at", "2026-11-21T12:00Z", "--json").json
    assert [(record["schedule"], record["on_call"]) for record in records] == [
        ("fin-primary", ["otto@acme.test"]),
        ("office", []),
    ]
    assert office("oncall", "who", "--at", "2026-11-21T12:00Z").out.splitlines() == [
        "fin-primary: otto@acme.test until Mon 2026-11-23 09:00 CET",
        "office: nobody until Mon 2026-11-23 09:00 UTC",
    ]


def test_where_there_are_no_schedules_it_says_so(cli: CommandLine) -> None:
    assert cli("oncall", "who").out == "No schedule is configured.\n"
    assert cli("oncall", "who", "--json").json == []


def test_shifts_are_told_by_both_clocks(office: CommandLine) -> None:
    arguments = ("oncall", "shifts", "fin-primary", "--from", "2026-10-20", "--until", "2026-11-01")
    record = office(*arguments, "--json").json
    assert (record["schedule"], record["timezone"], record["gaps"]) == ("fin-primary", "Europe/Berlin", [])
    assert record["shifts"] == [
        {
            "member": "otto@acme.test",
            "begins": "2026-10-20T00:00:00Z",
            "ends": "2026-10-26T08:00:00Z",
            "begins_local": "2026-10-20T02:00:00+02:00",
            "ends_local": "2026-10-26T09:00:00+01:00",
        },
        {
            "member": "erin@acme.test",
            "begins": "2026-10-26T08:00:00Z",
            "ends": "2026-11-01T00:00:00Z",
            "begins_local": "2026-10-26T09:00:00+01:00",
            "ends_local": "2026-11-01T01:00:00+01:00",
        },
    ]
    assert [line.split() for line in office(*arguments).out.splitlines()][1] == [
        *(["Tue", "2026-10-20", "02:00", "CEST", "Mon", "2026-10-26", "09:00", "CET"]),
        *(["2026-10-20", "00:00", "to", "2026-10-26", "08:00", "otto@acme.test"]),
    ]


def test_gaps_stand_in_the_list_as_nobody(office: CommandLine) -> None:
    arguments = ("oncall", "shifts", "office", "--from", "2026-11-20T09:00Z", "--until", "2026-11-23T12:00Z")
    assert [line.split()[-1] for line in office(*arguments).out.splitlines()[1:]] == [
        "nina@acme.test",
        "nobody",
        "nina@acme.test",
    ]
    [gap] = office(*arguments, "--json").json["gaps"]
    assert (gap["begins"], gap["ends"]) == ("2026-11-20T18:00:00Z", "2026-11-23T09:00:00Z")


def test_the_period_is_two_weeks_unless_told_otherwise(office: CommandLine) -> None:
    shifts = office("oncall", "shifts", "fin-primary", "--from", "2026-11-02T08:00Z", "--json").json["shifts"]
    assert [shift["ends"] for shift in shifts] == ["2026-11-09T08:00:00Z", "2026-11-16T08:00:00Z"]


@pytest.mark.parametrize("command", ["who", "shifts"])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("fin-primry", "did you mean fin-primary?"),
        ("nights", "the configuration has fin-primary, office"),
    ],
)
def test_an_unknown_schedule_is_one_sentence_with_what_is_meant(
    office: CommandLine, command: str, name: str, says: str
) -> None:
    answer = office("oncall", command, name)
    assert (answer.code, answer.out, answer.err) == (1, "", f'there is no schedule "{name}"; {says}\n')


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["who", "office", "--at", "noon"], "Invalid value for --at"),
        (["shifts"], "SCHEDULE"),
        (["shifts", "office", "--from", "monday"], "Invalid value for --from"),
        (
            ["shifts", "office", "--from", "2026-11-20", "--until", "2026-11-20"],
            "the period ends before it begins",
        ),
    ],
)
def test_wrong_usage_says_what_is_right(office: CommandLine, arguments: list[str], says: str) -> None:
    answer = office("oncall", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.err
