"""Texts cut to a limit, with what is left out counted; links that may be clicked; names that stay apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.adapters.notify.alert_keys import alert_key
from incident_ops.adapters.notify.shortened import bounded, first_of, short, short_line, web_links
from incident_ops.core.message import Link, Message, bulletin
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.messages import TRIGGERED, about


@given(st.text(), st.integers(1, 300), st.integers(40, 200))
def test_no_text_is_longer_than_its_limit(text: str, times: int, limit: int) -> None:
    assert len(short(text * times, limit)) <= limit
    line = short_line(text * times, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1


def test_what_is_left_out_is_counted_also_where_it_was_never_read() -> None:
    assert short("x" * 50, 40) == f"{'x' * 15} … and 35 more characters"
    assert short("x" * 100_000, 40) == f"{'x' * 10} … and 99,990 more characters"
    assert short("  short  ", 40) == "short"


def test_lines_are_kept_or_become_one() -> None:
    assert short("a\r\nb", 40) == "a\nb"
    assert short_line("a\r\nb\u2028c", 40) == "a b c"


def test_a_list_says_how_many_more_there_are() -> None:
    assert first_of(["a", "b\nb", "c"], 2, limit=40) == ["a", "b b", "… and 1 more"]
    assert first_of(["a"], 2, limit=40) == ["a"]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "https://user:password@a.test/",
        "https://a.test/ b",
        'https://a.test/"onclick=x',
        "https://a.test/<b>",
        "//a.test",
        "https://",
        f"https://a.test/{'x' * 4_000}",
    ],
)
def test_an_address_that_is_not_plainly_one_of_the_web_is_no_link(url: str) -> None:
    assert web_links([Link(label="x", url=url)], 5) == []


def test_a_link_mentions_nobody_and_has_a_label() -> None:
    (link,) = web_links([Link(label=" \n", url="https://a.test/@here?a=1&b=2#c")], 5)
    assert link == Link(label="https://a.test/%40here?a=1&b=2#c", url="https://a.test/%40here?a=1&b=2#c")


def test_a_message_of_any_size_is_bounded_and_a_share_of_it_more_so() -> None:
    huge = about(messages.HUGE)
    sizes = [sum(len(value) for _, value in bounded(huge, share=share).facts) for share in (1, 4)]
    assert sizes[1] < sizes[0] < 60_000
    assert bounded(huge).facts[-1] == ("", f"… and {len(huge.facts) - 50} more")
    assert len(bounded(huge).lists[0][1]) == len(huge.lists[0][1]), "or the sink could not count them"


@pytest.mark.parametrize(
    ("message", "key", "name"),
    [
        (about(TRIGGERED), "INC-7:post:pagerduty:war-room", "INC-7"),
        (about(TRIGGERED), "INC-7:question:erin@acme.test:r3", "INC-7:question:erin@acme.test:r3"),
        (bulletin("Your digest"), "digest:post", "digest:post"),
    ],
)
def test_only_an_incidents_own_post_has_the_incidents_name(message: Message, key: str, name: str) -> None:
    assert alert_key(message, key=key, origin="prod/7f3a", longest=255) == f"incident_ops/prod/7f3a/{name}"


def test_names_that_are_too_long_stay_apart() -> None:
    names = {
        alert_key(bulletin("x"), key=f"digest:{'x' * 300}{end}", origin="prod/7f3a", longest=255) for end in "ab"
    }
    assert [len(name) for name in names] == [255, 255]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!channel> <@U1> <#C1|x>", "<\u200b!channel> <\u200b@U1> <\u200b#C1|x>"),
        ("@here and @everyone", "@\u200bhere and @\u200beveryone"),
        ("ann@all.test < 3 @ananas a@here", "ann@all.test < 3 @ananas a@here"),
    ],
)
def test_nobody_is_called_by_a_sink_that_passes_the_text_on(text: str, shown: str) -> None:
    assert (short(text, 100), short_line(text, 100)) == (shown, shown)
