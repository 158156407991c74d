"""What is wrong with a text, as the tests of the configuration ask it."""

import pytest

from incident_ops.config import parse_config
from incident_ops.core.errors import ConfigError

FILE = "incident_ops.yaml"


def problems_of(text: str) -> tuple[str, ...]:
    """The sentences a text is refused with; a text that is accepted fails the test."""
    with pytest.raises(ConfigError) as caught:
        parse_config(text, file=FILE)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems
