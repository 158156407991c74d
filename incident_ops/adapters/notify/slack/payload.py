"""What Slack sends us, read with care: any part may be missing or of another kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from incident_ops.adapters.notify.slack.users import USER_ID

_EMPTY: Mapping[str, Any] = {}


def values_in(payload: object, *path: str) -> Mapping[str, Any]:
    """The object at `path`, or an empty one."""
    for name in path:
        payload = payload.get(name) if isinstance(payload, Mapping) else None
    return payload if isinstance(payload, Mapping) else _EMPTY


def text_in(payload: object, *path: str) -> str:
    """The text at `path`, or an empty one."""
    *above, name = path
    found = values_in(payload, *above).get(name)
    return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for something, and where an answer can go. Empty is what Slack did not say.

    Attributes:
        user: id in Slack; never empty.
        name: what Slack calls them.
        channel, thread: where they were; no thread for the post that a thread begins with.
        trigger: allows a window to be opened, for three seconds.
        response_url: an answer posted there is seen by them alone.
    """

    user: str
    name: str = ""
    channel: str = ""
    thread: str = ""
    trigger: str = ""
    response_url: str = ""


def asked_in(payload: Mapping[str, Any]) -> Asked | None:
    """None where nobody asks. Slash commands are forms, everything else is nested."""
    user = text_in(payload, "user", "id") or text_in(payload, "user_id")
    if not USER_ID.fullmatch(user):
        return None
    names = (
        text_in(payload, "user", "username"),
        text_in(payload, "user", "name"),
        text_in(payload, "user_name"),
    )
    thread = text_in(payload, "message", "thread_ts")  # Slack gives a post that has replies its own time here
    return Asked(
        user=user,
        name=next(filter(None, names), ""),
        channel=text_in(payload, "channel", "id") or text_in(payload, "channel_id"),
        thread=thread if thread != text_in(payload, "message", "ts") else "",
        trigger=text_in(payload, "trigger_id"),
        response_url=text_in(payload, "response_url"),
    )
