"""Stories of grouping, most on the graph raw → orders → rev_daily → cfo_dash and raw → web → web_dash."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from incident_ops.core.alert import Alert, AssetRef
from incident_ops.core.grouping import Group, Known, Link, correlate
from incident_ops.core.lineage import AssetGraph
from incident_ops_tests.builders import make_alert, minutes

HOUR = timedelta(hours=1)
G_EDGES = [
    ("raw", "orders"),
    ("orders", "rev_daily"),
    ("rev_daily", "cfo_dash"),
    ("raw", "web"),
    ("web", "web_dash"),
]
G = AssetGraph.from_edges(G_EDGES)
# The same six assets in an estate of a thousand others, where two strangers are seldom siblings.
LARGE = AssetGraph.from_edges(G_EDGES, nodes=[f"other_{n}" for n in range(1_000)])


def fail(*names: str, every: float = 1) -> list[Alert]:
    """One alert on each asset, in this order of time, `every` so many minutes."""
    return [make_alert(name, minutes(n * every)) for n, name in enumerate(names)]


def in_short(groups: Iterable[Group]) -> dict[str, set[str]]:
    """Root → the things that its members are about; a root that is silent has a question mark."""
    return {
        f"{group.root}{'?' if group.silent_root else ''}": {
            str(alert.asset or alert.subject) for alert in group.members
        }
        for group in groups
    }


def grouped(alerts: Iterable[Alert], graph: AssetGraph = G, window: timedelta = HOUR) -> dict[str, set[str]]:
    return in_short(correlate(alerts, graph, window=window))


@pytest.mark.parametrize("times", list(permutations(range(4))))
def test_a_storm_is_one_group_in_every_order_of_occurrence_and_of_arrival(times: tuple[int, ...]) -> None:
    alerts = [
        make_alert(name, minutes(3 * at))
        for name, at in zip(("raw", "orders", "rev_daily", "web"), times, strict=True)
    ]
    (group,) = correlate(alerts, G, window=HOUR)
    assert (group.root, group.silent_root) == (AssetRef(key="raw"), False)
    assert [group.hops[alert.event_id] for alert in alerts] == [0, 1, 2, 1]
    assert group.reason == "raw is upstream of all 3 others"
    assert list(group.members) == sorted(alerts, key=lambda alert: alert.occurred_at)
    assert all(correlate(arrived, G, window=HOUR) == (group,) for arrived in permutations(alerts))


STORIES = {
    "two siblings on a small graph fail each by itself": (fail("orders", "web"), {"orders", "web"}),
    "what lies below a failing asset belongs to it": (fail("orders", "rev_daily"), {"orders"}),
    "a failure passes through an asset that nobody checks": (fail("raw", "rev_daily"), {"raw"}),
    "and through two": (fail("cfo_dash", "raw"), {"raw"}),
    "two with no more than a distant ancestor in common": (
        fail("rev_daily", "web_dash"),
        {"rev_daily", "web_dash"},
    ),
    "siblings keep their own symptoms": (fail("web_dash", "orders", "web", "rev_daily"), {"orders", "web"}),
    "eighty checks of one asset": ([make_alert("orders", check=f"check_{n}") for n in range(80)], {"orders"}),
    "nothing at all": ([], set[str]()),
}


@pytest.mark.parametrize(("alerts", "roots"), STORIES.values(), ids=STORIES)
def test_the_failing_roots_of_small_stories(alerts: list[Alert], roots: set[str]) -> None:
    groups = correlate(alerts, G, window=HOUR)
    assert set(in_short(groups)) == roots
    assert sum(len(group.members) for group in groups) == len(alerts)


def test_in_a_large_estate_two_failing_children_of_two_name_their_silent_parent() -> None:
    (group,) = correlate(fail("orders", "rev_daily", "web"), LARGE, window=HOUR)
    assert (group.root.key, group.silent_root) == ("raw", True)
    assert sorted(group.hops.values()) == [1, 1, 2]
    assert group.reason == "2 of 2 assets built from raw fail together; raw itself is quiet"


def test_a_stale_and_short_child_of_a_silent_parent_is_counted_once() -> None:
    natures = [("orders", "freshness"), ("orders", "volume"), ("web", "freshness")]
    alerts = [make_alert(name, minutes(n), nature=nature) for n, (name, nature) in enumerate(natures)]
    (group,) = correlate(alerts, LARGE, window=HOUR)
    assert group.reason == "2 of 2 assets built from raw fail together; raw itself is quiet"
    assert set(group.hops.values()) == {1}


def test_in_a_large_estate_too_a_distant_ancestor_is_not_named() -> None:
    assert set(grouped(fail("rev_daily", "web_dash"), LARGE)) == {"rev_daily", "web_dash"}
    assert set(grouped(fail("orders", "web_dash"), LARGE)) == {"orders", "web_dash"}


def test_three_children_of_three_name_their_silent_parent_on_any_graph() -> None:
    star = AssetGraph.from_edges([("hub", name) for name in "abc"])
    assert grouped(fail("a", "b", "c"), star) == {"hub?": {"a", "b", "c"}}


def large(edges: Iterable[tuple[str, str]]) -> AssetGraph:
    """An estate of a thousand assets besides those of `edges`."""
    return AssetGraph.from_edges(edges, nodes=[f"other_{n}" for n in range(1_000)])


def test_a_silent_hub_is_not_named_for_a_few_of_its_many_children() -> None:
    hub = large(("hub", f"leaf_{n:02}") for n in range(60))
    assert set(grouped(fail("leaf_00", "leaf_01"), hub)) == {"leaf_00", "leaf_01"}
    assert set(grouped(fail(*(f"leaf_{n:02}" for n in range(30))), hub)) == {"hub?"}


def test_of_two_silent_parents_the_one_with_fewer_healthy_children_is_named() -> None:
    estate = large([("small", "a"), ("small", "b"), *(("big", name) for name in "abcdefgh")])
    assert grouped(fail("a", "b"), estate) == {"small?": {"a", "b"}}


def test_a_child_that_one_silent_parent_explains_accuses_no_other() -> None:
    estate = large([*(("first", name) for name in "abc"), ("second", "c"), ("second", "d")])
    assert grouped(fail("d", "c", "b", "a"), estate) == {"first?": {"a", "b", "c"}, "d": {"d"}}


def test_two_silent_parents_with_a_child_in_common_do_not_take_it_from_each_other() -> None:
    estate = large([*(("first", name) for name in "abc"), *(("second", name) for name in "cde")])
    assert grouped(fail("a", "b", "d", "e", "c"), estate) == {"first?": {"a", "b", "c"}, "second?": {"d", "e"}}


def test_a_silent_parent_is_accused_of_one_kind_of_trouble_only() -> None:
    alerts = [make_alert("orders", kind="freshness"), make_alert("web", nature="schema")]
    assert set(grouped(alerts, LARGE)) == {"orders", "web"}


def test_a_silent_parent_is_not_accused_of_children_that_fail_at_different_times() -> None:
    assert set(grouped(fail("orders", "web", every=61), LARGE)) == {"orders", "web"}


def test_a_cause_that_was_there_before_is_preferred_to_a_nearer_one_after() -> None:
    two_ways = AssetGraph.from_edges([("left", "both"), ("right", "both")])
    alerts = [make_alert("left", minutes(0)), make_alert("both", minutes(10)), make_alert("right", minutes(11))]
    assert grouped(alerts, two_ways) == {"left": {"left", "both"}, "right": {"right"}}


def test_of_several_causes_most_decide_though_they_are_farther_from_their_root() -> None:
    edges = [("one", "x"), ("two", "two_a"), ("two", "two_b"), ("two_a", "x"), ("two_b", "x")]
    alerts = fail("one", "two", "two_a", "two_b", "x")
    assert grouped(alerts, AssetGraph.from_edges(edges)) == {"one": {"one"}, "two": {"two", "two_a", "two_b", "x"}}


def test_a_tie_goes_to_fewer_hops_and_then_to_the_key_of_roots_that_began_together() -> None:
    even = AssetGraph.from_edges([("left", "x"), ("right", "x")])
    alerts = [make_alert("right", minutes(0)), make_alert("left", minutes(0)), make_alert("x", minutes(5))]
    assert grouped(alerts, even) == {"left": {"left", "x"}, "right": {"right"}}
    longer = AssetGraph.from_edges([("left", "mid"), ("mid", "x"), ("right", "x")])
    alerts.append(make_alert("mid", minutes(0)))
    assert grouped(alerts, longer) == {"left": {"left", "mid"}, "right": {"right", "x"}}


def test_the_window_bounds_each_link_and_not_the_group() -> None:
    walking_down = fail("raw", "orders", "rev_daily", every=50)
    assert set(grouped(walking_down)) == {"raw"}
    assert set(grouped(walking_down, window=timedelta(minutes=49))) == {"raw", "orders", "rev_daily"}


def test_an_asset_that_fails_again_after_the_window_has_two_groups() -> None:
    groups = correlate(fail("orders", "orders", every=61), G, window=HOUR)
    assert [(group.root.key, len(group.members)) for group in groups] == [("orders", 1), ("orders", 1)]


def test_late_data_do_not_explain_a_wrong_content() -> None:
    alerts = [
        make_alert("raw", minutes(0), kind="freshness"),
        make_alert("web", minutes(5), nature="field_health"),
        make_alert("orders", minutes(9), kind="freshness"),
    ]
    assert grouped(alerts) == {"raw": {"raw", "orders"}, "web": {"web"}}


def test_an_alert_without_lineage_has_a_group_of_its_own() -> None:
    alerts = [
        make_alert(None, check=None, name="orders"),
        make_alert("orders"),
        make_alert("nobody/knows"),
        make_alert(None, check=None, name="nightly job"),
        make_alert(None, check=None, name="nightly job", occurred_at=minutes(1)),
    ]
    groups = correlate(alerts, G, window=HOUR)
    assert sorted((group.root.key, len(group.members)) for group in groups) == [
        ("nightly job", 2),
        ("nobody/knows", 1),
        ("orders", 1),
        ("orders", 1),
    ]


def test_circles_and_edges_to_oneself_have_an_answer() -> None:
    circle = AssetGraph.from_edges(
        [("a", "b"), ("b", "c"), ("c", "a"), ("a", "a"), ("above", "b"), ("c", "below")]
    )
    assert grouped(fail("c", "b", "a", "below"), circle) == {"c": {"a", "b", "c", "below"}}
    assert grouped(fail("c", "b", "a", "below", "above"), circle) == {"above": {"a", "b", "c", "below", "above"}}


def test_a_negative_window_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        correlate([], G, window=timedelta(minutes=-1))


class Provenance(Known):
    """A fake: links between assets by name, healthy assets by name."""

    def __init__(self, links: dict[tuple[str, str], Link] | None = None, healthy: Iterable[str] = ()) -> None:
        self.links, self.healthy = links or {}, set(healthy)
        self.asked: list[tuple[str, str]] = []

    def is_healthy(self, asset: AssetRef, at: datetime) -> bool:
        return asset.key in self.healthy

    def link(self, upstream: Alert, downstream: Alert) -> Link:
        pair = str(upstream.asset), str(downstream.asset)
        self.asked.append(pair)
        return self.links.get(pair, Link.UNKNOWN)


def test_a_parent_that_was_seen_healthy_is_not_accused() -> None:
    groups = correlate(fail("orders", "web"), LARGE, window=HOUR, known=Provenance(healthy=["raw"]))
    assert set(in_short(groups)) == {"orders", "web"}


def test_the_next_best_parent_is_accused_when_the_best_was_seen_healthy() -> None:
    estate = large([("first", "a"), ("first", "b"), ("second", "a"), ("second", "b"), ("second", "c")])
    groups = correlate(fail("a", "b"), estate, window=HOUR, known=Provenance(healthy=["first"]))
    assert set(in_short(groups)) == {"second?"}


def test_what_provenance_refutes_is_not_joined_over_that_edge() -> None:
    known = Provenance({("raw", "web"): Link.REFUTED})
    groups = correlate(fail("raw", "orders", "web"), G, window=HOUR, known=known)
    assert in_short(groups) == {"raw": {"raw", "orders"}, "web": {"web"}}


def test_what_provenance_proves_stands_above_window_and_nature() -> None:
    alerts = [make_alert("raw", kind="freshness"), make_alert("web", minutes(600), nature="schema")]
    (group,) = correlate(alerts, G, window=HOUR, known=Provenance({("raw", "web"): Link.PROVED}))
    assert group.root.key == "raw"
    assert group.proved == {alerts[1].event_id}


def test_a_proved_cause_is_preferred_to_a_likelier_time() -> None:
    two_ways = AssetGraph.from_edges([("left", "both"), ("right", "both")])
    known = Provenance({("right", "both"): Link.PROVED})
    groups = correlate(fail("left", "both", "right"), two_ways, window=HOUR, known=known)
    assert in_short(groups) == {"left": {"left"}, "right": {"right", "both"}}


def test_provenance_is_asked_about_related_assets_only() -> None:
    known = Provenance()
    correlate(fail("orders", "web", "web_dash"), G, window=HOUR, known=known)
    assert known.asked == [("web", "web_dash")]


def test_a_thousand_partitions_ask_provenance_a_bounded_number_of_questions() -> None:
    known = Provenance()
    alerts = [make_alert(name, materialization=n) for name in ("raw", "orders") for n in range(1_000)]
    (group,) = correlate(alerts, G, window=HOUR, known=known)
    assert len(group.members) == 2_000
    assert len(known.asked) <= 256


def beside(pipelines: int) -> AssetGraph:
    """raw → orders → rev, and beside it other pipelines of the same shape."""
    shape = [("raw", "orders"), ("orders", "rev")]
    others = [(f"s{n}/{up}", f"s{n}/{down}") for n in range(pipelines) for up, down in shape]
    return AssetGraph.from_edges([*shape, *others])


def test_how_well_other_pipelines_are_watched_takes_no_group_apart() -> None:
    storm = [
        make_alert(f"s{n}/{name}", minutes(5 + at))
        for n in range(10)
        for at, name in enumerate(("raw", "orders", "rev"))
    ]
    groups = grouped([*fail("raw", "rev"), *storm], beside(10))
    assert (groups["raw"], len(groups)) == ({"raw", "rev"}, 11)


def test_that_other_pipelines_keep_order_takes_no_group_apart() -> None:
    """Its effect was seen first, and thirty links elsewhere were each seen in order."""
    storm = [
        make_alert(f"s{n}/{name}", minutes(5 + at))
        for n in range(15)
        for at, name in enumerate(("raw", "orders", "rev"))
    ]
    groups = grouped([*fail("orders", "raw"), *storm], beside(15))
    assert groups["raw"] == {"raw", "orders"}


class Unwatched(Known):
    """Nothing looks at these assets."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def is_unwatched(self, asset: AssetRef) -> bool:
        return asset.key in self.names


def test_a_failure_comes_through_an_asset_that_nothing_looks_at_however_well_the_rest_is_watched() -> None:
    """Eleven children of raw have failed with it, so a twelfth that is quiet is fine, if anything looks at it."""
    edges = [("raw", f"child_{n:02}") for n in range(12)]
    graph = large([*edges, ("child_11", "mid"), ("mid", "leaf")])
    alerts = fail("raw", *(f"child_{n:02}" for n in range(11)), "leaf")
    assert set(grouped(alerts, graph)) == {"raw", "leaf"}
    (group,) = correlate(alerts, graph, window=HOUR, known=Unwatched("child_11", "mid"))
    assert group.root.key == "raw"


def test_children_that_nothing_looks_at_do_not_speak_for_their_quiet_parent() -> None:
    hub = large(("hub", f"leaf_{n:02}") for n in range(30))
    alerts = fail("leaf_00", "leaf_01")
    assert set(grouped(alerts, hub)) == {"leaf_00", "leaf_01"}
    silent = Unwatched(*(f"leaf_{n:02}" for n in range(2, 30)))
    assert in_short(correlate(alerts, hub, window=HOUR, known=silent)) == {"hub?": {"leaf_00", "leaf_01"}}
