"""On any lineage, for any order of the same alerts: the same incidents."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from incident_ops.adapters.store import SqlStore
from incident_ops.core.alert import Alert, Observation
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.routing import RoutingRules
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.policy import Policy
from incident_ops.engine.triage import triage
from incident_ops_tests.blank import empty_store
from incident_ops_tests.builders import T0, make_alert, make_recovery, minutes

NAMES = [f"a{n}" for n in range(7)]


@st.composite
def lineages(draw: st.DrawFn) -> Catalog:
    """Assets in topological order, each built from some of those before it."""
    upstream = {
        name: tuple(draw(st.lists(st.sampled_from(NAMES[:n]), max_size=2, unique=True))) if n else ()
        for n, name in enumerate(NAMES)
    }
    nodes = [AssetNode(key=name, owners=(f"team:{name}",), upstream=up) for name, up in upstream.items()]
    return Catalog(nodes, fetched_at=T0)


@st.composite
def storms(draw: st.DrawFn) -> list[Alert]:
    assets = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=5, unique=True))
    times = draw(st.lists(st.integers(0, 50), min_size=len(assets), max_size=len(assets)))
    return [make_alert(asset, minutes(at)) for asset, at in zip(assets, times, strict=True)]


def partition_of(store: SqlStore) -> set[tuple[str, frozenset[tuple[str, int]]]]:
    """Roots, and the members with their hops, of what is open."""
    return {
        (str(i.root.subject.asset), frozenset((str(m.subject.asset), m.hops) for m in i.members))
        for i in store.incidents()
        if i.is_open
    }


@settings(max_examples=settings().max_examples // 3)  # a database for each order
@given(catalog=lineages(), alerts=storms(), data=st.data())
def test_any_order_and_any_pages_end_in_the_same_incidents(
    catalog: Catalog, alerts: list[Alert], data: st.DataObject
) -> None:
    rules = RoutingRules(sink="slack", default_channel="#data")
    policy = Policy(routing=rules, group_window=timedelta(hours=2))
    knowledge = Knowledge(catalog=catalog, policy=policy, installed_at=T0)
    shuffled = data.draw(st.permutations(alerts))
    cut = data.draw(st.integers(0, len(alerts)))
    with TemporaryDirectory() as folder:
        ends = []
        for n, pages in enumerate(([alerts], [shuffled[:cut], shuffled[cut:]], [[alert] for alert in shuffled])):
            with empty_store(Path(folder) / f"{n}.db") as store:
                for page in pages:
                    triage(store, page, knowledge, now=minutes(60))
                ends.append(partition_of(store))
                open_ones = [incident for incident in store.incidents() if incident.is_open]
                assert sum(incident.alert_count for incident in open_ones) == len(alerts)
        assert ends[1] == ends[0]
        assert ends[2] == ends[0]


Happening = tuple[str, str, bool]
"""Asset, check, and whether it fails or is healthy again."""


@st.composite
def days(draw: st.DrawFn) -> list[list[Happening]]:
    """Pages, half an hour apart."""
    happening = st.tuples(st.sampled_from(NAMES[:4]), st.sampled_from(["first", "second"]), st.booleans())
    return draw(st.lists(st.lists(happening, min_size=1, max_size=4), min_size=2, max_size=7))


@settings(max_examples=settings().max_examples // 2)
@given(catalog=lineages(), pages=days())
def test_whatever_fails_recovers_and_fails_again_is_in_one_open_incident_until_it_is_healthy(
    catalog: Catalog, pages: list[list[Happening]]
) -> None:
    """A pass that raises would come to the same events again, and stop there for good."""
    rules = RoutingRules(sink="slack", default_channel="#data")
    knowledge = Knowledge(catalog=catalog, policy=Policy(routing=rules), installed_at=T0)
    failing: dict[tuple[str, str], Alert] = {}
    with TemporaryDirectory() as folder, empty_store(Path(folder) / "any.db") as store:
        for number, page in enumerate(pages):
            observations: list[Observation] = []
            for place, (asset, check, fails) in enumerate(page):
                at = minutes(30 * number + place)
                if fails:
                    failing[asset, check] = make_alert(asset, at, check=check)
                    observations.append(failing[asset, check])
                elif (asset, check) in failing:
                    observations.append(make_recovery(failing.pop((asset, check)), at))
            triage(store, observations, knowledge, now=minutes(30 * number + 10))
            firing = [m.key for i in store.incidents() if i.is_open for m in i.firing]
            assert sorted(firing) == sorted((alert.fingerprint, "") for alert in failing.values())
