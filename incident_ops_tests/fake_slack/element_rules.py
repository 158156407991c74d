"""Slack's rules for what can be pressed and filled in: buttons, menus, inputs. From docs.slack.dev
(reference/block-kit/block-elements, composition-objects)."""

from typing import Any

from incident_ops_tests.fake_slack.text_rules import Json, length, text_problems

_PLAIN = ("plain_text",)


def actions_problems(block: Json) -> list[str]:
    elements = block.get("elements") or []
    problems = [] if 1 <= len(elements) <= 25 else ["1 to 25 elements allowed"]
    ids = [element.get("action_id") for element in elements if element.get("action_id")]
    problems += [] if len(set(ids)) == len(ids) else ["action_id used twice"]
    for element in elements:
        problems += _element_problems(element, _IN_ACTIONS)
    return problems


def input_problems(block: Json) -> list[str]:
    problems = text_problems(block.get("label"), 2_000, kinds=_PLAIN)
    if "hint" in block:
        problems += text_problems(block["hint"], 2_000, kinds=_PLAIN)
    return problems + _element_problems(block.get("element"), _IN_INPUTS)


def _element_problems(element: Any, allowed: frozenset[str]) -> list[str]:
    kind = element.get("type") if isinstance(element, dict) else None
    if kind not in allowed:
        return [f"unsupported element: {kind}"]
    problems = [] if length(str(element.get("action_id") or "")) <= 255 else ["action_id too long"]
    if "placeholder" in element:
        problems += text_problems(element["placeholder"], 150, kinds=_PLAIN)
    match kind:
        case "button":
            problems += text_problems(element.get("text"), 75, kinds=_PLAIN)
            problems += ["url too long"] if length(element.get("url", "")) > 3_000 else []
            problems += ["value too long"] if length(element.get("value", "")) > 2_000 else []
            problems += [] if element.get("style", "primary") in ("primary", "danger") else ["unknown style"]
        case "overflow":
            problems += _options_problems(element, most=5)
        case "static_select":
            problems += _options_problems(element, most=100)
        case "radio_buttons":
            problems += _options_problems(element, most=10)
        case "plain_text_input":
            longest = element.get("max_length", 3_000)
            problems += [] if 1 <= longest <= 3_000 else ["max_length must be 1 to 3000"]
            problems += ["initial_value too long"] if length(element.get("initial_value", "")) > longest else []
        case _:  # users_select
            problems += [] if str(element.get("initial_user", "U")).startswith(("U", "W")) else ["no user"]
    return problems


def _options_problems(element: Json, *, most: int) -> list[str]:
    options = element.get("options") or []
    problems = [] if 1 <= len(options) <= most else [f"1 to {most} options allowed"]
    for option in options:
        problems += text_problems(option.get("text"), 75, kinds=_PLAIN)
        value = option.get("value")
        problems += [] if isinstance(value, str) and 0 < length(value) <= 150 else ["value of 1 to 150 characters"]
    if "initial_option" in element and element["initial_option"] not in options:
        problems.append("initial_option is none of the options")
    return problems


_IN_ACTIONS = frozenset({"button", "overflow", "static_select", "users_select", "radio_buttons"})
_IN_INPUTS = frozenset({"plain_text_input", "static_select", "users_select", "radio_buttons"})
