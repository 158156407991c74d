"""Slack's rules for text objects."""

from collections.abc import Collection
from typing import Any

Json = dict[str, Any]


def text_problems(text: Any, longest: int, *, kinds: Collection[str] = ("plain_text", "mrkdwn")) -> list[str]:
    if not isinstance(text, dict) or text.get("type") not in kinds or not isinstance(text.get("text"), str):
        return [f"must be a text of kind {' or '.join(kinds)}"]
    problems = [] if text["text"].strip() else ["must be more than 0 characters"]
    if length(text["text"]) > longest:
        problems.append(f"must be less than {longest + 1} characters")
    if "emoji" in text and text["type"] != "plain_text":
        problems.append("emoji is for plain_text only")
    if "verbatim" in text and text["type"] != "mrkdwn":
        problems.append("verbatim is for mrkdwn only")
    return problems


def length(text: str) -> int:
    """In UTF-16 units, the strictest way to count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
