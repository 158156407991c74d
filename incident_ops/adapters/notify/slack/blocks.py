"""A `Message` as Slack blocks and as text: pure, always inside Slack's limits. Sending is `slack.py`, escaping is
`text.py`.

The colour is a round sign in front of the headline, not the coloured bar of an attachment: the sign is seen in
push notifications, in the channel list's preview and in search results, where the bar is not, and Slack folds
attachments after a few lines. The status stands in words among the facts for those who cannot tell the colours.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from incident_ops.adapters.notify.plain import and_more, one_line
from incident_ops.adapters.notify.slack.text import beginning, code, cut, fit, fit_line, inline, plain, units
from incident_ops.core.message import Colour, Link, Message

Block = dict[str, Any]

# Slack's limits (docs.slack.dev, reference/block-kit/blocks) are 50 blocks, 150 characters a header, 3,000 a text,
# 10 fields of 2,000, 10 elements of a context. Ours are tighter where more would not be read: all texts together
# stay below 15,000 characters without the links, since Slack refuses too much of it with `msg_blocks_too_long`.
HEADER = 150
SUMMARY = 1_200
NOTE = 600
MOST_CALLS = 10
FIELDS_OF_A_SECTION = 10
MOST_FACTS = 20
LABEL, VALUE = 60, 200
SECTION = 3_000
LIST, ITEM, MOST_ITEMS, MOST_LISTS = 1_200, 200, 20, 4
ELEMENTS_OF_A_CONTEXT = 10
LINK_LABEL, LINK_URL = 75, 1_500
POINTER_URL = 300
TEXT = 3_000

_MARKS = {Colour.RED: "🔴", Colour.YELLOW: "🟡", Colour.GREEN: "🟢", Colour.BLUE: "🔵"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackPayload:
    """What `chat.postMessage` and `chat.update` take. `text` is what notifications and screen readers show."""

    text: str
    blocks: tuple[Block, ...]


def render(message: Message, *, calls: Sequence[str] = (), actions: Sequence[Block] = ()) -> SlackPayload:
    """
    Args:
        calls: those who are to see it first, as Slack's own mentions.
        actions: what people can press (`actions.py`), at the end, a few blocks at most.
    """
    blocks = [*_blocks(message), *actions]
    if calls:
        blocks.insert(1, context(mrkdwn(f"For {', '.join(calls[:MOST_CALLS])}")))
    return SlackPayload(text=_headline_and_summary(message), blocks=tuple(blocks))


def render_text(message: Message) -> str:
    """The whole message as one text of at most 3,000 characters, for when Slack does not take the blocks."""
    head = _headline_and_summary(message)
    tail = "\n".join(link_to(link) for link in message.links if _is_usable(link, POINTER_URL))
    if units(tail) > TEXT // 3:
        tail = ""
    room = TEXT - units(head) - units(tail) - 100
    body: list[str] = []
    lines = list(_text_lines(message))
    for number, line in enumerate(lines):
        if units(line) + 1 > room:
            body.append(and_more(len(lines) - number, "line"))
            break
        body.append(line)
        room -= units(line) + 1
    if message.detail.strip() and room > 200:
        body.append(_detail(message.detail, room - 100))
    return "\n".join(part for part in (head, *body, tail) if part)


def render_reply(text: str) -> str:
    """A text for the thread."""
    return fit(text, TEXT, inline)


def _blocks(message: Message) -> Iterator[Block]:
    yield {"type": "header", "text": plain_text(f"{_MARKS[message.colour]} {_plain_headline(message)}")}
    if message.summary.strip():
        yield {"type": "section", "text": plain_text(fit(message.summary, SUMMARY, plain))}
    if message.note.strip():
        yield context(mrkdwn(fit(message.note, NOTE, inline)))
    fields = [
        mrkdwn(f"*{_label(label)}*\n{fit(value, VALUE, inline)}") for label, value in message.facts[:MOST_FACTS]
    ]
    for start in range(0, len(fields), FIELDS_OF_A_SECTION):
        yield {"type": "section", "fields": fields[start : start + FIELDS_OF_A_SECTION]}
    if (left_out := len(message.facts) - MOST_FACTS) > 0:
        yield context(mrkdwn(f"{and_more(left_out, 'fact')}{_pointer(message)}"))
    if message.detail.strip():
        pointer = _pointer(message)
        yield {"type": "section", "text": mrkdwn(_detail(message.detail, SECTION - units(pointer), pointer))}
    lists = _lists(message)
    for heading, items in lists[:MOST_LISTS]:
        yield {"type": "section", "text": mrkdwn("\n".join(_list(heading, items, _pointer(message))))}
    if (left_out := len(lists) - MOST_LISTS) > 0:
        yield context(mrkdwn(f"{and_more(left_out, 'list')}{_pointer(message)}"))
    if message.links:
        yield context(*map(mrkdwn, _links(message.links)))


def _plain_headline(message: Message) -> str:
    return fit_line(message.headline, HEADER - 3, plain)


def _headline_and_summary(message: Message) -> str:
    headline = f"{_MARKS[message.colour]} {fit_line(message.headline, 2 * HEADER, inline)}"
    return f"{headline}\n{fit(message.summary, SUMMARY, inline)}" if message.summary.strip() else headline


def _label(label: str) -> str:
    return fit_line(label, LABEL, inline)


def _detail(detail: str, limit: int, pointer: str = "") -> str:
    """The verbatim block; what is left out is counted below it, outside of the fences."""
    text, unread = beginning(detail)
    room = limit - units(and_more(len(detail), "character")) - len("```\n\n```\n")
    shown, left_out = cut(text.strip("\n"), room, code)
    block = f"```\n{shown}\n```"
    left_out += unread
    return f"{block}\n{and_more(left_out, 'character')}{pointer}" if left_out else block


def _lists(message: Message) -> list[tuple[str, tuple[str, ...]]]:
    return [(heading, items) for heading, items in message.lists if items]


def _list(heading: str, items: tuple[str, ...], pointer: str = "") -> Iterator[str]:
    """Heading and items, one line each, within `LIST` units and `MOST_ITEMS` items (the pointer not counted)."""
    title = f"*{_label(heading)}* ({len(items):,})"
    yield title
    room = LIST - units(title) - 30
    for number, item in enumerate(items):
        line = f"• {fit_line(item, ITEM, inline)}"
        room -= units(line) + 1
        if number == MOST_ITEMS or room < 0:
            yield f"{and_more(len(items) - number)}{pointer}"
            return
        yield line


def _text_lines(message: Message) -> Iterator[str]:
    for label, value in message.facts[:MOST_FACTS]:
        yield f"{_label(label)}: {fit_line(value, VALUE, inline)}"
    for heading, items in _lists(message)[:MOST_LISTS]:
        yield from _list(heading, items)


def _links(links: tuple[Link, ...]) -> Iterator[str]:
    shown = links if len(links) <= ELEMENTS_OF_A_CONTEXT else links[: ELEMENTS_OF_A_CONTEXT - 1]
    yield from map(link_to, shown)
    if len(links) > len(shown):
        yield and_more(len(links) - len(shown), "link")


def _pointer(message: Message) -> str:
    """Where the rest of something shortened is to be found: the first link, if there is one."""
    usable = next((link for link in message.links if _is_usable(link, POINTER_URL)), None)
    return f": {link_to(usable)}" if usable else ""


def link_to(link: Link) -> str:
    """As `mrkdwn`; what is no web address, or too long, stays text."""
    label = fit_line(link.label, LINK_LABEL, inline).replace("|", "¦")
    if _is_usable(link, LINK_URL):
        return f"<{_address(link.url)}|{label}>"
    return f"{label}: {fit_line(link.url, VALUE, inline)}"


def _is_usable(link: Link, limit: int) -> bool:
    """Only web addresses become links: `javascript:`, `slack:` and credentials in front of the host stay text."""
    if len(link.url) > limit:
        return False
    return _WEB_ADDRESS.match(one_line(link.url)) is not None and units(_address(link.url)) <= limit


def _address(url: str) -> str:
    """The URL with everything quoted that would end it inside `<…|…>` or looks like a mention."""
    quoted = "".join(_QUOTED.get(char, char) for char in one_line(url))
    return quoted.replace("&", "&amp;")


_WEB_ADDRESS = re.compile(r"https?://[\w.\-:\[\]]+(?:[/?#]|$)", re.IGNORECASE)
_QUOTED = {char: f"%{ord(char):02X}" for char in ' <>|"`@'}


def plain_text(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def mrkdwn(text: str) -> Block:
    """`verbatim` keeps Slack from making links and mentions of what looks like one."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def context(*elements: Block) -> Block:
    return {"type": "context", "elements": list(elements)}
