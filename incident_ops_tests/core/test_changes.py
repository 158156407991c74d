"""A recent change broke it: which one comes first."""

from random import Random

from incident_ops.core.rootcause.changes import Change, rank_changes
from incident_ops_tests.builders import minutes
from incident_ops_tests.histories import graph_of

G = graph_of(
    "source > staging > orders > revenue > board",
    "source > other_staging > web",
    *(f"staging > mart_{n}" for n in range(40)),
)
HOUR = 60


def change(asset: str, hours_before: float, id: str | None = None) -> Change:
    return Change(asset=asset, at=minutes(-HOUR * hours_before), id=id or f"{asset}@{hours_before:g}")


def ranked(*changes: Change, symptom: str = "revenue") -> list[str]:
    return [each.id for each in rank_changes(symptom, minutes(0), changes, G)]


def test_of_equals_the_most_recent_comes_first() -> None:
    assert ranked(change("orders", 50), change("orders", 2), change("orders", 9)) == [
        "orders@2",
        "orders@9",
        "orders@50",
    ]


def test_what_is_not_upstream_or_came_later_is_never_named() -> None:
    assert ranked(change("web", 1), change("board", 1), change("nowhere", 1), change("orders", -1)) == []


def test_a_change_just_above_beats_a_slightly_newer_one_that_reaches_everything() -> None:
    assert ranked(change("source", 5), change("orders", 7)) == ["orders@7", "source@5"]
    assert ranked(change("source", 1), change("orders", 400)) == ["source@1", "orders@400"], "but not an old one"


def test_a_commit_is_ranked_once_by_its_nearest_change() -> None:
    commit = [change("source", 3, "big"), change("orders", 3, "big"), change("web", 3, "big")]
    [found] = rank_changes("revenue", minutes(0), commit, G)
    assert (found.id, found.change.asset, found.hops) == ("big", "orders", 1)
    assert found.reason == "1 hop upstream, 3 h before, reaches 47 assets"


def test_a_change_of_the_asset_itself_is_the_best_fit() -> None:
    assert ranked(change("orders", 5), change("revenue", 10)) == ["revenue@10", "orders@5"]


def test_the_order_of_the_changes_does_not_matter() -> None:
    changes = [change(asset, hours) for asset in ("source", "staging", "orders") for hours in (1, 1, 5)]
    expected = ranked(*changes)
    for seed in range(5):
        Random(seed).shuffle(changes)
        assert ranked(*changes) == expected
