"""Where the catalog comes from when the webserver is there, is away, or was never met."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from incident_ops.adapters.store import SqlStore
from incident_ops.core.alert import AssetRef
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.catalog.history import ChangeKind
from incident_ops.core.errors import SourceUnavailable
from incident_ops.core.feedback import Taught
from incident_ops.core.incident import Incident
from incident_ops.core.provenance import Facts, Materialization
from incident_ops.core.routing import RoutingRules
from incident_ops.engine.ops import Ops, know, refreshed_catalog
from incident_ops.engine.policy import Policy
from incident_ops.engine.ports import Known, Page, Workspace
from incident_ops_tests.builders import minutes
from incident_ops_tests.engine.fakes import FakeSink, FakeWorkspace, sinks

AWAY = FakeWorkspace(away=True)
OWN = Catalog([AssetNode(key="incidents", owners=("team:ops",))], source="own location")


class NoEvents:
    """A log in which nothing ever happens."""

    def read(self, cursor: str | None, *, now: datetime, limit: int) -> Page:
        return Page(observations=(), cursor=cursor or "", events=0, is_last=True)

    def of_run(self, run_id: str, *, now: datetime) -> tuple[()]:
        return ()

    def recent_evaluations(self, *, now: datetime, known: Known) -> tuple[()]:
        return ()

    def failed_runs(self, *, now: datetime) -> tuple[()]:
        return ()


class NoBoard:
    def show(self, incidents: Sequence[Incident]) -> Sequence[str]:
        return ()

    def retire(self, incidents: Sequence[Incident]) -> None:
        pass

    def teach(self, lesson: Taught) -> None:
        pass


class CountedWorkspace(FakeWorkspace):
    """Remembers how often it was read."""

    def __init__(self, catalog: Catalog | None, *, source: str = "workspace file", away: bool = False) -> None:
        super().__init__(catalog=catalog, away=away)
        self.source, self.readings = source, 0

    def fetch(self, *, now: datetime, known: Catalog | None = None) -> Catalog:
        self.readings += 1
        return Catalog(super().fetch(now=now, known=known).nodes, fetched_at=now, source=self.source)


def ops(store: SqlStore, workspace: Workspace, **more: Any) -> Ops:
    values: dict[str, Any] = {
        "store": store,
        "source": NoEvents(),
        "workspace": workspace,
        "board": NoBoard(),
        "policy": Policy(routing=RoutingRules(sink="inbox", default_channel="#data")),
        "sinks": sinks(FakeSink()),
        "ticks": lambda *_: iter(()),
        "own_location": lambda: OWN,
    }
    return Ops(**(values | more))


def keys(catalog: Catalog) -> list[str]:
    return [node.key for node in catalog.nodes]


def of(*nodes: AssetNode) -> CountedWorkspace:
    return CountedWorkspace(Catalog(nodes), source="webserver")


def test_what_the_webserver_says_is_kept_with_its_source_and_our_own_location_lies_beneath(store: SqlStore):
    found = refreshed_catalog(ops(store, of(AssetNode(key="a"))), now=minutes(0))
    assert keys(found) == ["a", "incidents"]
    assert store.value("catalog source") == "webserver"
    assert keys(store.catalog()) == ["a"], "what is known anyway need not be kept"


def test_without_a_webserver_our_own_location_is_known_and_then_the_last_snapshot(store: SqlStore):
    never = refreshed_catalog(ops(store, AWAY), now=minutes(0))
    assert (keys(never), never.fetched_at, never.source) == (["incidents"], None, "own location")
    refreshed_catalog(ops(store, of(AssetNode(key="a"))), now=minutes(1))
    away = refreshed_catalog(ops(store, AWAY), now=minutes(60))
    assert (keys(away), away.fetched_at) == (["a", "incidents"], minutes(1))
    assert store.value("catalog trouble") == "the webserver does not answer"


def test_a_location_that_does_not_load_keeps_its_assets_and_nothing_is_called_gone(store: SqlStore):
    shop = AssetNode(key="a", location="shop", locations=("shop",), owners=("team:a",))
    refreshed_catalog(ops(store, of(shop)), now=minutes(0))
    stub = AssetNode(key="a", location="desk", locations=("desk",))
    broken = FakeWorkspace(catalog=Catalog([stub], fetched_at=minutes(10)), broken={"shop": "SyntaxError"})
    found = refreshed_catalog(ops(store, broken), now=minutes(10)).get(AssetRef(key="a"))
    assert found is not None
    assert (found.owners, found.location) == (("team:a",), "shop")
    assert store.catalog_changes(["a"], since=minutes(0)) == []
    refreshed_catalog(ops(store, of()), now=minutes(20))
    assert [c.kind for c in store.catalog_changes(["a"], since=minutes(0))] == [ChangeKind.ASSET_GONE]


def test_a_pass_in_the_foreground_loads_the_workspace_file_once_when_nothing_is_known(store: SqlStore):
    spare = CountedWorkspace(Catalog([AssetNode(key="a")]))
    wired = ops(store, AWAY, spare_workspace=spare)
    assert keys(know(wired, now=minutes(0), in_foreground=True).catalog) == ["a", "incidents"]
    assert (store.value("catalog source"), store.value("catalog trouble")) == ("workspace file", "")
    assert keys(know(wired, now=minutes(60), in_foreground=True).catalog) == ["a", "incidents"]
    assert spare.readings == 1, "an old snapshot is better than waiting at every tick"
    refreshed_catalog(wired, now=minutes(61), retry=timedelta(0), at_any_cost=True)
    assert spare.readings == 2, "unless somebody asks for it"


def test_a_workspace_file_that_does_not_help_is_left_alone_for_a_while(store: SqlStore):
    spare = CountedWorkspace(None, away=True)
    wired = ops(store, AWAY, spare_workspace=spare)
    for at in (0, 1, 30, 59, 61):
        know(wired, now=minutes(at), in_foreground=True)
    assert spare.readings == 2


def test_an_asset_that_only_events_tell_of_is_a_node_until_it_is_declared(store: SqlStore):
    met = Materialization(asset="lambda", id=1, at=minutes(1), inputs={"a": 1})
    with store.transaction() as tx:
        tx.add_facts(Facts(materializations=(met,)))
    found = refreshed_catalog(ops(store, of(AssetNode(key="a"))), now=minutes(2))
    assert found.node("lambda") == AssetNode(key="lambda", upstream=("a",), is_observed=True)
    assert found.graph.descendants("a") == {"lambda"}
    found = refreshed_catalog(ops(store, of(AssetNode(key="a"), AssetNode(key="lambda"))), now=minutes(20))
    assert found.node("lambda") == AssetNode(key="lambda")
    assert [c.kind for c in store.catalog_changes(["lambda"], since=minutes(0))] == [ChangeKind.ASSET_ADDED]


def test_both_ways_failing_is_told_with_both_reasons(store: SqlStore):
    class Gone(FakeWorkspace):
        def fetch(self, *, now: datetime, known: Catalog | None = None) -> Catalog:
            raise SourceUnavailable("The workspace file cannot be used.")

        def load_errors(self) -> Mapping[str, str]:
            return {}

    refreshed_catalog(ops(store, AWAY, spare_workspace=Gone()), now=minutes(0))
    assert store.value("catalog trouble") == "the webserver does not answer The workspace file cannot be used."


def test_a_quiet_pass_makes_no_catalog_and_no_graph_anew(store: SqlStore):
    nodes = [AssetNode(key=f"a{n}", upstream=(f"a{n // 2}",) if n else ()) for n in range(9)]
    wired = ops(store, of(*nodes))
    first = refreshed_catalog(wired, now=minutes(0))
    graph = first.graph
    assert refreshed_catalog(wired, now=minutes(1)).graph is graph
    assert refreshed_catalog(ops(store, AWAY), now=minutes(30)).graph is graph
