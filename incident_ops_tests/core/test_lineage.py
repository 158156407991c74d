"""The lineage graph's answers on small graphs, and on what a catalog should not contain but may."""

from itertools import pairwise

import pytest

from incident_ops.core.lineage import AssetGraph

DIAMOND = (("raw", "left"), ("raw", "right"), ("left", "mart"), ("right", "mart"), ("mart", "board"))
LOOP = (("raw", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("c", "board"))


def graph_of(*pairs: tuple[str, str]) -> AssetGraph:
    return AssetGraph.from_edges(pairs)


def test_relatives_near_and_far() -> None:
    graph = graph_of(*DIAMOND)
    assert graph.parents("mart") == {"left", "right"}
    assert graph.children("raw") == {"left", "right"}
    assert graph.ancestors("board") == {"mart", "left", "right", "raw"}
    assert graph.descendants("left") == {"mart", "board"}
    assert graph.descendant_counts() == {"raw": 4, "left": 2, "right": 2, "mart": 1, "board": 0}


@pytest.mark.parametrize(
    ("upstream", "downstream", "distance", "path"),
    [
        ("raw", "raw", 0, ("raw",)),
        ("raw", "left", 1, ("raw", "left")),
        ("raw", "board", 3, ("raw", "left", "mart", "board")),
        ("board", "raw", None, None),
        ("left", "right", None, None),
        ("raw", "unheard of", None, None),
        ("unheard of", "unheard of", None, None),
    ],
)
def test_distance_and_path_go_downstream_only(
    upstream: str, downstream: str, distance: int | None, path: tuple[str, ...] | None
) -> None:
    graph = graph_of(*DIAMOND)
    assert graph.distance(upstream, downstream) == distance
    assert graph.path(upstream, downstream) == path


@pytest.mark.parametrize("limit", [0, 1, 2, 5])
def test_paths_come_shortest_first_and_no_more_than_asked(limit: int) -> None:
    graph = graph_of(*DIAMOND, ("raw", "mart"))
    ways = (("raw", "mart", "board"), ("raw", "left", "mart", "board"), ("raw", "right", "mart", "board"))
    assert graph.paths("raw", "board", limit=limit) == ways[:limit]


@pytest.mark.parametrize(
    ("upstream", "downstream", "cut"),
    [
        ("raw", "board", ("mart",)),
        ("raw", "mart", ()),
        ("raw", "left", ()),
        ("left", "board", ("mart",)),
        ("raw", "raw", ()),
        ("board", "raw", None),
        ("raw", "unheard of", None),
    ],
)
def test_the_cut_names_what_no_way_avoids(upstream: str, downstream: str, cut: tuple[str, ...] | None) -> None:
    assert graph_of(*DIAMOND).cut(upstream, downstream) == cut


def test_the_cut_of_a_chain_is_in_the_order_of_the_chain() -> None:
    assert graph_of(("e", "d"), ("d", "c"), ("c", "b"), ("b", "a")).cut("e", "a") == ("d", "c", "b")


def test_assets_in_a_cycle_are_each_others_relatives_but_not_their_own() -> None:
    graph = graph_of(*LOOP)
    assert graph.descendants("a") == {"b", "c", "board"}
    assert graph.ancestors("a") == {"raw", "b", "c"}
    assert graph.descendant_counts() == {"raw": 4, "a": 3, "b": 3, "c": 3, "board": 0}
    assert graph.distance("c", "b") == 2
    assert graph.cycles() == (("a", "b", "c"),)
    assert graph.paths("raw", "board", limit=9) == (("raw", "a", "b", "c", "board"),)


def test_a_graph_without_cycles_has_none() -> None:
    assert graph_of(*DIAMOND, ("raw", "raw")).cycles() == ()


def test_an_edge_from_an_asset_to_itself_is_left_out_and_the_asset_kept() -> None:
    graph = graph_of(("a", "a"))
    assert "a" in graph
    assert (graph.descendants("a"), graph.distance("a", "a"), graph.cut("a", "a")) == (set(), 0, ())


def test_two_locations_that_name_the_same_asset_give_it_the_edges_of_both() -> None:
    graph = graph_of(("raw", "orders"), ("raw", "orders"), ("crm", "orders"), ("orders", "mart"))
    assert len(graph) == 4
    assert graph.parents("orders") == {"raw", "crm"}
    assert graph.descendant_counts()["raw"] == 2


def test_an_asset_that_nobody_has_met_has_no_relatives() -> None:
    graph = graph_of(*DIAMOND)
    assert "unheard of" not in graph
    for relatives in (graph.parents, graph.children, graph.ancestors, graph.descendants):
        assert relatives("unheard of") == set()


def test_a_catalog_without_assets_answers() -> None:
    graph = graph_of()
    assert (len(graph), graph.descendant_counts(), graph.cycles(), graph.topological(["a"])) == (0, {}, (), ("a",))


def test_an_asset_without_edges_is_in_the_graph() -> None:
    graph = AssetGraph.from_edges([], nodes=["alone"])
    assert (len(graph), graph.descendant_counts()) == (1, {"alone": 0})


def test_the_answer_is_the_askers_own_to_change() -> None:
    graph = graph_of(*DIAMOND)
    graph.descendants("raw").clear()
    assert graph.descendants("raw") == {"left", "right", "mart", "board"}


def test_keys_are_ordered_upstream_first_even_when_the_way_leads_over_others() -> None:
    graph = graph_of(("z", "m"), ("m", "a"), ("z", "b"))
    assert graph.topological(["a", "z"]) == ("z", "a")
    assert graph.topological(["b", "a", "m", "a", "stranger", "z"]) == ("stranger", "z", "b", "m", "a")
    assert graph_of(*LOOP).topological(["board", "c", "a", "b", "raw"]) == ("raw", "a", "b", "c", "board")


def test_a_subgraph_has_only_the_edges_between_its_assets() -> None:
    part = graph_of(*DIAMOND).subgraph(["raw", "left", "board", "unheard of"])
    assert len(part) == 3
    assert part.descendants("raw") == {"left"}
    assert part.ancestors("board") == set()


def test_the_answers_do_not_depend_on_the_order_of_the_edges() -> None:
    layers = ("ab", "cde", "fgh", "ijk", "lmn", "op")
    pairs = [(up, down) for above, below in pairwise(layers) for up in above for down in below]
    there, back = graph_of(*pairs), graph_of(*reversed(pairs))
    assert there.path("a", "p") == back.path("a", "p") == ("a", "c", "f", "i", "l", "p")
    assert there.paths("a", "p", limit=2) == back.paths("a", "p", limit=2)
    assert there.topological("pliac") == back.topological("pliac") == ("a", "c", "i", "l", "p")


def test_a_chain_deeper_than_any_recursion_is_walked_to_its_end() -> None:
    links = 20_000
    graph = AssetGraph.from_edges((f"{n:05}", f"{n + 1:05}") for n in range(links))
    assert len(graph.descendants("00000")) == links
    assert graph.distance("00000", f"{links:05}") == links
    assert graph.descendant_counts()["00000"] == links


def test_a_million_edges_from_one_hub_are_an_ordinary_catalog() -> None:
    leaves = 500_000
    wide = [("hub", f"leaf {n}") for n in range(leaves)] + [(f"leaf {n}", "board") for n in range(leaves)]
    graph = AssetGraph.from_edges(wide)
    assert len(graph.descendants("hub")) == leaves + 1
    assert graph.distance("hub", "board") == 2
    assert graph.path("hub", "board") == ("hub", "leaf 0", "board")
    assert graph.cut("hub", "board") == ()


def test_ways_without_number_are_not_all_walked() -> None:
    """Thirty diamonds in a row have 2³⁰ ways."""
    pairs = [
        (a, b) for n in range(30) for side in "lr" for a, b in ((f"{n}", f"{n}{side}"), (f"{n}{side}", f"{n + 1}"))
    ]
    ways = graph_of(*pairs).paths("0", "30", limit=3)
    assert [len(way) for way in ways] == [61, 61, 61]
    assert len(set(ways)) == 3
