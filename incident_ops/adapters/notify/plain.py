"""Plain text for people: what every sink does to text from outside (`clean` is `core.plain_text`'s), and a message
as lines for a terminal.

A sink's own markup and escaping live with that sink.
"""

import re

from incident_ops.core.message import Link, Message
from incident_ops.core.plain_text import clean

MOST_ITEMS = 50
LONGEST_DETAIL = 20_000

_ZERO_WIDTH = "\u200b"
_MENTION = re.compile(
    r"<(?=[!@#])|(?<![\w.+\-])[@＠](?=(?:channel|here|everyone|group|all|team)\b)", re.IGNORECASE
)


def one_line(text: str) -> str:
    return " ".join(clean(text).split())


def without_mentions(text: str) -> str:
    """With a zero-width space in whatever calls somebody in a chat (`<!channel>`, `<@U1>`, `@here`): sinks that
    know no such thing pass texts on to those that do."""
    return _MENTION.sub(rf"\g<0>{_ZERO_WIDTH}", text)


def and_more(count: int, noun: str = "") -> str:
    """`… and 12 more`, with the noun where the things counted are not a list's items."""
    if noun:
        noun = f" {noun}" if count == 1 else f" {noun}s"
    return f"… and {count:,} more{noun}"


def render_lines(message: Message) -> str:
    """Everything of a message but its headline, as plain lines for a terminal; nothing in it is escaped."""
    parts = [clean(message.summary).strip(), clean(message.note).strip()]
    if message.facts:
        width = min(20, max(len(one_line(label)) for label, _ in message.facts))
        parts.append("\n".join(f"{one_line(label):<{width}}  {one_line(value)}" for label, value in message.facts))
    parts.extend(_list(heading, items) for heading, items in message.lists if items)
    parts.append(_detail(message.detail))
    parts.append("\n".join(_link(link) for link in message.links))
    return "\n\n".join(part for part in parts if part)


def _list(heading: str, items: tuple[str, ...]) -> str:
    lines = [f"{one_line(heading)} ({len(items):,}):", *(f"- {one_line(item)}" for item in items[:MOST_ITEMS])]
    if len(items) > MOST_ITEMS:
        lines.append(and_more(len(items) - MOST_ITEMS))
    return "\n".join(lines)


def _detail(detail: str) -> str:
    text = clean(detail).strip("\n")
    if len(text) <= LONGEST_DETAIL:
        return text
    return f"{text[:LONGEST_DETAIL]}\n{and_more(len(text) - LONGEST_DETAIL, 'character')}"


def _link(link: Link) -> str:
    return f"{one_line(link.label)}: {one_line(link.url)}"
