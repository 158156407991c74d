"""What Slack's refusals and silences mean for a delivery: one table, and the sentences people read.

The names are those of docs.slack.dev (reference/methods/chat.postMessage, chat.update, conversations.history).
No sentence carries the token, a request or the body of an answer.
"""

import errno
import re
import socket
import ssl
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPException
from urllib.error import URLError

from slack_sdk.errors import SlackApiError

from incident_ops.core.errors import TransportError

BLOCKS_REFUSED = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_blocks_too_long",
        "invalid_attachments",
        "attachment_payload_limit_exceeded",
        "too_many_attachments",
    }
)
METADATA_REFUSED = frozenset(
    {
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "invalid_metadata_filter_keys",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
    }
)

_RATE_LIMITED = frozenset({"ratelimited", "rate_limited"})

# Slack says of the first two that part of the operation may have succeeded.
_TEMPORARY = {
    "internal_error": True,
    "fatal_error": True,
    "service_unavailable": True,
    "request_timeout": False,  # "the POST data was either missing or truncated"
    "team_added_to_org": False,
    "message_limit_exceeded": False,
}

_PERMANENT = {
    "channel_not_found": "there is no such channel, or it is private and the app was not invited to it",
    "is_archived": "the channel is archived",
    "not_in_channel": "the app is not in the channel; invite it, or give it the scope chat:write.public",
    "user_not_found": "there is no such user",
    "users_not_found": "nobody in the workspace has this e-mail address",
    "cannot_dm_bot": "a bot cannot be written to",
    "messages_tab_disabled": "the app's messages tab is switched off, so nobody can be written to directly",
    "restricted_action": "a rule of the workspace keeps the app from posting there",
    "restricted_action_read_only_channel": "the channel is read-only",
    "restricted_action_thread_only_channel": "the channel takes replies in threads only",
    "restricted_action_non_threadable_channel": "the channel has no threads",
    "restricted_action_thread_locked": "the thread is locked",
    "thread_not_found": "the message of this thread is gone",
    "cannot_reply_to_message": "this kind of message takes no replies",
    "message_not_found": "the message is gone",
    "cant_update_message": "the message was posted by another app or with another token",
    "edit_window_closed": "the workspace allows no edits of messages this old",
    "msg_too_long": "the text is too long",
    "no_text": "the message has no text",
    "expired_trigger_id": "it took too long; press again",
    "invalid_trigger_id": "what was pressed is not known any more; press again",
    "exchanged_trigger_id": "the window was opened already",
    "user_not_in_channel": "the person is not in the channel",
    "invalid_name_specials": "a channel's name has only small letters, digits, - and _",
    "invalid_name_maxlength": "a channel's name has at most 80 characters",
    "cant_invite": "the person cannot be invited to this channel",
    "user_is_ultra_restricted": "a guest of a single channel cannot be invited to another",
    "user_is_restricted": "a guest cannot be invited without an administrator",
}

_NEW_TOKEN = "copy the token from OAuth & Permissions of the app again"
_NEEDS_PERSON = {
    "invalid_auth": f"the token is not valid; {_NEW_TOKEN}",
    "not_authed": "no token was sent; set INCIDENT_OPS_SLACK_TOKEN",
    "token_revoked": f"the token was revoked; install the app again and {_NEW_TOKEN}",
    "token_expired": f"the token has expired; {_NEW_TOKEN}, or switch token rotation off",
    "account_inactive": "the token belongs to a removed user, app or workspace; install the app again",
    "not_allowed_token_type": "this kind of token is not allowed here; use the bot token (xoxb-…)",
    "no_permission": "the token has not the permission; ask an administrator of the workspace to allow the app",
    "access_denied": "access is denied; ask an administrator of the workspace to allow the app",
    "accesslimited": "the method is limited on this network; ask an administrator of the workspace to allow it",
    "org_login_required": "the workspace is moving into an organisation; install the app again when that is done",
    "enterprise_is_restricted": "the organisation does not allow the method; ask its administrator",
    "team_access_not_granted": "the app is not installed in this workspace; ask its administrator to grant it",
    "two_factor_setup_required": "the account needs two-factor authentication; set it up",
    "ekm_access_denied": "administrators have suspended posting; ask them when it is lifted",
}

# Any other refusal of a look-up is final; for a bad token it is not, since nothing else would work with it either.
_LOOK_UP_WAITS_FOR = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "org_login_required",
        "two_factor_setup_required",
        "",
    }
)

