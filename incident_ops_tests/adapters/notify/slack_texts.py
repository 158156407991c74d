"""Text that is meant to hurt Slack's renderers, and what may never come out of them."""

import re
from collections.abc import Iterator

from hypothesis import strategies as st

# What Slack would act on. Our own links are the only `<…>`.
LIVE_MENTION = re.compile(r"@(?:channel|here|everyone|group)|(?<![\w.+\-])@\w|<[!@#]", re.IGNORECASE)
NO_LINK_OF_OURS = re.compile(r"<(?!https?://[^<>|\s]+\|[^<>]*>)", re.IGNORECASE)
LOOSE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt);)")

NASTY_PARTS = (
    *(
        "&",
        "<",
        ">",
        "@",
        "@channel",
        "@here",
        "<!channel>",
        "<@U1>",
        "&amp;",
        "```",
        "`",
        "*",
        "_",
        "~",
        "|",
        "😀",
    ),
    *(" ", "\n", "\r\n", "\u200b", "\u202e", "\ud800", "\x00", "\x1b[31m", "http://", "https://a.test/", "ab"),
)
NASTY = st.lists(st.sampled_from(NASTY_PARTS)).map("".join)
TEXTS = st.one_of(st.text(), NASTY, st.builds(lambda part, n: part * n, NASTY, st.sampled_from([2, 200, 3_000])))


def texts_in(value: object, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> Iterator[str]:
    """Every string that Slack would show of blocks or a window."""
    if isinstance(value, dict):
        if value.get("type") in kinds and isinstance(value.get("text"), str):
            yield value["text"]
        for inner in value.values():
            yield from texts_in(inner, kinds)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner, kinds)


def assert_harmless(text: str) -> None:
    assert not LIVE_MENTION.search(text), text
    assert not NO_LINK_OF_OURS.search(text), text
    assert not LOOSE_AMPERSAND.search(text), text
    text.encode()  # no lone surrogates: Slack's JSON parser refuses them
