"""What holds for any history at all: taint is the closure of pointers, and paths are real."""

from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.alert import AlertKind, Nature
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.impact import impact_of
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.provenance import Column, Evaluation, Materialization, Provenance, Ref
from incident_ops.core.rootcause import investigate
from incident_ops.core.rootcause.charges import ChangeSeen, Context, Trouble
from incident_ops.core.rootcause.signals import SignalKind
from incident_ops.core.rootcause.upstream import Symptom
from incident_ops.core.trail import Confidence, Edge
from incident_ops_tests.builders import minutes

ASSETS = [f"a{n}" for n in range(7)]
LATER = minutes(1_000)


class Past:
    """A random graph (from lower to higher numbers), every asset built now and then from what was there.

    `pointing` says how often a build leaves pointers; now and then one leads to an event that is gone."""

    def __init__(self, random: Random, *, pointing: float) -> None:
        pairs = [(up, down) for i, up in enumerate(ASSETS) for down in ASSETS[i + 1 :] if random.random() < 0.35]
        self.graph = AssetGraph.from_edges(pairs, nodes=ASSETS)
        self.builders = [asset for asset in ASSETS if random.random() < 0.85]
        self.records: list[Materialization] = []
        self.verdicts: list[Evaluation] = []
        for id in range(1, random.randint(2, 30)):
            if self.builders:
                self.build(random, id, pointing)
        self.provenance = Provenance(self.records, self.verdicts)
        self.catalog = Catalog(
            AssetNode(key=key, consumers=(f"{key}@acme.test",) if random.random() < 0.5 else ()) for key in ASSETS
        )

    def build(self, random: Random, id: int, pointing: float) -> None:
        asset = random.choice(self.builders)
        newest = {m.asset: m.id for m in self.records}
        reads = {up: newest[up] for up in sorted(self.graph.parents(asset)) if up in newest}
        if random.random() < 0.05:
            reads = dict.fromkeys(reads, 10000 + id)
        self.records.append(
            Materialization(
                asset=asset,
                id=id,
                at=minutes(id),
                inputs=reads if random.random() < pointing else {},
                code_version=random.choice(["v1", "v1", "v2", None]),
                row_count=random.choice([None, 1_000, 1_000, 1_010, 20, 0]),
                columns=random.choice([None, (Column(name="a", type="int"),), (Column(name="b", type="int"),)]),
            )
        )
        if random.random() < 0.4:
            self.verdicts.append(
                Evaluation(
                    event_id=f"check:{id}",
                    asset=asset,
                    check="c",
                    passed=random.random() < 0.6,
                    at=minutes(id + 0.5),
                    materialization=id,
                )
            )

    def symptom(self, random: Random) -> Symptom:
        asset = random.choice(ASSETS)
        own = [m.id for m in self.records if m.asset == asset]
        return Symptom(
            asset=asset,
            materialization=random.choice(own) if own and random.random() < 0.7 else None,
            occurred_at=LATER,
            nature=random.choice(list(Nature)),
            check=random.choice([None, "c"]),
        )

    def context(self, random: Random) -> Context:
        troubles = tuple(
            Trouble(
                asset=random.choice(ASSETS),
                kind=random.choice([AlertKind.FRESHNESS, AlertKind.RUN_FAILED]),
                at=minutes(random.randint(0, 40)),
                summary="no",
            )
            for _ in range(3)
        )
        changes = tuple(
            ChangeSeen(
                asset=random.choice(ASSETS),
                at=minutes(random.randint(0, 40)),
                kind=SignalKind.CATALOG,
                text="new edge",
            )
            for _ in range(2)
        )
        return Context(troubles=troubles, changes=changes)


seeds = st.integers(0, 1 << 32)


def by_brute_force(records: list[Materialization], bad: set[int]) -> set[int]:
    reached = set(bad)
    while further := {m.id for m in records if set(m.inputs.values()) & reached} - reached:
        reached |= further
    return reached


