"""The table of natures, as people say it."""

import pytest

from incident_ops.core.alert import Nature
from incident_ops.core.grouping import EXPLAINS, explains

SAYINGS = [
    ("freshness", "freshness", True),
    ("freshness", "volume", True),
    ("freshness", "field_health", False),
    ("freshness", "schema", False),
    ("freshness", "rule", False),
    ("field_health", "field_health", True),
    ("field_health", "volume", True),
    ("field_health", "schema", False),
    ("pipeline", "pipeline", True),
    ("pipeline", "freshness", True),
    ("pipeline", "volume", True),
    ("pipeline", "field_health", False),
    ("schema", "pipeline", True),
    ("schema", "field_health", True),
    ("volume", "freshness", True),
]


@pytest.mark.parametrize(("upstream", "downstream", "answer"), SAYINGS)
def test_which_trouble_explains_which(upstream: str, downstream: str, answer: bool) -> None:
    assert explains(Nature(upstream), Nature(downstream)) is answer


@pytest.mark.parametrize("nature", Nature)
def test_every_nature_has_a_row_and_explains_its_own_kind(nature: Nature) -> None:
    assert nature in EXPLAINS[nature]


@pytest.mark.parametrize("nature", Nature)
def test_a_rule_explains_everything_since_nobody_knows_what_it_looks_at(nature: Nature) -> None:
    assert explains(Nature.RULE, nature)
