"""What YAML makes of innocent text, and what a broken file is answered with."""

# ruff: noqa: E501 (a sentence is easier to compare with the screen in one piece)

from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incident_ops.config import Config, parse_config
from incident_ops.core.errors import ConfigError
from incident_ops_tests.config.problems import FILE, problems_of


def read(text: str) -> Config:
    return parse_config(text, file=FILE)


def test_a_time_of_day_needs_no_quotes() -> None:
    """YAML 1.1 reads `18:30` as 1110, in base sixty."""
    hours = read("teams: {fin: {working_hours: {from: 09:00, to: 18:30}}}").teams["fin"].working_hours
    assert hours is not None
    assert (hours.from_, hours.to) == (time(9), time(18, 30))


def test_dates_with_and_without_quotes_are_the_same() -> None:
    """YAML 1.1 turns some of them into dates, and quietly moves an offset to UTC and drops it."""
    windows = {
        read(f"maintenance: [{{matchers: [a=b], from: {begin}, until: 2026-12-03T00:00Z}}]")
        .maintenance[0]
        .window[0]
        for begin in ("2026-12-01T22:00Z", '"2026-12-01T22:00Z"', "2026-12-01 23:00+01:00", "2026-12-01T22:00:00Z")
    }
    assert windows == {datetime(2026, 12, 1, 22, tzinfo=UTC)}


def test_no_and_off_are_words_and_not_answers() -> None:
    """A team called `no` (Norway) would otherwise be the team False."""
    config = read("environment: off\nteams: {no: {lead: on@acme.test}, yes: {}, 007: {}, ~: {}, true: {}}")
    assert config.environment == "off"
    assert list(config.teams) == ["no", "yes", "007", "~", "true"]


def test_no_where_a_day_or_a_channel_is_expected_is_refused_as_the_word_it_is() -> None:
    """The person reads what was written, not `False`."""
    assert problems_of("teams: {fin: {slack: off, working_hours: {days: [no]}}}") == (
        f'{FILE}, line 1: teams.fin.slack: "off" is not a Slack channel; write "#off", or its id, such as C0123456789.',
        f'{FILE}, line 1: teams.fin.working_hours.days[0]: "no" is not one of mon, tue, wed, thu, fri, sat, sun; '
        "write one of these.",
    )


@pytest.mark.parametrize(
    ("word", "expected"), [("yes", True), ("on", True), ("true", True), ("no", False), ("off", False)]
)
def test_yes_and_no_are_answers_where_a_question_is_asked(word: str, expected: bool) -> None:
    """People who come from Alertmanager write `continue: yes`."""
    assert read(f"route: {{routes: [{{continue: {word}}}]}}").route.routes[0].continue_ is expected


def test_a_channel_without_quotes_is_a_comment_and_the_sentence_says_so() -> None:
    """The commonest mistake: `slack: #fin` is an empty key, and the incident would go to the default."""
    expected = 'slack is empty, because an unquoted # begins a comment; put the value in quotes, "#…".'
    assert problems_of("teams:\n  fin:\n    slack: #fin-data\n") == (f"{FILE}, line 3: teams.fin.{expected}",)
    assert problems_of("receivers:\n- name: a\n  slack:\n    channel: #a") == (
        f"{FILE}, line 4: receivers[0].slack.channel is empty, because an unquoted # begins a comment; "
        'put the value in quotes, "#…".',
    )


def test_anchors_aliases_and_merges_work() -> None:
    """Files with many teams are written with them."""
    config = read(
        "teams:\n  fin: &team\n    timezone: Europe/Berlin\n    slack: '#fin'\n  web: {<<: *team, slack: '#web'}\n  ops: *team\n"
        "  all: {<<: [{slack: '#first'}, *team]}"
    )
    assert {name: team.slack for name, team in config.teams.items()} == {
        "fin": "#fin",
        "web": "#web",
        "ops": "#fin",
        "all": "#first",
    }
    assert {str(team.timezone) for team in config.teams.values()} == {"Europe/Berlin"}


