"""Text from outside made harmless for Slack, and made to fit. Laying out a message is `blocks.py`.

Three kinds of place, three escapes. All of them replace `&`, `<` and `>` by entities, so that `<!channel>`,
`<@U1>`, `<!subteam^S1>` and `<https://…|…>` stay text, and put a zero-width space after an `@` that could begin a
mention (`@here`, `@ana`; e-mail addresses stay whole):

- `plain`: for `plain_text` objects, where Slack reads no markup at all. The first choice.
- `inline`: for `mrkdwn`. Slack has no escape for its markup signs, and zero-width spaces around them switch
  formatting on rather than off (Slack takes them for the edge of a word), so `*`, `~` and backticks become signs
  that look alike, and so does `_`, but only at the edge of a word, where it could begin or end italics:
  `stg_orders_daily` can still be copied. A `>` that would begin a quotation becomes `›`.
- `code`: between two ``` fences, where only a fence ends the block: adjacent backticks get a zero-width space
  between them.

Lengths are counted after escaping and in UTF-16 units, the longest of the ways in which a server may count
characters.
"""

import re
from collections.abc import Callable

from incident_ops.adapters.notify.plain import and_more, clean

LONGEST_READ = 20_000

_ZERO_WIDTH = "\u200b"
_MENTION = re.compile(r"(?:(?<![\w.+\-])[@＠](?=\w)|[@＠](?=channel|here|everyone|group))", re.IGNORECASE)
_LOOK_ALIKES = str.maketrans({"*": "∗", "＊": "﹡", "~": "∼", "`": "ˋ", "｀": "ˋ", "＿": "ˍ"})
_UNDERSCORES_AT_AN_EDGE = re.compile(r"(?<![A-Za-z0-9_])_+|_+(?![A-Za-z0-9_])")
_QUOTATION = re.compile(r"^([^\S\n]*)[>＞]", re.MULTILINE)
_ADJACENT_BACKTICK = re.compile("`(?=`)")


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def plain(text: str) -> str:
    return _entities(_without_mentions(text))


def inline(text: str) -> str:
    text = _QUOTATION.sub(r"\1›", text.translate(_LOOK_ALIKES))
    text = _UNDERSCORES_AT_AN_EDGE.sub(lambda found: "ˍ" * len(found[0]), text)
    return _entities(_without_mentions(text))


def code(text: str) -> str:
    return _entities(_without_mentions(_ADJACENT_BACKTICK.sub(f"`{_ZERO_WIDTH}", text)))


def fit(text: str, limit: int, escape: Callable[[str], str]) -> str:
    """`text` cleaned, escaped and at most `limit` units long; what is left out is counted at its end.

    Args:
        limit: at least 40, so that the count has room.
    """
    return _fitted(*beginning(text), limit, escape)


def fit_line(text: str, limit: int, escape: Callable[[str], str]) -> str:
    """As `fit`, with every run of spaces and line ends as one space."""
    shown, unread = beginning(text)
    return _fitted(" ".join(shown.split()), unread, limit, escape)


def _fitted(text: str, unread: int, limit: int, escape: Callable[[str], str]) -> str:
    text = text.strip()
    if not unread and len(text) <= limit and units(whole := escape(text)) <= limit:
        return whole or "–"  # Slack refuses empty texts
    room_for_the_note = units(and_more(len(text) + unread, "character")) + 1
    shown, left_out = cut(text, limit - room_for_the_note, escape)
    return f"{shown.rstrip()} {and_more(left_out + unread, 'character')}"


def beginning(text: str) -> tuple[str, int]:
    """The part of `text` that could be shown at all, cleaned, and how many characters come after it: a log of
    megabytes costs no more than a long error."""
    return clean(text[:LONGEST_READ]), max(0, len(text) - LONGEST_READ)


def cut(text: str, limit: int, escape: Callable[[str], str]) -> tuple[str, int]:
    """The longest beginning of a clean `text` that has at most `limit` units when escaped, escaped, and how many
    characters are left out. The cut is made before escaping, so it cannot fall into an entity."""
    low, high = 0, min(len(text), limit)
    if high == len(text) and units(whole := escape(text)) <= limit:
        return whole, 0
    while low < high:
        middle = (low + high + 1) // 2
        if units(escape(text[:middle])) <= limit:
            low = middle
        else:
            high = middle - 1
    return escape(text[:low]), len(text) - low


def _without_mentions(text: str) -> str:
    return _MENTION.sub(rf"\g<0>{_ZERO_WIDTH}", text)


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
