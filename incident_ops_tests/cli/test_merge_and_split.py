"""`incident-ops merge` and `split`: what people put together or take apart, and what is refused."""

import pytest

from incident_ops.core.routing import RoutingRules
from incident_ops.core.status import Resolution
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.triage import change, triage
from incident_ops_tests.builders import T0, make_alert, minutes
from incident_ops_tests.cli.conftest import CommandLine
from incident_ops_tests.engine.test_one_cause import G


@pytest.fixture
def two(cli: CommandLine) -> CommandLine:
    """INC-1 has raw with orders, which is built from it, and two checks on orders; INC-2 and INC-3 stand alone,
    and INC-3 is over."""
    policy = Policy(routing=RoutingRules(sink="inbox", default_channel="#data-incidents"))
    knowledge = Knowledge(catalog=G, policy=policy, installed_at=T0)
    alerts = [
        make_alert("raw"),
        make_alert("orders", minutes(1)),
        make_alert("orders", minutes(1), check="unique"),
        make_alert("x", minutes(2)),
        make_alert("y", minutes(3)),
    ]
    with cli.store() as store:
        store.save_catalog(G)
        triage(store, alerts, knowledge, now=minutes(5))
        change(
            store,
            3,
            lambda i: i.resolved(at=minutes(6), by="ana", reason=Resolution.FIXED),
            knowledge,
            now=minutes(6),
        )
    return cli


def members(incident: dict[str, list[dict[str, str]]]) -> list[str]:
    return sorted(f"{member['asset']}: {member['check']}" for member in incident["members"])


def test_merged_incidents_are_one_and_the_other_says_where_it_went(two: CommandLine) -> None:
    answer = two("merge", "INC-1", "inc-2", "--by", "ana", "--json")
    assert (answer.code, answer.err) == (0, "")
    assert (answer.json["id"], answer.json["merged_from"]) == ("INC-1", ["INC-2"])
    assert members(answer.json) == ["orders: not_null", "orders: unique", "raw: not_null", "x: not_null"]
    assert [incident["id"] for incident in two("list", "--json").json] == ["INC-1"]
    assert "merged into: INC-1" in two("show", "INC-2").out
    assert two("show", "1", "--json").json["timeline"][-1]["by"] == "ana"


@pytest.mark.parametrize(
    ("assets", "parted", "left"),
    [
        (["orders"], ["orders: not_null", "orders: unique"], ["raw: not_null"]),
        (["orders: unique"], ["orders: unique"], ["orders: not_null", "raw: not_null"]),
        (["raw", "orders: unique"], ["orders: unique", "raw: not_null"], ["orders: not_null"]),
    ],
)
def test_what_is_split_off_is_an_incident_of_its_own(
    two: CommandLine, assets: list[str], parted: list[str], left: list[str]
) -> None:
    stays, new = two("split", "INC-1", *assets, "--by", "bob", "--json").json
    assert (stays["id"], members(stays)) == ("INC-1", left)
    assert (new["id"], members(new)) == ("INC-4", parted)
    told = [(entry["kind"], entry["by"]) for entry in two("show", "4", "--json").json["timeline"]]
    assert ("split", "bob") in told


def test_people_are_told_in_a_line_each(two: CommandLine) -> None:
    assert two("split", "INC-1", "orders").out == (
        "INC-1 is triggered, SEV2, assignee none\nINC-4 is triggered, SEV1, assignee none\n"
    )
    assert two("merge", "INC-1", "INC-4", "INC-2").out == (
        "INC-1 has taken in INC-4, INC-2 and is triggered, SEV1, assignee none\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["merge", "INC-1", "INC-9"], "there is no incident INC-9"),
        (["merge", "INC-1", "x"], 'there is no incident "x"; incidents are named like INC-1'),
        (["merge", "INC-1", "INC-2", "INC-1"], "INC-1 cannot be merged into itself."),
        (["merge", "INC-1", "INC-3"], "INC-3 is resolved: only an open incident can be merged."),
        (["split", "INC-9", "raw"], "there is no incident INC-9"),
        (["split", "INC-3", "y"], "INC-3 is resolved: only an open incident can be split."),
        (["split", "INC-2", "x"], "INC-2 would be empty: leave at least one member in it."),
        (["split", "INC-2", "z"], "INC-2 has no member z; it has x, x: not_null."),
    ],
)
def test_what_makes_no_sense_is_one_sentence_and_changes_nothing(
    two: CommandLine, arguments: list[str], sentence: str
) -> None:
    before = two("list", "--all", "--json").json
    answer = two(*arguments)
    assert (answer.code, answer.out, answer.err) == (1, "", f"{sentence}\n")
    assert two("list", "--all", "--json").json == before


@pytest.mark.parametrize("arguments", [["merge", "INC-1"], ["split", "INC-1"]])
def test_one_name_alone_is_wrong_usage(two: CommandLine, arguments: list[str]) -> None:
    answer = two(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert "Missing argument" in answer.err


def test_where_an_incident_went_is_told_to_the_end(two: CommandLine) -> None:
    two("split", "INC-1", "orders")
    two("merge", "INC-2", "INC-4")
    two("merge", "INC-1", "INC-2")
    assert "merged into: INC-2, now INC-1\n" in two("show", "INC-4").out
    shown = two("show", "INC-4", "--json").json
    assert (shown["merged_into"], shown["merged_at_last_into"]) == ("INC-2", "INC-1")
    assert "merged into: INC-1\n" in two("show", "INC-2").out
