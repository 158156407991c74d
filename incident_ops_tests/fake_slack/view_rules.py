"""Slack's rules for windows. From docs.slack.dev (reference/views/modal-views)."""

import json
from typing import Any

from incident_ops_tests.fake_slack.rules import Json, Refusal, block_problems
from incident_ops_tests.fake_slack.text_rules import length, text_problems

_LONGEST_VIEW = 250_000


def view_problems(view: Any) -> list[str]:
    """What Slack would not accept of a window, one line each."""
    if not isinstance(view, dict) or view.get("type") != "modal":
        return ["must be a modal"]
    problems = [f"title: {problem}" for problem in text_problems(view.get("title"), 24, kinds=("plain_text",))]
    for name in ("submit", "close"):
        if name in view:
            problems += [f"{name}: {p}" for p in text_problems(view[name], 24, kinds=("plain_text",))]
    blocks = view.get("blocks") or []
    problems += block_problems(blocks, most=100)
    if not blocks:
        problems.append("blocks: needed")
    if "submit" not in view and any(block.get("type") == "input" for block in blocks):
        problems.append("submit: needed where there are inputs")
    problems += ["private_metadata: too long"] if length(view.get("private_metadata", "")) > 3_000 else []
    problems += ["callback_id: too long"] if length(view.get("callback_id", "")) > 255 else []
    problems += ["view_too_large"] if len(json.dumps(view)) > _LONGEST_VIEW else []
    return problems


def view_of(view: Any) -> Json:
    if isinstance(view, str):  # form-encoded
        view = json.loads(view)
    if problems := view_problems(view):
        raise Refusal("invalid_arguments", response_metadata={"messages": [f"[ERROR] {p}" for p in problems]})
    return view
