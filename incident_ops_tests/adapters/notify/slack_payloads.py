"""What Slack sends when people press, fill in, write and choose, in the shape of the examples in Slack's own
documentation (docs.slack.dev, reference/interaction-payloads and interactivity/implementing-slash-commands)."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

ERIN, MAX, STRANGER = "U0ERIN", "U0MAX", "U0STRANGER"
CHANNEL, POST = "C0FIN", "1764000000.000100"

_TEAM = {"id": "T0FAKE", "domain": "fake"}
_APP = {"api_app_id": "A0FAKE", "token": "not-used-any-more", "enterprise": None, "is_enterprise_install": False}


def person(user: str) -> Json:
    name = user.removeprefix("U0").lower()
    return {"id": user, "username": name, "name": name, "team_id": "T0FAKE"}


def pressed(action: Mapping[str, Any], *, by: str = ERIN, **more: Any) -> Json:
    """A button or a menu of the post in `CHANNEL`."""
    return {
        "type": "block_actions",
        "user": person(by),
        **_APP,
        "container": {
            "type": "message",
            "message_ts": POST,
            "channel_id": CHANNEL,
            "is_ephemeral": False,
        },
        "trigger_id": "1.0.fake",
        "team": _TEAM,
        "channel": {"id": CHANNEL, "name": "fin"},
        "message": {
            "user": "U0FAKE",
            "type": "message",
            "ts": POST,
            "bot_id": "B0FAKE",
            "app_id": "A0FAKE",
            "text": "🔴 INC-7 SEV2 a/b: check not_null failed",
            "team": "T0FAKE",
            "blocks": [],
        },
        "state": {"values": {}},
        "response_url": "https://elsewhere.test/actions/T0FAKE/1/secret",
        "actions": [{"block_id": "incident_actions", "action_ts": "1764000060.123456", **action}],
        **more,
    }


def button(action_id: str, value: str) -> Json:
    text = {"type": "plain_text", "text": "Acknowledge", "emoji": False}
    return {"type": "button", "action_id": action_id, "text": text, "value": value, "style": "primary"}


def menu(action_id: str, value: str) -> Json:
    option = {"text": {"type": "plain_text", "text": "Add a note…", "emoji": False}, "value": value}
    return {"type": "overflow", "action_id": action_id, "selected_option": option}


def submitted(view: Mapping[str, Any], filled: Mapping[str, Json], *, by: str = ERIN) -> Json:
    """A window as it was opened, with what was filled in: block id → the element's state."""
    return {
        "type": "view_submission",
        "team": _TEAM,
        "user": person(by),
        **_APP,
        "trigger_id": "2.0.fake",
        "view": {
            **view,
            "id": "V00001",
            "team_id": "T0FAKE",
            "state": {"values": {name: {name: state} for name, state in filled.items()}},
            "hash": "1764000060.AbCdEfGh",
            "previous_view_id": None,
            "root_view_id": "V00001",
            "app_id": "A0FAKE",
            "external_id": "",
            "app_installed_team_id": "T0FAKE",
            "bot_id": "B0FAKE",
        },
        "response_urls": [],
    }


def chosen(value: str) -> Json:
    return {
        "type": "radio_buttons",
        "selected_option": {"text": {"type": "plain_text", "text": "x"}, "value": value},
    }


def written(text: str | None) -> Json:
    return {"type": "plain_text_input", "value": text}


def selected(user: str | None) -> Json:
    return {"type": "users_select", "selected_user": user}


def closed(view: Mapping[str, Any], *, by: str = ERIN) -> Json:
    return {
        "type": "view_closed",
        "team": _TEAM,
        "user": person(by),
        **_APP,
        "view": {**view, "id": "V00001", "state": {"values": {}}},
        "is_cleared": False,
    }


def message_shortcut(message: Mapping[str, Any], *, by: str = ERIN, callback_id: str, **more: Any) -> Json:
    return {
        "type": "message_action",
        "callback_id": callback_id,
        "trigger_id": "3.0.fake",
        "message_ts": message.get("ts", POST),
        "response_url": "https://elsewhere.test/app/T0FAKE/1/secret",
        **_APP,
        "action_ts": "1764000120.000000",
        "team": _TEAM,
        "user": person(by),
        "channel": {"id": CHANNEL, "name": "fin"},
        "message": {"type": "message", "team": "T0FAKE", "client_msg_id": "c0ffee", **message},
        **more,
    }


def reply(text: str, *, by: str = MAX, **more: Any) -> Json:
    """A message in the thread of the post."""
    return {
        "user": by,
        "ts": "1764000100.000200",
        "thread_ts": POST,
        "parent_user_id": "U0FAKE",
        "text": text,
        "blocks": [{"type": "rich_text", "block_id": "b1", "elements": []}],
        **more,
    }


def global_shortcut(callback_id: str, *, by: str = ERIN) -> Json:
    return {
        "type": "shortcut",
        "callback_id": callback_id,
        "trigger_id": "4.0.fake",
        "action_ts": "1764000120.000000",
        **_APP,
        "team": _TEAM,
        "user": person(by),
    }


def slash(text: str, *, by: str = ERIN, command: str = "/incident") -> Json:
    """The fields of the form."""
    return {
        "token": "not-used-any-more",
        "team_id": "T0FAKE",
        "team_domain": "fake",
        "channel_id": CHANNEL,
        "channel_name": "fin",
        "user_id": by,
        "user_name": by.removeprefix("U0").lower(),
        "command": command,
        "text": text,
        "api_app_id": "A0FAKE",
        "is_enterprise_install": "false",
        "response_url": "https://elsewhere.test/commands/T0FAKE/1/secret",
        "trigger_id": "5.0.fake",
    }
