"""Slack's rules for what is sent to it: blocks, text, metadata, pages. `fake_slack.py` answers by them, and the
renderer's tests measure with them. From docs.slack.dev (reference/block-kit, reference/methods)."""

import json
import re
from typing import Any, TypeVar

from incident_ops_tests.fake_slack.element_rules import actions_problems, input_problems
from incident_ops_tests.fake_slack.text_rules import Json, length, text_problems

Item = TypeVar("Item")


class Refusal(Exception):
    """Slack's `{"ok": false}`."""

    def __init__(self, name: str, **more: Any) -> None:
        super().__init__(name)
        self.answer = {"ok": False, "error": name, **more}


def block_problems(blocks: Any, *, most: int = 50) -> list[str]:
    """What Slack would not accept of `blocks` (`most`: 50 in a message, 100 in a window), one line each."""
    if not isinstance(blocks, list):
        return ["blocks: must be a list"]
    problems = [f"blocks: no more than {most} items allowed"] if len(blocks) > most else []
    ids = [block["block_id"] for block in blocks if isinstance(block, dict) and "block_id" in block]
    problems += [] if len(set(ids)) == len(ids) else ["block_id used twice"]
    problems += [] if all(length(str(id_)) <= 255 for id_ in ids) else ["block_id too long"]
    for index, block in enumerate(blocks):
        kind = block.get("type") if isinstance(block, dict) else None
        problems.extend(f"/blocks/{index}: {problem}" for problem in _problems_of(kind, block))
    return problems


def _problems_of(kind: Any, block: Any) -> list[str]:
    match kind:
        case "header":
            return text_problems(block.get("text"), 150, kinds=("plain_text",))
        case "section":
            return _section_problems(block)
        case "context":
            elements = block.get("elements") or []
            problems = [] if 1 <= len(elements) <= 10 else ["1 to 10 elements allowed"]
            for element in elements:
                if element.get("type") != "image":
                    problems += text_problems(element, 3_000)
            return problems
        case "actions":
            return actions_problems(block)
        case "input":
            return input_problems(block)
        case "divider":
            return []
        case _:
            return [f"unsupported type: {kind}"]


def _section_problems(block: Json) -> list[str]:
    text, fields = block.get("text"), block.get("fields")
    problems = [] if text is not None or fields is not None else ["text or fields needed"]
    if text is not None:
        problems += text_problems(text, 3_000)
    if fields is not None:
        problems += [] if 1 <= len(fields) <= 10 else ["1 to 10 fields allowed"]
        for one in fields:
            problems += text_problems(one, 2_000)
    return problems


def content_of(body: Json) -> tuple[str, list[Json] | None]:
    """Text and blocks of a request; blocks None when it has none."""
    text, blocks = str(body.get("text") or ""), body.get("blocks")
    if isinstance(blocks, str):  # form-encoded
        try:
            blocks = json.loads(blocks)
        except json.JSONDecodeError:
            raise Refusal("invalid_blocks_format") from None
    if blocks and (problems := block_problems(blocks)):
        messages = [f"[ERROR] {problem}" for problem in problems]
        raise Refusal("invalid_blocks", errors=problems, response_metadata={"messages": messages})
    if not text.strip() and not blocks:
        raise Refusal("no_text")
    if length(text) > 40_000:
        raise Refusal("msg_too_long")
    return text, blocks


def metadata_of(metadata: Any) -> Json | None:
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except json.JSONDecodeError:
            raise Refusal("invalid_metadata_format") from None
    if metadata is None or metadata == {}:
        return None
    if not isinstance(metadata, dict) or not re.fullmatch(r"[A-Za-z0-9_.]+", str(metadata.get("event_type", ""))):
        raise Refusal("invalid_metadata_format")
    if not isinstance(metadata.get("event_payload"), dict):
        raise Refusal("invalid_metadata_format")
    if len(json.dumps(metadata)) > 16_000:
        raise Refusal("metadata_too_large")
    return metadata


def page_of(body: Json, items: list[Item], *, most: int) -> tuple[list[Item], str]:
    """A page, and the cursor of the next one (empty at the end)."""
    cursor = str(body.get("cursor") or "from:0")
    if not re.fullmatch(r"from:\d+", cursor):
        raise Refusal("invalid_cursor")
    start = int(cursor.removeprefix("from:"))
    end = start + min(int(body.get("limit") or 100), most)
    return items[start:end], f"from:{end}" if end < len(items) else ""


def is_true(value: Any) -> bool:
    return value in (True, 1, "1", "true", "True")
