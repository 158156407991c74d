"""What the app must be allowed to do, and what it is called: the manifest of `docs/slack.md` is checked against
this."""

from incident_ops.core.errors import TransportError

COMMAND = "/incident"
NOTE_SHORTCUT = "incident_note"
NOTE_SHORTCUT_NAME = "Keep as incident note"

POSTING = ("chat:write",)
POSTING_ANYWHERE = ("chat:write.public",)
"""Without it the app must be invited to each channel."""

LOOKING_UP = ("channels:read", "channels:history", "groups:read", "groups:history", "im:history", "im:write")
"""Whether a channel exists; and what became of a post whose answer was lost, in private channels and direct
messages as well. `im:write` finds the conversation with a person."""

KNOWING_PEOPLE = ("users:read", "users:read.email")
WORKING = ("commands", *KNOWING_PEOPLE)
"""For buttons, the slash command and the shortcut."""

OWN_CHANNELS = ("channels:manage", "channels:join")
"""For a channel per major incident: to make it, set its topic and invite people."""

ALL = tuple(dict.fromkeys((*POSTING, *POSTING_ANYWHERE, *LOOKING_UP, *WORKING, *OWN_CHANNELS)))


def lacking(scopes: tuple[str, ...], *, granted: frozenset[str], purpose: str) -> TransportError | None:
    """The trouble of a token that lacks some of the scopes."""
    missing = [scope for scope in scopes if scope not in granted]
    if not missing:
        return None
    named = f"the scope{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
    remedy = "add it under OAuth & Permissions and install the app again"
    return TransportError(f"Slack's token lacks {named}, needed {purpose}; {remedy}", needs_person=True)