@given(seeds)
def test_taint_is_the_closure_of_pointers_and_told_are_the_consumers_of_what_is_tainted(seed: int) -> None:
    random = Random(seed)
    past = Past(random, pointing=1)
    bad = {m.id for m in past.records if random.random() < 0.15}
    closure = by_brute_force(past.records, bad)
    newest = {m.asset: m.id for m in past.records}
    impact = impact_of([m.ref for m in past.records if m.id in bad], past.provenance, past.catalog, past.graph)
    # A first build beside an upstream that was never built has no pointers and reads by time what is not there.
    tainted = {asset for asset, id in newest.items() if id in closure}
    for asset in ASSETS:  # upstream first
        if asset not in newest and past.graph.parents(asset) & tainted:
            tainted.add(asset)
    assert [hit.asset for hit in impact.tainted] == sorted(tainted)
    healed = {m.asset for m in past.records if m.id in closure} - tainted
    assert {hit.asset for hit in impact.healed if hit.materializations} == healed
    assert {r.consumer for r in impact.consumers} == {f"{a}@acme.test" for a in tainted} & {
        consumer for node in past.catalog.nodes for consumer in node.consumers
    }
    at_risk = {hit.asset for hit in impact.at_risk}
    assert not at_risk & tainted
    roots = {m.asset for m in past.records if m.id in bad} & tainted
    assert at_risk == {
        asset for asset in set(ASSETS) - tainted
        if past.graph.parents(asset) & tainted or past.graph.ancestors(asset) & roots
    }  # fmt: skip


@given(seeds, st.sampled_from([0, 0.5, 1]))
def test_paths_of_impact_are_edges_of_the_graph_and_pointers_are_real(seed: int, pointing: float) -> None:
    random = Random(seed)
    past = Past(random, pointing=pointing)
    bad = [m.ref for m in past.records if random.random() < 0.2]
    impact = impact_of(bad, past.provenance, past.catalog, past.graph)
    records = {m.ref: m for m in past.records}
    for hit in (*impact.tainted, *impact.at_risk, *impact.healed):
        assert hit.path[-1].asset == hit.asset
        assert Ref(asset=hit.path[0].asset, id=hit.path[0].materialization or 0) in bad
        for before, hop in zip(hit.path, hit.path[1:], strict=False):
            assert hop.asset in past.graph.children(before.asset)
            if hop.edge is Edge.POINTER and hop.materialization is not None:
                reader = records[Ref(asset=hop.asset, id=hop.materialization)]
                assert reader.inputs[before.asset] == before.materialization


@given(seeds, st.sampled_from([0, 0.5, 1]))
def test_a_suspect_has_a_real_path_with_evidence_and_lies_upstream_of_a_symptom(
    seed: int, pointing: float
) -> None:
    random = Random(seed)
    past = Past(random, pointing=pointing)
    symptoms = [past.symptom(random) for _ in range(random.randint(1, 3))]
    findings = investigate(
        symptoms, past.provenance, graph=past.graph, context=past.context(random), now=LATER + timedelta(hours=1)
    )
    failing = {symptom.asset for symptom in symptoms}
    records = {m.ref: m for m in past.records}
    for suspect in findings.suspects:
        assert suspect.evidence and suspect.score > 0
        assert suspect.path[0].asset in failing
        assert (suspect.path[-1].asset, suspect.path[-1].materialization) == (
            suspect.asset,
            suspect.materialization,
        )
        assert suspect.asset in failing | {a for asset in failing for a in past.graph.ancestors(asset)}
        for before, hop in zip(suspect.path, suspect.path[1:], strict=False):
            assert hop.asset in past.graph.parents(before.asset)
            if hop.edge is Edge.POINTER:
                reader = records[Ref(asset=before.asset, id=before.materialization or 0)]
                assert reader.inputs[hop.asset] == hop.materialization
        is_guessed = any(hop.edge is Edge.TIME for hop in suspect.path)
        assert suspect.confidence is (Confidence.INFERRED if is_guessed else Confidence.PROVED)
    if findings.proven_root is not None:
        assert findings.proven_root == (findings.suspects[0].asset, findings.suspects[0].materialization)
        assert findings.suspects[0].explains == len(set(symptoms))


@given(seeds)
def test_no_order_of_the_inputs_changes_anything(seed: int) -> None:
    random = Random(seed)
    past = Past(random, pointing=0.7)
    symptoms = [past.symptom(random) for _ in range(3)]
    context = past.context(random)
    bad = [m.ref for m in past.records if random.random() < 0.2]

    def answers() -> tuple[object, object]:
        edges = [(up, down) for up in ASSETS for down in past.graph.children(up)]
        for sequence in (edges, symptoms, past.records, past.verdicts, bad):
            random.shuffle(sequence)
        graph = AssetGraph.from_edges(edges, nodes=random.sample(ASSETS, len(ASSETS)))
        provenance = Provenance(past.records, past.verdicts)
        return (
            investigate(symptoms, provenance, graph=graph, context=context, now=LATER),
            impact_of(bad, provenance, past.catalog, graph),
        )

    assert answers() == answers()
