"""A line of the timeline as it is said in a thread: begun like a sentence, with who did it, in people's words."""

import re

from incident_ops.core.reasons import in_words
from incident_ops.core.status import SYSTEM, EntryKind, Resolution, TimelineEntry

_BEGIN_WITH_OUR_WORDS = frozenset(
    {
        EntryKind.ACKNOWLEDGED,
        EntryKind.TRIGGERED_AGAIN,
        EntryKind.MITIGATED,
        EntryKind.ASSIGNED,
        EntryKind.OWNER,
        EntryKind.ROOT,
        EntryKind.MERGED,
        EntryKind.SUSPECT,
        EntryKind.RESOLVED,
        EntryKind.REOPENED,
        EntryKind.CLASSIFIED,
        EntryKind.SNOOZED,
    }
)
_OUR_WORDS = re.compile(
    r"fails again: |the error changed: |a retry passed |parted from |silenced by |escalation policy |step \d"
)
"""How lines of other kinds may begin; else they do with the name of a person or an asset."""

_REASON = re.compile(
    rf"(?<= as )({'|'.join(Resolution)})(?=,| \(was |$)|(?<= \(was )({'|'.join(Resolution)})(?=\)$)"
)


def thread_line(entry: TimelineEntry) -> str:
    """Names, addresses and what somebody wrote stay letter for letter."""
    text, is_somebodys = entry.text, entry.by != SYSTEM
    match entry.kind:
        case EntryKind.NOTE if is_somebodys and not text.startswith(f"silenced by {entry.by} "):
            return f"{entry.by}: {text}"
        case EntryKind.ASSIGNED if is_somebodys:
            text = f"{text} by {entry.by}"
        case EntryKind.RESOLVED | EntryKind.CLASSIFIED if is_somebodys:
            text = _REASON.sub(lambda found: in_words(Resolution(found[0])), text)
        case _:
            pass
    if entry.kind in _BEGIN_WITH_OUR_WORDS or _OUR_WORDS.match(text):
        return text[:1].upper() + text[1:]
    return text
