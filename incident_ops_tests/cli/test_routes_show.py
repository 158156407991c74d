"""`incident-ops routes show`: the tree as a picture."""

from collections.abc import Callable

import pytest

from incident_ops_tests.cli.conftest import CommandLine
from incident_ops_tests.cli.routed import CONFIG


@pytest.fixture
def shop(cli: CommandLine) -> CommandLine:
    cli.configure(CONFIG)
    return cli


TREE = """\
everything → owner (the owner's channel, else the default one)
group_by root, group_wait 30 s, group_interval 5 min, repeat_interval 4 h
├── tag:incident_ops/tier = "gold", severity =~ "SEV[01]" → war-room (#war-room), continue
│   escalation_policy standard
├── team = "web", nature = "freshness" → web-late (#web-late)
│   muted in nights
├── group = "noise" → digest (the owner's digest)
│   digest daily
└── team = "fin" → owner (the owner's channel, else the default one)

escalation policy standard, gone through again once
├── step 0: schedule:fin-primary (now otto@acme.test), 5 min
└── step 1: lea@acme.test, receiver:war-room, 10 min

Subscriptions, whatever the tree says:
  cfo@acme.test: asset = "orders" → digest
"""


def test_the_tree_is_drawn_with_what_differs_from_the_branch_above(shop: CommandLine) -> None:
    always_otto = CONFIG.replace("[erin@acme.test, otto@acme.test]", "[otto@acme.test]")
    shop.configure(always_otto.replace('from: "20:00", to: "08:00"', "days: [mon]"))
    drawn = "\n".join(line.rstrip() for line in shop("routes", "show").out.splitlines())
    lines = [line for line in drawn.splitlines() if "now: muted" not in line]
    assert "\n".join(lines) + "\n" == TREE


def test_the_tree_says_what_is_muted_now_and_where_mail_goes(shop: CommandLine) -> None:
    all_week = CONFIG.replace('from: "20:00", to: "08:00"', "days: [mon, tue, wed, thu, fri, sat, sun]")
    shop.configure(all_week.replace('slack: {channel: "#web-late"}', "email: {to: [web@acme.test]}"))
    out = shop("routes", "show").out
    assert "now: muted by the time interval nights" in out
    assert "web-late (web@acme.test)" in out


def test_channels_of_their_own_are_said_where_there_are_any(
    shop: CommandLine, environment: Callable[..., None]
) -> None:
    """The inbox has no channels, so without an account nothing is promised."""
    shop.configure(f"{CONFIG}slack: {{incident_channels: {{severities: [SEV1, SEV0], prefix: war-}}}}\n")
    assert "of their own" not in shop("routes", "show").out
    environment(INCIDENT_OPS_SLACK_TOKEN="xoxb-1")
    assert "SEV0, SEV1 have a channel of their own: #war-…" in shop("routes", "show").out


def test_a_rehearsal_of_a_major_incident_names_its_channel(
    shop: CommandLine, environment: Callable[..., None]
) -> None:
    shop.configure(f"{CONFIG}slack: {{incident_channels: {{severities: [SEV0]}}}}\n")
    environment(INCIDENT_OPS_SLACK_TOKEN="xoxb-1")

    def places(severity: str) -> list[str]:
        record = shop("routes", "test", "--asset", "orders", "--severity", severity, "--json").json
        return [each["to"] for each in record["destinations"]]

    assert "slack:#inc-…" in places("SEV0")
    assert "slack:#inc-…" not in places("SEV1")


def test_without_a_file_all_goes_to_the_owner(cli: CommandLine) -> None:
    record = cli("routes", "show", "--json").json
    assert (record["tree"]["receiver"], record["tree"]["routes"]) == ("owner", [])
    assert record["default"] == "#data-incidents"
