"""What is taken out of a text before anybody looks at it, and what is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.plain_text import clean


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mFAIL\x1b[0m 3 of 4", "FAIL 3 of 4"),
        ("\x1b(B\x1b[mdone", "done"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;https://a.test\x1b\\a link\x1b]8;;\x1b\\", "a link"),
        ("\x1b]never closed\nthe error", "\nthe error"),
        ("\x1bPdevice control\x1b\\text", "text"),
        ("\x1b7saved\x1b8", "saved"),
        ("a\r\nb\rc\x85d\u2028e", "a\nb\nc\nd\ne"),
        ("a\tb\x00c\x7fd", "a\tbcd"),
        ("gpj\u202e.exe", "gpj.exe"),
        ("lone \ud800 half", "lone \ufffd half"),
        ("StraÃ\x9fe read as Latin-1", "StraÃe read as Latin-1"),
        ("nothing strange: é 表 😀 [0m", "nothing strange: é 表 😀 [0m"),
        ("\x1b", ""),
    ],
)
def test_escapes_and_control_characters_go_and_the_rest_stays(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text(st.one_of(st.sampled_from("\x1b[]();m0\\\x07\n"), st.characters())))
def test_what_is_clean_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)
