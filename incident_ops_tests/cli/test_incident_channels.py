"""A channel of its own follows a major incident to its end, whatever becomes of its severity."""

from collections.abc import Callable

import pytest

from incident_ops_tests.builders import make_incident
from incident_ops_tests.cli.conftest import CommandLine


@pytest.fixture
def major(cli: CommandLine, environment: Callable[..., None]) -> CommandLine:
    cli.configure("slack: {incident_channels: {severities: [SEV0]}}")
    environment(INCIDENT_OPS_SLACK_TOKEN="xoxb-1")
    with cli.store() as store, store.transaction() as tx:
        tx.save(make_incident(tx.allocate_number()))
    return cli


def owed(cli: CommandLine) -> list[str]:
    """What is owed to channels of incidents' own."""
    with cli.store() as store:
        return [str(each.action) for each in store.deliveries(1) if each.destination.address.startswith("#inc-")]


def test_it_begins_with_the_severity_and_is_told_to_the_end(major: CommandLine) -> None:
    """People who were gathered there would otherwise wait for an all-clear that never comes."""
    assert owed(major) == []
    assert major("severity", "INC-1", "SEV0").code == 0
    assert owed(major) == ["post"]
    assert major("severity", "INC-1", "SEV2").code == 0
    assert major("resolve", "INC-1", "--reason", "fixed").code == 0
    assert owed(major) == ["post", "reply", "reply"]


def test_milder_incidents_have_none(major: CommandLine) -> None:
    assert major("severity", "INC-1", "SEV1").code == 0
    assert owed(major) == []