_NAME = re.compile(r"[a-z0-9_]{1,80}", re.IGNORECASE)
_SCOPES = re.compile(r"[a-z0-9_:.,\- ]{1,200}", re.IGNORECASE)
# Servers that are only like Slack say in words or by status that they have no such method.
_NO_SUCH_METHOD = re.compile(
    r"(?:unknown|unsupported|invalid|no such) (?:api )?(?:method|endpoint)\b|not (?:found|implemented|supported)\b"
)
_NO_SUCH_METHOD_STATUS = frozenset({404, 405, 410, 501})
_NEVER_SENT = frozenset({errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN})
_LONGEST_WAIT = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it is named in sentences. `adds` says whether repeating it would show something twice."""

    method: str
    place: str = ""
    adds: bool = False

    def __str__(self) -> str:
        return f"{self.method} for {self.place}" if self.place else self.method


def error_name(error: SlackApiError) -> str:
    """Slack's name of an error, or nothing when the answer is not one of Slack's."""
    data = error.response.data
    name = data.get("error") if isinstance(data, dict) else None
    return name if isinstance(name, str) and _NAME.fullmatch(name) else ""


def refused(error: SlackApiError, request: Request) -> TransportError:
    """The trouble behind an answer that is not `ok`."""
    status, name = error.response.status_code, error_name(error)
    if status == 429 or name in _RATE_LIMITED:
        wait = _retry_after(error)
        how_long = f" for {int(wait.total_seconds())} s" if wait else ""
        return TransportError(f"Slack asks to wait{how_long} before {request}", retry_after=wait)
    if 300 <= status < 400:
        problem = f"{request} got a redirect (HTTP {status}), which the token must not follow"
        return TransportError(
            f"{problem}; set INCIDENT_OPS_SLACK_BASE_URL to the final address", needs_person=True
        )
    if status >= 500 or status == 408:
        return TransportError(f"Slack answered {request} with HTTP {status}", fate_unknown=request.adds)
    if name in _TEMPORARY:
        unknown = _TEMPORARY[name] and request.adds
        return TransportError(f"Slack could not do {request} now ({name})", fate_unknown=unknown)
    if name == "missing_scope":
        return TransportError(_missing_scope(error, request), needs_person=True)
    if name in _NEEDS_PERSON:
        return TransportError(f"Slack refused {request}: {_NEEDS_PERSON[name]} ({name})", needs_person=True)
    if name in _PERMANENT:
        return TransportError(f"Slack refused {request}: {_PERMANENT[name]} ({name})", permanent=True)
    if name:
        return TransportError(f"Slack refused {request}: {name}", permanent=True)
    return _not_slack(status, request)


def is_for_now(error: SlackApiError, trouble: TransportError) -> bool:
    """Whether a look-up that was refused so could work later. A method that the server lacks never will."""
    if _lacks_the_method(error):
        return False
    return error_name(error) in _LOOK_UP_WAITS_FOR if trouble.needs_person else not trouble.permanent


def _lacks_the_method(error: SlackApiError) -> bool:
    if error.response.status_code in _NO_SUCH_METHOD_STATUS:
        return True
    data = error.response.data
    said = data.get("error") if isinstance(data, dict) else None
    # slack_sdk puts the beginning of a body that is no JSON there, after words of its own
    if not isinstance(said, str) or said.startswith("Received a response in a non-JSON format"):
        return False
    return bool(_NO_SUCH_METHOD.search(re.sub(r"[\W_]+", " ", said[:200].lower())))


def no_answer(error: Exception, request: Request) -> TransportError:
    """The trouble behind a request that got no answer that could be read."""
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        problem = f"Slack was not asked for {request}: its certificate cannot be verified; check the base URL"
        return TransportError(f"{problem} and the proxy", needs_person=True)
    if isinstance(reason, socket.gaierror):
        return TransportError(f"{request} was not sent: Slack's address cannot be resolved")
    if isinstance(reason, OSError) and reason.errno in _NEVER_SENT:
        return TransportError(f"{request} was not sent: no connection to Slack ({type(reason).__name__})")
    if isinstance(reason, TimeoutError):
        return TransportError(f"Slack did not answer {request} in time", fate_unknown=request.adds)
    if isinstance(reason, OSError | HTTPException):
        problem = f"the connection to Slack broke off during {request} ({type(reason).__name__})"
        return TransportError(problem, fate_unknown=request.adds)
    return TransportError(f"Slack's answer to {request} cannot be read", fate_unknown=request.adds)


def _not_slack(status: int, request: Request) -> TransportError:
    """An answer without an error's name comes from a proxy, a portal or another server."""
    if status in (401, 403, 404, 407):
        problem = f"{request} got HTTP {status} from something that is not Slack; check the base URL and the proxy"
        return TransportError(problem, needs_person=True)
    if status < 400:
        return TransportError(f"Slack's answer to {request} cannot be read", fate_unknown=request.adds)
    return TransportError(f"{request} was refused with HTTP {status}", permanent=True)


def _missing_scope(error: SlackApiError, request: Request) -> str:
    needed = error.response.get("needed")
    scope = f"the scope {needed}" if isinstance(needed, str) and _SCOPES.fullmatch(needed) else "a scope"
    remedy = "add it under OAuth & Permissions and install the app again"
    return f"Slack refused {request}: the token lacks {scope}; {remedy}"


def _retry_after(error: SlackApiError) -> timedelta | None:
    headers = {str(name).lower(): str(value) for name, value in error.response.headers.items()}
    seconds = headers.get("retry-after", "").strip()
    return timedelta(seconds=min(int(seconds[:9]), _LONGEST_WAIT)) if seconds.isdecimal() else None
