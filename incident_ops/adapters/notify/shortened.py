"""Text from outside cut to what a sink takes: cleaned, calling nobody, and with what is left out counted. No
markup here."""

import re
from collections.abc import Sequence
from dataclasses import replace

from incident_ops.adapters.notify.plain import MOST_ITEMS, and_more, clean, without_mentions
from incident_ops.core.message import Link, Message

_READ = 4
"""Nothing is read that is more than so many times as long as what can be shown: cleaning costs by length."""
_LONGEST_ADDRESS = 2_000


def short(text: str, limit: int) -> str:
    """At most `limit` characters (40 or more) of `text`, its lines kept, with `… and n more characters`."""
    read = without_mentions(clean(text[: _READ * limit]))
    return _cut(read.strip(), limit, unread=max(0, len(text) - _READ * limit))


def short_line(text: str, limit: int) -> str:
    """The same in one line."""
    line = " ".join(without_mentions(clean(text[: _READ * limit])).split())
    return _cut(line, limit, unread=max(0, len(text) - _READ * limit))


def _cut(text: str, limit: int, *, unread: int) -> str:
    if len(text) <= limit and not unread:
        return text
    room = limit - len(and_more(len(text) + unread, "character")) - 1
    shown = text[:room].rstrip()
    return f"{shown} {and_more(len(text) - len(shown) + unread, 'character')}".lstrip()


def first_of(items: Sequence[str], most: int, *, limit: int) -> list[str]:
    """At most `most` items, each one line of at most `limit` characters, and how many more there are."""
    shown = [short_line(item, limit) for item in items[:most]]
    return [*shown, and_more(len(items) - most)] if len(items) > most else shown


def bounded(message: Message, *, share: int = 1) -> Message:
    """The message for sinks that take long texts, some 250 kB at most; with a `share` of 4 a quarter of that, and
    so on. Items beyond those that are shown are left as they are, for whoever counts them."""

    def part(most: int) -> int:
        return max(most // share, 40)

    facts = tuple((short_line(label, 100), short(value, part(1_000))) for label, value in message.facts[:50])
    if len(message.facts) > len(facts):
        facts = (*facts, ("", and_more(len(message.facts) - len(facts))))
    lists = tuple(
        (
            short_line(heading, 100),
            (*(short_line(item, part(300)) for item in items[:MOST_ITEMS]), *items[MOST_ITEMS:]),
        )
        for heading, items in message.lists[:10]
    )
    return replace(
        message,
        headline=short_line(message.headline, part(1_000)),
        summary=short(message.summary, part(4_000)),
        calls=tuple(short_line(who, 100) for who in message.calls[:20]),
        note=short(message.note, part(2_000)),
        facts=facts,
        detail=short(message.detail, part(20_000)),
        lists=lists,
        links=tuple(web_links(message.links, 20)),
    )


def web_links(links: Sequence[Link], most: int) -> list[Link]:
    """The links that may be clicked: to the web, without a password, whole. Labels are one line, and an `@` is
    written so that nobody is mentioned."""
    addresses = [(link.label, link.url.replace("@", "%40")) for link in links if _is_usable(link.url)]
    return [Link(label=short_line(label, 100) or url, url=url) for label, url in addresses[:most]]


def _is_usable(url: str) -> bool:
    return len(url) <= _LONGEST_ADDRESS and _WEB_ADDRESS.fullmatch(url) is not None


# printable ASCII without what ends an address in somebody's markup
_WEB_ADDRESS = re.compile(r"https?://[A-Za-z0-9.\-:\[\]]+(?:[/?#][!#-&*-;=?-Z_a-z~\[\]]*)?", re.IGNORECASE)
