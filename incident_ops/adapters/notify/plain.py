"""Plain text for people: what every sink does to text from outside, and a message as lines for a terminal.

A sink's own markup and escaping live with that sink.
"""

import re

from incident_ops.core.message import Link, Message

MOST_ITEMS = 50
LONGEST_DETAIL = 20_000

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
_LINE_ENDS = re.compile("\r\n|[\r\u0085\u2028\u2029]")
# Control characters but tab and newline, and the signs that turn the direction of writing around
# (they make `gpj.exe` read as `exe.jpg`).
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` without terminal escapes, control characters and lone surrogates (which no JSON parser of a sink
    accepts), with `\\n` as its only line end."""
    text = _LINE_ENDS.sub("\n", _ANSI.sub("", text))
    return _SURROGATES.sub("\ufffd", _INVISIBLE.sub("", text))


def one_line(text: str) -> str:
    return " ".join(clean(text).split())


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
