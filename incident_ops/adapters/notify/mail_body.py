"""A message as a mail's subject, text and HTML. Sending it is `mail.py`.

The HTML is what Outlook's Word can draw: tables, inline styles, no images, no classes. Text from outside is
escaped, and its web addresses are broken up so that no mail program makes links of them. In the plain text they
stand as they are: there a link cannot lead elsewhere than it says.
"""

import re
from dataclasses import dataclass
from html import escape

from incident_ops.adapters.notify.plain import MOST_ITEMS, and_more, render_lines
from incident_ops.adapters.notify.shortened import bounded, short, short_line
from incident_ops.core.message import Colour, Link, Message

LONGEST_SUBJECT = 150
"""Mail programs show half of that; 998 bytes would be allowed (RFC 5322, 2.1.1)."""

_BARS = {Colour.RED: "#c62828", Colour.YELLOW: "#f9a825", Colour.GREEN: "#2e7d32", Colour.BLUE: "#1565c0"}
_MARKS = {Colour.RED: "🔴", Colour.YELLOW: "🟡", Colour.GREEN: "🟢", Colour.BLUE: "🔵"}
_FONT = "font-family:Segoe UI,Helvetica,Arial,sans-serif;font-size:14px;line-height:1.45;color:#1f2328"
_MONO = "font-family:Consolas,Menlo,monospace;font-size:12px"


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The two alternatives of a mail, which say the same."""

    text: str
    html: str


def subject_of(message: Message) -> str:
    """One line, the same for all mails of a thread but for the incident's severity and title."""
    return short_line(message.headline, LONGEST_SUBJECT) or "incident-ops"


def body_of(message: Message, *, unreached: tuple[str, ...] = ()) -> Body:
    """
    Args:
        unreached: addresses that the server has refused; those who get the mail are told of them.
    """
    message = bounded(message)
    note = _unreached(unreached)
    text = "\n\n".join(
        part for part in (f"{_MARKS[message.colour]} {message.headline}", render_lines(message), note) if part
    )
    rows = [
        _paragraph(message.summary),
        _paragraph(message.note),
        _facts(message.facts),
        *(_list(heading, items) for heading, items in message.lists if items),
        _detail(message.detail),
        _links(message.links),
        _paragraph(note),
    ]
    return Body(text=f"{text}\n", html=_page(message.headline, message.colour, rows))


def reply_body_of(text: str, subject: str, *, unreached: tuple[str, ...] = ()) -> Body:
    """What is said in an incident's thread."""
    text = short(text, 20_000)
    note = _unreached(unreached)
    whole = "\n\n".join(part for part in (text, note) if part)
    return Body(text=f"{whole}\n", html=_page(subject, Colour.BLUE, [_paragraph(text), _paragraph(note)]))


def _unreached(addresses: tuple[str, ...]) -> str:
    if not addresses:
        return ""
    return f"The mail server refused to deliver this to {', '.join(addresses)}."


def _page(headline: str, colour: Colour, rows: list[str]) -> str:
    table = '<table role="presentation" cellpadding="0" cellspacing="0" border="0" width="100%">'
    inner = "".join(f'<tr><td style="padding:6px 16px;{_FONT}">{row}</td></tr>' for row in rows if row)
    title = (
        f'<tr><td style="padding:12px 16px 6px;{_FONT};font-size:17px;font-weight:600">{_text(headline)}</td></tr>'
    )
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"></head><body style="margin:0;padding:0">'
        f'{table}<tr><td width="6" bgcolor="{_BARS[colour]}" style="background:{_BARS[colour]}"></td><td>'
        f"{table}{title}{inner}</table>"
        "</td></tr></table></body></html>"
    )


def _paragraph(text: str) -> str:
    return _text(text) if text else ""


def _facts(facts: tuple[tuple[str, str], ...]) -> str:
    if not facts:
        return ""
    rows = "".join(
        f'<tr><td valign="top" style="padding:2px 16px 2px 0;{_FONT};color:#59636e">{_text(label)}</td>'
        f'<td valign="top" style="padding:2px 0;{_FONT}">{_text(value)}</td></tr>'
        for label, value in facts
    )
    return f'<table cellpadding="0" cellspacing="0" border="0">{rows}</table>'


def _list(heading: str, items: tuple[str, ...]) -> str:
    shown = "".join(f"<li>{_text(item)}</li>" for item in items[:MOST_ITEMS])
    more = f"<div>{_text(and_more(len(items) - MOST_ITEMS))}</div>" if len(items) > MOST_ITEMS else ""
    return f'<b>{_text(heading)} ({len(items):,})</b><ul style="margin:4px 0">{shown}</ul>{more}'


def _detail(detail: str) -> str:
    if not detail:
        return ""
    style = f"margin:0;padding:8px;background:#f6f8fa;white-space:pre-wrap;word-break:break-word;{_MONO}"
    return f'<pre style="{style}">{_unlinked(escape(detail))}</pre>'


def _links(links: tuple[Link, ...]) -> str:
    return " · ".join(
        f'<a href="{escape(link.url)}" style="color:#0969da">{_text(link.label)}</a>' for link in links
    )


def _text(text: str) -> str:
    return _unlinked(escape(text)).replace("\n", "<br>")


def _unlinked(html: str) -> str:
    return _ADDRESS.sub("\\1&#8203;\\2", html)


_ADDRESS = re.compile(r"(https?:|www)(//|\.)", re.IGNORECASE)
