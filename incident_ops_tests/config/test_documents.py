"""The documents about sinks: every example is a file that works, every kind and every key is told of."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from incident_ops.config import missing_secrets, not_yet_effective, parse_config, warnings_of
from incident_ops.config.shape import KINDS_OF_RECEIVERS, Config, Receiver, SlackAccount, Smtp

SINKS = (Path(__file__).parents[2] / "docs" / "sinks.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", SINKS, re.MULTILINE | re.DOTALL)
NOW = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_works_and_nothing_in_it_is_doubtful(example: str) -> None:
    """Examples are copied."""
    assert not_yet_effective(parse_config(example, file="sinks.md")) == []
    assert warnings_of(example, file="sinks.md", now=NOW) == []


def test_every_kind_has_a_row_and_an_example() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", SINKS, re.MULTILINE)
    assert {*rows} == {*KINDS_OF_RECEIVERS, "inbox"}
    shown = {
        kind
        for example in EXAMPLES
        for receiver in parse_config(example, file="sinks.md").receivers
        for kind in KINDS_OF_RECEIVERS
        if getattr(receiver, kind) is not None
    }
    assert shown == {*KINDS_OF_RECEIVERS} - {"opsgenie"}, "which nobody should begin with any more"


def test_every_key_of_a_receiver_is_in_the_document() -> None:
    """A key that no document has is found by nobody."""
    told = " ".join([*EXAMPLES, *re.findall(r"`([^`\n]+)`", SINKS)])
    words = {*re.findall(r"\w+", told)}
    untold = {key for model in (Receiver, Smtp, SlackAccount) for key in _keys(model) if key not in words}
    in_templates = {"headline", "summary", "facts"}  # which have a document of their own
    assert untold - in_templates == {"base_url"}, "which is for tests"


def test_the_variables_of_the_examples_are_all_that_they_lack() -> None:
    for example in EXAMPLES:
        config: Config = parse_config(example, file="sinks.md")
        assert all("is not set" in sentence for sentence in missing_secrets(config, {}))


def _keys(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield field.alias or name
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel) and part.__name__ != "Secret":
                yield from _keys(part)
