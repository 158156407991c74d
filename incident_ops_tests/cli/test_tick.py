"""`incident-ops tick` on a real instance: it detects, delivers and says what it did, whatever the file says."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from incident_ops_tests import tenant
from incident_ops_tests.cli.conftest import CommandLine

NOTHING = {"alerts": 0, "opened": [], "updated": [], "resolved": [], "delivered": 0, "pending": 0}
BROKEN = "teams:\n  fin: {slak: '#fin'}\n"


class Shop:
    """The tenant on the command line's home: build `orders`, with or without a fault."""

    def __init__(self, home: Path, faults: Path) -> None:
        self._home, self._faults = home, faults

    def builds(self, *assets: str, fault: str = "") -> None:
        self._faults.write_text(fault)
        with dg.DagsterInstance.from_config(str(self._home)) as instance:
            tenant.run(instance, *assets)


@pytest.fixture
def shop(cli: CommandLine, environment: Callable[..., None], tmp_path: Path) -> Shop:
    faults = tmp_path / "faults"
    environment(TENANT_FAULTS=str(faults))
    return Shop(cli.home, faults)


def test_a_failing_check_is_one_incident_told_once_until_it_passes(cli: CommandLine, shop: Shop) -> None:
    assert cli("tick", "--json").json == NOTHING
    shop.builds("orders", fault="nulls")
    first = cli("tick", "--json")
    assert first.json == NOTHING | {"alerts": 1, "opened": ["INC-1"], "delivered": 1}
    assert (first.code, first.err) == (0, "")
    assert cli("tick", "--json").json == NOTHING, "the same events again"
    [message] = cli("inbox", "--json").json
    assert set(message) == {"key", "incident", "to", "headline", "text", "thread", "at", "edited_at"}
    assert (message["incident"], message["to"]) == ("INC-1", "#data-incidents")
    assert "INC-1" in cli("inbox").out
    shop.builds("orders")
    assert cli("tick", "--json").json == NOTHING | {"resolved": ["INC-1"], "delivered": 2}
    assert cli("tick").out == "alerts: 0, opened: none, updated: none, resolved: none, delivered: 0, pending: 0\n"
    post, reply = cli("inbox", "--json").json
    assert "resolved" in post["text"]
    assert reply["thread"] == post["key"]


def test_a_person_is_told_like_the_system(cli: CommandLine, shop: Shop) -> None:
    shop.builds("orders", fault="nulls")
    cli("tick")
    cli("ack", "INC-1", "--by", "ann")
    assert cli("tick", "--json").json == NOTHING | {"delivered": 2}
    assert cli("inbox", "--json").json[1]["text"] == "Acknowledged by ann"


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2030-01-02T03:04:05Z", "2030-01-02T03:04:05Z"),
        ("2030-01-02T03:04:05", "2030-01-02T03:04:05Z"),
        ("2030-01-02T03:04:05+02:00", "2030-01-02T01:04:05Z"),
    ],
)
def test_at_says_what_time_it_is(cli: CommandLine, shop: Shop, at: str, expected: str) -> None:
    shop.builds("boom", fault="boom")
    assert cli("tick", "--at", at, "--json").json["opened"] == ["INC-1"]
    record = cli("show", "INC-1", "--json").json
    assert {entry["at"] for entry in record["timeline"]} == {expected}
    assert record["detected_at"] == expected


def test_with_a_broken_file_the_last_good_one_stays_in_force(cli: CommandLine, shop: Shop) -> None:
    """A typing mistake in the file once stopped all detection: the worst moment to find out."""
    cli.configure("slack: {default_channel: '#night-watch'}\n")
    cli("tick")
    cli.configure(BROKEN)
    shop.builds("orders", fault="nulls")
    answer = cli("tick", "--json")
    assert answer.code == 2
    assert 'teams.fin.slak is not a known key; did you mean "slack"?' in answer.err
    assert (len(answer.json["opened"]), answer.json["delivered"], answer.json["pending"]) == (2, 2, 0)
    listed = cli("list", "--json")
    assert (listed.code, {i["title"] for i in listed.json}) == (
        2,
        {"orders: check orders_not_null failed", "incident_ops: configuration"},
    )
    assert {message["to"] for message in cli("inbox", "--json").json} == {"#night-watch"}


def test_acting_works_with_a_broken_file_and_says_so(cli: CommandLine, shop: Shop) -> None:
    shop.builds("orders", fault="nulls")
    cli("tick")
    cli.configure(BROKEN)
    answer = cli("ack", "INC-1", "--by", "ann", "--json")
    assert (answer.code, answer.json["status"]) == (2, "acknowledged")


def test_the_alert_about_the_file_ends_when_it_is_mended(cli: CommandLine) -> None:
    cli.configure(BROKEN)
    assert cli("tick", "--json").json["opened"] == ["INC-1"]
    assert cli("tick", "--json").json == NOTHING
    cli.configure("teams: {fin: {slack: '#fin'}}\n")
    answer = cli("tick", "--json")
    assert (answer.code, answer.json["resolved"]) == (0, ["INC-1"])


def test_a_sink_that_only_a_person_can_mend_is_told_and_nothing_is_lost(
    cli: CommandLine, shop: Shop, environment: Callable[..., None]
) -> None:
    environment(INCIDENT_OPS_SLACK_TOKEN="xoxb-fake", INCIDENT_OPS_SLACK_BASE_URL="http://127.0.0.1:9/")
    shop.builds("orders", fault="nulls")
    answer = cli("tick", "--json")
    assert (answer.code, answer.json["delivered"], answer.json["pending"]) == (0, 0, 1)
    assert answer.err.startswith("slack:#data-incidents: ")
    assert "xoxb" not in answer.err
