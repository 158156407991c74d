"""People in Slack and outside: an e-mail address → their id in Slack, and back.

What was found is remembered within bounds, a refusal too, for a while: an address may change, a scope be added.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from slack_sdk.errors import SlackApiError

from incident_ops.adapters.notify.plain import one_line
from incident_ops.adapters.notify.slack.api import SlackApi
from incident_ops.adapters.notify.slack.errors import Request, is_for_now, refused
from incident_ops.core.errors import TransportError

USER_ID = re.compile(r"[UW][A-Z0-9]{1,30}")
EMAIL = re.compile(r"[^\s#@<>|]+@[^\s@<>|]+")

_MOST_PEOPLE = 1_000
_REMEMBERED_FOR = timedelta(hours=1)
_LONGEST_NAME = 80
_LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1


def is_address(text: str) -> bool:
    """Whether Slack could be asked for it: an e-mail address in visible characters, not too long for one."""
    return len(text) <= _LONGEST_ADDRESS and one_line(text) == text and EMAIL.fullmatch(text) is not None


class IdsByEmail:
    """Of the people whom we write to."""

    def __init__(self, api: SlackApi) -> None:
        self._api = api
        self._known: dict[str, str] = {}

    def id_of(self, email: str) -> str:
        """The id of the user; raises `TransportError`, permanent if Slack knows nobody of that address, or will
        not say (a scope is missing): whoever writes to somebody finds another way then, and does not wait."""
        if email not in self._known:
            request = Request(method="users.lookupByEmail", place=email)
            try:
                user = self._api.ask(request, params={"email": email}).get("user")
            except SlackApiError as error:
                trouble = refused(error, request)
                if is_for_now(error, trouble):
                    raise trouble from None
                raise TransportError(str(trouble), permanent=True) from None
            if not isinstance(user, dict) or not user.get("id"):
                raise TransportError(f"{request} named nobody", permanent=True)
            if len(self._known) >= _MOST_PEOPLE:
                self._known.clear()
            self._known[email] = str(user["id"])
        return self._known[email]


class EmailsById:
    """Of the people who press our buttons.

    Args:
        configured: Slack id → the e-mail address that the configuration gives it, or None.
        clock: the time now, aware, in UTC.
        most: how many people are remembered.
    """

    def __init__(
        self,
        api: SlackApi,
        configured: Callable[[str], str | None],
        clock: Callable[[], datetime],
        *,
        most: int = _MOST_PEOPLE,
    ) -> None:
        self._api, self._configured, self._clock, self._most = api, configured, clock, most
        self._known: OrderedDict[str, tuple[str, datetime]] = OrderedDict()
        self._lock = threading.Lock()  # buttons are pressed at the same time

    def address_of(self, user: str, *, name: str = "") -> str:
        """Their e-mail address; `slack:<name>` of those whose address Slack does not tell. While Slack does not
        answer, what it told before holds, however long ago.

        Args:
            user: an id in Slack, at least one letter long.
            name: what Slack calls them, where it has said so.
        """
        configured = self._configured(user)
        if configured:
            return configured
        now = self._clock()
        remembered = self._known.get(user)
        if remembered is not None and timedelta(0) <= now - remembered[1] < _REMEMBERED_FOR:
            return remembered[0]
        found, is_final = self._found(user, name)
        if is_final:
            self._remember(user, found, now)
        elif remembered is not None:
            return remembered[0]
        return found

    def _remember(self, user: str, found: str, now: datetime) -> None:
        with self._lock:
            self._known[user] = (found, now)
            self._known.move_to_end(user)
            while len(self._known) > self._most:
                self._known.popitem(last=False)

    def remembered(self, user: str) -> str | None:
        """Their address without asking Slack."""
        known = self._known.get(user)
        return self._configured(user) or (known[0] if known else None)

    def _found(self, user: str, name: str) -> tuple[str, bool]:
        """What to call them, and whether asking again soon would tell us nothing new."""
        request = Request(method="users.info", place=user)
        try:
            asked = self._api.ask(request, params={"user": user}).get("user")
        except SlackApiError as error:
            trouble = refused(error, request)
            self._api.warn(f"people are known by their names in Slack only: {trouble}")
            return nickname(name or user), trouble.permanent or trouble.needs_person
        except TransportError as trouble:
            self._api.warn(f"people are known by their names in Slack only: {trouble}")
            return nickname(name or user), False
        asked = asked if isinstance(asked, dict) else {}
        profile = asked.get("profile")
        email = profile.get("email") if isinstance(profile, dict) else None
        if isinstance(email, str) and is_address(email):
            return email, True
        return nickname(name or str(asked.get("name") or user)), True


def nickname(name: str) -> str:
    return f"slack:{one_line(name)[:_LONGEST_NAME]}"
