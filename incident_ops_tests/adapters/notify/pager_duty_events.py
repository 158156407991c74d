"""What the Events API v2 takes, as a JSON schema, and what it does with it.

Written after developer.pagerduty.com: "Events API v2 overview" and "Send an Alert Event" (event format, payload,
size limits, response codes).
"""

import jsonschema

from incident_ops_tests.adapters.notify.local_server import Answer, Request, json_answer

LARGEST_EVENT = 512 * 1_024

_TEXT = {"type": "string", "minLength": 1}
_WEB = {"type": "string", "pattern": "^https?://[^\\s]+$"}
SCHEMA = {
    "type": "object",
    "required": ["routing_key", "event_action"],
    "additionalProperties": False,
    "properties": {
        "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
        "client": _TEXT,
        "client_url": _WEB,
        "links": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["href"],
                "additionalProperties": False,
                "properties": {"href": _WEB, "text": _TEXT},
            },
        },
        "images": {"type": "array"},
        "payload": {
            "type": "object",
            "required": ["summary", "source", "severity"],
            "additionalProperties": False,
            "properties": {
                "summary": {"type": "string", "minLength": 1, "maxLength": 1_024},
                "source": _TEXT,
                "severity": {"enum": ["critical", "error", "warning", "info"]},
                "timestamp": {"type": "string", "pattern": "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d"},
                "component": {"type": "string"},
                "group": {"type": "string"},
                "class": {"type": "string"},
                "custom_details": {"type": "object"},
            },
        },
    },
    "allOf": [
        {
            "if": {"properties": {"event_action": {"const": "trigger"}}},
            "then": {"required": ["payload"]},
            "else": {"required": ["dedup_key"]},
        }
    ],
}
_VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


class Events:
    """PagerDuty's side: alerts by `dedup_key`, as people see them."""

    def __init__(self, routing_key: str) -> None:
        self._routing_key = routing_key
        self.alerts: dict[str, dict[str, object]] = {}
        self.actions: list[str] = []

    def answer(self, request: Request) -> Answer:
        event = request.json
        errors = [f"{'.'.join(map(str, e.path))} {e.message[:80]}" for e in _VALIDATOR.iter_errors(event)]
        if len(request.body) > LARGEST_EVENT:
            return json_answer({"status": "invalid event", "errors": ["event is too large"]}, 413)
        if request.path != "/v2/enqueue":
            return Answer(status=404)
        if errors:
            return json_answer(
                {"status": "invalid event", "message": "Event object is invalid", "errors": errors}, 400
            )
        if event["routing_key"] != self._routing_key:
            errors = [f"'routing_key' {event['routing_key']} is invalid"]
            return json_answer({"status": "invalid event", "errors": errors}, 400)
        self._take(event)
        return json_answer(
            {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}, 202
        )

    def _take(self, event: dict[str, object]) -> None:
        action, key = str(event["event_action"]), str(event["dedup_key"])
        self.actions.append(action)
        alert = self.alerts.get(key)
        is_open = alert is not None and alert["status"] != "resolved"
        if action == "trigger":
            status = alert["status"] if alert is not None and is_open else "triggered"
            self.alerts[key] = {"status": status, **event}
        elif alert is not None and is_open:
            alert["status"] = f"{action.removesuffix('e')}ed"
