"""What an evaluation says of its check: usable or as if it were not there."""

from dataclasses import replace

import pytest

from incident_ops.core.declared import Declared, declared_in, usable_runbook
from incident_ops.core.member import member_of
from incident_ops_tests.builders import make_alert, make_recovery, minutes


def test_all_four_are_read() -> None:
    said = {
        "incident_ops/owner": "team:orders",
        "incident_ops/tier": "bronze",
        "incident_ops/runbook": "https://wiki.acme.test/orders?a=b#c",
        "incident_ops/columns": ["b", "a", "b"],
        "rows": 3,
    }
    assert declared_in(said) == Declared(
        owner="team:orders", tier="bronze", runbook="https://wiki.acme.test/orders?a=b#c", columns=("a", "b")
    )


@pytest.mark.parametrize(
    "owner",
    ["", "team:", "orders", "@", "a@", "two words@acme.test", "a@b.test\n<!channel>", 7, None, "a@" + "b" * 300],
)
def test_an_owner_who_is_nobody_is_not_obeyed(owner: object) -> None:
    assert declared_in({"incident_ops/owner": owner}) == Declared()


@pytest.mark.parametrize("tier", ["Gold", "platinum", "", 1, None, ["gold"]])
def test_a_tier_that_is_none_is_not_obeyed(tier: object) -> None:
    assert declared_in({"incident_ops/tier": tier}) == Declared()


@pytest.mark.parametrize("columns", ["amount", [], {"amount": 1}, ["amount", 3], ["amount", ""], None])
def test_columns_that_cannot_be_told_are_the_whole_table(columns: object) -> None:
    """Taking a part of the list would let bad data pass for good."""
    assert declared_in({"incident_ops/columns": columns}) == Declared()


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "wiki.acme.test/orders",
        "https://",
        "https://erin:secret@wiki.acme.test/",
        "https://wiki.acme.test/?token=abcdefgh12345678",
        "https://wiki.acme.test/ <!channel>",
        "https://wiki.acme.test/" + "a" * 1_000,
        None,
        3,
    ],
)
def test_people_are_sent_to_web_addresses_only_and_to_none_with_a_secret(url: object) -> None:
    assert usable_runbook(url) == ""


# ---- over the time of a failure


def columns_after(*said: Declared | None) -> Declared | None:
    first, *rest = [make_alert("a", minutes(n), declared=declared) for n, declared in enumerate(said)]
    member = member_of(first)
    for alert in rest:
        member = member.fired_again(alert)
    return member.declared


A, B, WHOLE = Declared(columns=("a",)), Declared(columns=("b",)), Declared()


def test_columns_that_were_bad_since_it_began_to_fail_add_up() -> None:
    assert columns_after(A, B) == Declared(columns=("a", "b"))


@pytest.mark.parametrize("said", [(A, WHOLE), (WHOLE, A), (A, WHOLE, B)])
def test_once_the_whole_table_was_bad_it_stays_so(said: tuple[Declared, ...]) -> None:
    assert columns_after(*said) == WHOLE


@pytest.mark.parametrize("said", [(None, A), (A, None)])
def test_the_failures_of_step_and_run_say_nothing_of_the_check(said: tuple[Declared | None, ...]) -> None:
    assert columns_after(*said) == A


def test_a_check_that_begins_to_fail_anew_is_asked_anew() -> None:
    alert = make_alert("a", minutes(0), declared=A)
    member = member_of(alert)
    healthy = make_recovery(alert, minutes(1))
    again = make_alert("a", minutes(2), declared=B)
    assert replace(member, healthy_at=healthy.occurred_at).fired_again(again).declared == B


def test_the_newest_evaluation_says_whom_to_tell_in_whatever_order_they_are_read() -> None:
    early = make_alert("a", minutes(0), declared=Declared(owner="team:old"))
    late = make_alert("a", minutes(5), declared=Declared(owner="team:new"))
    for first, second in ((early, late), (late, early)):
        told = member_of(first).fired_again(second).declared
        assert told is not None and told.owner == "team:new"
