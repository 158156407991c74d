"""Matchers behave as Alertmanager's do: one table of texts and labels."""

import pytest

from incident_ops.core.matching import Matcher, MatcherSyntaxError, MatchOp, matches_all, parse_matcher

GOLD = {"tag:incident_ops/tier": "gold", "severity": "SEV1", "team": "fin", "asset": "marts/revenue"}


@pytest.mark.parametrize(
    ("text", "label", "op", "value"),
    [
        ('tag:incident_ops/tier = "gold"', "tag:incident_ops/tier", MatchOp.EQUAL, "gold"),
        ('severity =~ "SEV[01]"', "severity", MatchOp.MATCHES, "SEV[01]"),
        ("severity=~SEV[01]", "severity", MatchOp.MATCHES, "SEV[01]"),
        ('  team   !=   "web"  ', "team", MatchOp.NOT_EQUAL, "web"),
        ("team!~web|fin", "team", MatchOp.NOT_MATCHES, "web|fin"),
        ("code-location.name = a b", "code-location.name", MatchOp.EQUAL, "a b"),
        ('team = ""', "team", MatchOp.EQUAL, ""),
        ("team =", "team", MatchOp.EQUAL, ""),
        (r'asset = "a\"b\\c\nd"', "asset", MatchOp.EQUAL, 'a"b\\c\nd'),
        (r'partition =~ "\d{4}-\d\d"', "partition", MatchOp.MATCHES, r"\d{4}-\d\d"),
        ('asset = "x = y"', "asset", MatchOp.EQUAL, "x = y"),
        ("asset = x=y", "asset", MatchOp.EQUAL, "x=y"),
    ],
)
def test_a_matcher_is_read_with_and_without_quotes(text: str, label: str, op: MatchOp, value: str) -> None:
    """A label or a value that is cut wrongly matches nothing, silently."""
    assert parse_matcher(text) == Matcher(label=label, op=op, value=value)


@pytest.mark.parametrize("text", ['team = "web"', r'asset =~ "a\\.b"', 'check != "say \\"hi\\""', "x !~ "])
def test_a_matcher_written_back_reads_as_itself(text: str) -> None:
    """The tree that `routes show` prints must be the tree that was configured."""
    matcher = parse_matcher(text)
    assert parse_matcher(str(matcher)) == matcher


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('tag:incident_ops/tier = "gold"', True),
        ('tag:incident_ops/tier != "gold"', False),
        ('severity =~ "SEV[01]"', True),
        ('severity !~ "SEV[01]"', False),
        ('severity =~ "SEV"', False),
        ('severity =~ "EV1"', False),
        ('team =~ "finance|fin"', True),
        ('team =~ "f|fi|fin"', True),
        ('asset =~ "marts/.*"', True),
        ('domain = ""', True),
        ('domain != "x"', True),
        ('domain =~ ".+"', False),
        ('domain =~ ".*"', True),
        ('domain !~ ".+"', True),
        ('team = "FIN"', False),
        ('team =~ "(?i)FIN"', True),
    ],
)
def test_a_matcher_answers_as_alertmanager_would(text: str, expected: bool) -> None:
    """A missing label is the empty string, and a regular expression must cover the whole value."""
    assert parse_matcher(text).matches(GOLD) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 'is not a matcher; write it like severity = "SEV1", with one of = != =~ !~'),
        ("severity", "`severity` is not a matcher"),
        ('severity ~ "SEV1"', "is not a matcher"),
        ('severity > "SEV1"', "is not a matcher"),
        ('= "SEV1"', "is not a matcher"),
        ('my team = "x"', "is not a matcher"),
        ('{team="x"}', "is not a matcher"),
        ('severity == "SEV1"', "has an unknown operator"),
        ("team = 'web'", 'has its value in single quotes; write "double quotes"'),
        ('team = "web', "has unbalanced double quotes"),
        ('team = web"', "has unbalanced double quotes"),
        ('team = "web" "fin"', "has unbalanced double quotes"),
        ('severity =~ "SEV[01"', "`SEV[01` is not a regular expression: unterminated character set"),
    ],
)
def test_what_is_no_matcher_is_refused_with_one_sentence(text: str, expected: str) -> None:
    """A matcher that is guessed at would route an incident to nobody."""
    with pytest.raises(MatcherSyntaxError) as caught:
        parse_matcher(text)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_matchers_must_hold_and_none_match_everything() -> None:
    """Matchers of one route are joined by "and"."""
    gold, web = parse_matcher('tag:incident_ops/tier = "gold"'), parse_matcher('team = "web"')
    assert matches_all([gold], GOLD)
    assert not matches_all([gold, web], GOLD)
    assert matches_all([], GOLD)