def test_a_key_beside_a_merge_keeps_its_own_line() -> None:
    """The line of the anchor would send the person to the wrong team."""
    text = "teams:\n  fin: &team\n    slack: '#fin'\n  web:\n    <<: *team\n    slack: web"
    assert problems_of(text)[0].startswith(f"{FILE}, line 6: teams.web.slack: ")


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    """Editors on Windows add both."""
    assert read("\ufeffenvironment: test\r\nteams:\r\n  fin: {}\r\n").environment == "test"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("teams:\n\tfin: {}", "line 2: a tab is used for indentation; use spaces."),
        ("a: 1\nteams: {}\na: 2", "line 3: a is written twice, first in line 1; keep one of them."),
        (
            "teams:\n  fin:\n    lead: a@acme.test\n    lead: b@acme.test",
            "line 4: teams.fin.lead is written twice, first in line 3; keep one of them.",
        ),
        (
            "teams: {fin: {lead: [}}",
            "line 1: a bracket or comma stands where a value should be; close brackets in the order in which they "
            "were opened.",
        ),
        (
            "teams: {fin: {slack: #fin}}",
            "line 1: a bracket or a quote is not closed; close it, and put values that begin with # in quotes.",
        ),
        (
            'environment: "prod',
            "line 1: a bracket or a quote is not closed; close it, and put values that begin with # in quotes.",
        ),
        (
            "environment: a: b",
            "line 1: there is a second colon or wrong indentation here; indent the line like its neighbours or put "
            "the value in quotes.",
        ),
        (
            "teams:\n  fin: {}\n web: {}",
            "line 3: the indentation does not fit the lines above; indent it like its neighbours.",
        ),
        (
            "environment: @prod",
            "line 1: a value begins with a character that YAML reserves; put the value in quotes.",
        ),
        (
            "environment: *prod",
            "line 1: a value begins with * and no such anchor is defined; put the value in quotes.",
        ),
        (
            "environment: !prod x",
            "line 1: a value begins with ! (a YAML tag), which has no meaning here; remove the ! or put the value in "
            "quotes.",
        ),
        (
            "environment: !!python/object/apply:os.system [ls]",
            "line 1: environment: this is not text; put it in quotes, if it is meant.",
        ),
        ("environment: a\n---\nenvironment: b", "line 2: there is a second document after ---; keep everything in one."),
        ("- a\n- b", "line 1: the file must consist of keys and values; write `key: value`."),
        ("hello", "line 1: the file must consist of keys and values; write `key: value`."),
        ("teams:\n  x: \x00", "line 2: there is a control character here; remove it."),
        ("teams:\n  ? [a]\n  : {}", "line 2: teams has a key that is not a word; write `key: value`."),
        ("teams: {a: {<<: 3}}", "line 1: << takes in a mapping; write `<<: *anchor`."),
        (
            "route: &r {routes: [*r]}",
            "line 1: an anchor contains itself; write the value out instead of its * alias.",
        ),
        ("route: " + "{routes: [" * 2000, "line 1: the file is nested too deeply; flatten it."),
    ],
)  # fmt: skip
def test_what_is_not_yaml_is_answered_with_one_sentence_and_its_line(text: str, expected: str) -> None:
    """PyYAML's own message is five lines long and speaks of block mappings and flow nodes."""
    if "a: 1" in text:
        assert f"{FILE}, {expected}" in problems_of(text)
    else:
        assert problems_of(text) == (f"{FILE}, {expected}",)


def test_aliases_of_aliases_do_not_fill_the_memory() -> None:
    """Nine lines can unfold into a billion values."""
    laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
    )
    (problem,) = problems_of(laughs)
    assert problem.endswith("the file unfolds into too many values; use fewer * aliases.")


_LINES = (Path(__file__).parent / "full.yaml").read_text(encoding="utf-8").splitlines()
_SCRAPS = [
    "",
    "~",
    "[]",
    "{}",
    "- x",
    "a: b",
    "x: {",
    "]",
    "*a",
    "&a",
    "!t",
    "#",
    '"',
    "1",
    "true",
    "\t",
    "\x07",
    "ä",
    "<<: 1",
]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(_LINES) - 1), st.integers(0, 60), st.sampled_from(_SCRAPS)),
        min_size=1,
        max_size=4,
    )
)
def test_whatever_is_scribbled_into_a_file_is_answered_with_sentences(edits: list[tuple[int, int, str]]) -> None:
    """An error that is no ConfigError would stop detection instead of keeping the last good configuration."""
    lines = list(_LINES)
    for line, column, scrap in edits:
        lines[line] = lines[line][:column] + scrap + lines[line][column + len(scrap) :]
    try:
        read("\n".join(lines))
    except ConfigError as error:
        assert all(problem.startswith(f"{FILE}, line ") for problem in error.problems)
        assert all(problem.endswith((".", "?")) and "\n" not in problem for problem in error.problems)
