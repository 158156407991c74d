"""What is read out of an asset's metadata, whatever people have written there."""

import json
from typing import Any

import pytest

from incident_ops.adapters.dagster_definitions import consumers_from, doubtful_consumers_of


@pytest.mark.parametrize(
    ("written", "consumers", "doubtful"),
    [
        (["cfo@acme.test", "CFO@acme.test ", "", "cfo@acme.test"], ("cfo@acme.test",), ()),
        ("team:board, Cy@acme.test", ("team:board", "cy@acme.test"), ()),
        (["team:fin", "not an address", "<!channel>", 5], ("team:fin",), ("not an address", "<!channel>", "5")),
        ("the board", (), ("the", "board")),
        ({"a": 1}, (), ("{'a': 1}",)),
        (None, (), ()),
        (["x" * 100], (), ("x" * 59 + "…",)),
    ],
    ids=["one person", "a text", "some that are none", "words", "an object", "nothing", "a long word"],
)
def test_consumers_are_told_once_and_who_cannot_be_told_is_named(
    written: Any, consumers: tuple[str, ...], doubtful: tuple[str, ...]
) -> None:
    """In metadata anything may stand, and "<!channel>" as a recipient would wake everybody."""
    entry = {"label": "incident_ops/consumers"}
    entry |= {"text": written} if isinstance(written, str) else {"jsonString": json.dumps(written)}
    answer = {"metadataEntries": [{"label": "other", "text": "#fin"}, entry]}
    assert consumers_from(written) == consumers
    assert doubtful_consumers_of(answer) == doubtful
