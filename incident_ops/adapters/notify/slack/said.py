"""What somebody wrote in Slack, as plain text for a timeline: Slack's own markup for people, channels and links is
spelled out."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from incident_ops.adapters.notify.plain import and_more, clean, one_line
from incident_ops.adapters.notify.slack.payload import text_in
from incident_ops.adapters.notify.slack.users import USER_ID

LONGEST_NOTE = 3_000
_MOST_FILES = 10

_MARKUP = re.compile(r"<([^<>|\n]+)(?:\|([^<>\n]*))?>")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def note_text(message: Mapping[str, Any], *, name_of: Callable[[str], str]) -> str:
    """The message's words, and the names of its files; empty when it has neither.

    Args:
        name_of: id of a user → what to call them.
    """
    text = _MARKUP.sub(lambda found: _spelled_out(found[1], found[2] or "", name_of), text_in(message, "text"))
    for entity, sign in _ENTITIES:
        text = text.replace(entity, sign)
    text = clean(text).strip()
    if len(text) > LONGEST_NOTE:
        text = f"{text[:LONGEST_NOTE]} {and_more(len(text) - LONGEST_NOTE, 'character')}"
    files = message.get("files")
    names = [one_line(text_in(file, "name")) for file in files] if isinstance(files, list) else []
    shown = [name or "without a name" for name in names[:_MOST_FILES]]
    attached = f"(file: {', '.join(shown)})" if shown else ""
    return "\n".join(part for part in (text, attached) if part)


def author_in(message: Mapping[str, Any]) -> tuple[str, str]:
    """The id of who wrote it (empty for a program) and what they are called."""
    user = text_in(message, "user")
    name = text_in(message, "username") or text_in(message, "bot_profile", "name")
    is_person = USER_ID.fullmatch(user) is not None and not text_in(message, "bot_id")
    return (user if is_person else ""), name or ("" if is_person else "an app")


def _spelled_out(target: str, label: str, name_of: Callable[[str], str]) -> str:
    kind, rest = target[0], target[1:]
    if kind == "@":
        return f"@{label or name_of(rest)}"
    if kind == "#":
        return f"#{label or rest}"
    if kind == "!":
        return label or f"@{rest.partition('^')[0]}"
    address = target.removeprefix("mailto:")
    return f"{label} ({address})" if label and label != address else address
