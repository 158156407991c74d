"""What holds for every graph and every storm."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.alert import Alert, Nature
from incident_ops.core.grouping import correlate
from incident_ops.core.lineage import AssetGraph
from incident_ops_tests.builders import make_alert, minutes

WINDOW = timedelta(minutes=30)
NAMES = [f"n{n:02}" for n in range(14)]


@st.composite
def _graphs(draw: st.DrawFn, *, with_circles: bool) -> AssetGraph:
    pairs = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=40))
    strangers = draw(st.sampled_from([0, 1_000]))
    edges = pairs if with_circles else [(min(pair), max(pair)) for pair in pairs]
    return AssetGraph.from_edges(edges, nodes=[f"other_{n}" for n in range(strangers)])


@st.composite
def _storms(draw: st.DrawFn) -> list[Alert]:
    one = st.tuples(
        st.one_of(st.none(), st.sampled_from(NAMES)),
        st.integers(0, 120),
        st.sampled_from([Nature.RULE, Nature.RULE, Nature.FRESHNESS, Nature.SCHEMA]),
        st.sampled_from(["not_null", "unique"]),
    )
    return [
        make_alert(asset, minutes(at), nature=nature, check=check if asset else None, name="job")
        for asset, at, nature, check in draw(st.lists(one, max_size=16))
    ]


@given(graph=_graphs(with_circles=True), storm=_storms(), data=st.data())
def test_the_order_of_arrival_changes_nothing(graph: AssetGraph, storm: list[Alert], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(storm))
    assert correlate(shuffled, graph, window=WINDOW) == correlate(storm, graph, window=WINDOW)


@given(graph=_graphs(with_circles=True), storm=_storms())
def test_every_alert_is_in_exactly_one_group(graph: AssetGraph, storm: list[Alert]) -> None:
    groups = correlate(storm, graph, window=WINDOW)
    members = [alert.event_id for group in groups for alert in group.members]
    assert sorted(members) == sorted(alert.event_id for alert in storm)
    for group in groups:
        assert group.members, "a group without a member"
        assert set(group.hops) == {alert.event_id for alert in group.members}


@given(graph=_graphs(with_circles=True), storm=_storms())
def test_the_root_is_each_members_asset_or_an_ancestor_and_no_farther_than_said(
    graph: AssetGraph, storm: list[Alert]
) -> None:
    for group in correlate(storm, graph, window=WINDOW):
        for alert in group.members:
            if alert.asset is not None:
                distance = graph.distance(group.root.key, alert.asset.key)
                is_itself = alert.asset == group.root
                assert is_itself or (distance is not None and distance <= group.hops[alert.event_id])


@given(graph=_graphs(with_circles=False), storm=_storms())
def test_a_silent_root_has_no_alert_and_at_least_two_failing_children(
    graph: AssetGraph, storm: list[Alert]
) -> None:
    for group in correlate(storm, graph, window=WINDOW):
        assets = {alert.asset for alert in group.members}
        assert (group.root in assets) is not (group.silent_root or group.members[0].asset is None)
        if group.silent_root:
            assert len({str(a.asset) for a in group.members} & graph.children(group.root.key)) >= 2


@given(graph=_graphs(with_circles=False), storm=_storms())
def test_the_groups_of_far_apart_times_do_not_meet(graph: AssetGraph, storm: list[Alert]) -> None:
    later = [
        make_alert(str(a.asset), a.occurred_at + timedelta(days=1), nature=a.nature) for a in storm if a.asset
    ]
    days = {alert.event_id: 1 for alert in later}
    for group in correlate([*storm, *later], graph, window=WINDOW):
        assert len({days.get(alert.event_id, 0) for alert in group.members}) == 1
