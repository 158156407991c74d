"""Slack's rules for what is sent to it: blocks, text, metadata, pages. `fake_slack.py` answers by them, and the
renderer's tests measure with them. From docs.slack.dev (reference/block-kit, reference/methods)."""

import json
import re
from collections.abc import Collection
from typing import Any, TypeVar

Json = dict[str, Any]
Item = TypeVar("Item")


class Refusal(Exception):
    """Slack's `{"ok": false}`."""

    def __init__(self, name: str, **more: Any) -> None:
        super().__init__(name)
        self.answer = {"ok": False, "error": name, **more}


def block_problems(blocks: Any) -> list[str]:
    """What Slack would not accept of `blocks`, one line each."""
    if not isinstance(blocks, list):
        return ["blocks: must be a list"]
    problems = ["blocks: no more than 50 items allowed"] if len(blocks) > 50 else []
    for index, block in enumerate(blocks):
        kind = block.get("type") if isinstance(block, dict) else None
        problems.extend(f"/blocks/{index}: {problem}" for problem in _problems_of(kind, block))
    return problems


def _problems_of(kind: Any, block: Any) -> list[str]:
    match kind:
        case "header":
            return _text_problems(block.get("text"), 150, kinds=("plain_text",))
        case "section":
            return _section_problems(block)
        case "context":
            elements = block.get("elements") or []
            problems = [] if 1 <= len(elements) <= 10 else ["1 to 10 elements allowed"]
            for element in elements:
                if element.get("type") != "image":
                    problems += _text_problems(element, 3_000)
            return problems
        case "actions":
            elements = block.get("elements") or []
            problems = [] if 1 <= len(elements) <= 25 else ["1 to 25 elements allowed"]
            for element in elements:
                problems += _text_problems(element.get("text"), 75, kinds=("plain_text",))
                problems += ["url too long"] if _length(element.get("url", "")) > 3_000 else []
            return problems
        case "divider":
            return []
        case _:
            return [f"unsupported type: {kind}"]


def _section_problems(block: Json) -> list[str]:
    text, fields = block.get("text"), block.get("fields")
    problems = [] if text is not None or fields is not None else ["text or fields needed"]
    if text is not None:
        problems += _text_problems(text, 3_000)
    if fields is not None:
        problems += [] if 1 <= len(fields) <= 10 else ["1 to 10 fields allowed"]
        for one in fields:
            problems += _text_problems(one, 2_000)
    return problems


def _text_problems(text: Any, longest: int, *, kinds: Collection[str] = ("plain_text", "mrkdwn")) -> list[str]:
    if not isinstance(text, dict) or text.get("type") not in kinds or not isinstance(text.get("text"), str):
        return [f"must be a text of kind {' or '.join(kinds)}"]
    problems = [] if text["text"].strip() else ["must be more than 0 characters"]
    if _length(text["text"]) > longest:
        problems.append(f"must be less than {longest + 1} characters")
    if "emoji" in text and text["type"] != "plain_text":
        problems.append("emoji is for plain_text only")
    if "verbatim" in text and text["type"] != "mrkdwn":
        problems.append("verbatim is for mrkdwn only")
    return problems


def _length(text: str) -> int:
    """In UTF-16 units, the strictest way to count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


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
    if _length(text) > 40_000:
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
