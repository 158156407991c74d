"""Who is to blame when an asset adds to what it was? It reads its own last build, and so on back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.rootcause.upstream import MOST_RECORDS, walk_upstream
from incident_ops.core.trail import Edge
from incident_ops_tests.core.investigations import first, found, symptom, texts
from incident_ops_tests.histories import History, graph_of

G = graph_of("raw > inc")


def grown(*rows: int) -> History:
    """raw 10, 20 … with so many rows, and from each of them inc 11, 21 …, that reads the one before it as well."""
    h = History()
    for n, count in enumerate(rows, start=1):
        h.built("raw", 10 * n, rows=count)
        own = {"inc": 10 * n - 9} if n > 1 else {}
        h.built("inc", 10 * n + 1, reads={"raw": 10 * n, **own}, rows=100 * n)
    return h


def test_the_bad_input_of_an_earlier_build_is_found_and_the_good_one_since_is_not_named() -> None:
    findings = found(grown(100, 3, 100).provenance, symptom("inc", 31), graph=G)
    [suspect] = findings.suspects
    assert texts(suspect) == ["rows 100 → 3 (−97 %)"]
    assert [(hop.asset, hop.materialization, hop.edge) for hop in suspect.path] == [
        ("inc", 31, Edge.POINTER), ("inc", 21, Edge.POINTER), ("raw", 20, Edge.POINTER),
    ]  # fmt: skip
    assert findings.proven_root == ("raw", 20)


def test_what_went_into_a_build_that_passed_is_innocent() -> None:
    h = grown(100, 3, 100, 100)
    h.checked("inc", 21, passed=True)
    walk = walk_upstream(symptom("inc", 41, check="not_null"), h.provenance, G)
    assert [step.id for step in walk.steps.values()] == [41, 31, 40, 30]
    assert found(h.provenance, symptom("inc", 41, check="not_null"), graph=G).suspects == ()


def test_each_earlier_build_and_its_input_is_compared_with_those_of_the_last_good_one() -> None:
    """raw was bad twice since; the second time it looked like the first."""
    h = grown(100, 100, 3, 3, 100)
    h.checked("inc", 21, passed=True)
    findings = found(h.provenance, symptom("inc", 51, check="not_null"), graph=G)
    assert [(s.asset, s.materialization) for s in findings.suspects] == [("raw", 40), ("raw", 30)]
    assert {text for s in findings.suspects for text in texts(s)} == {"rows 100 → 3 (−97 %)"}


def test_an_earlier_build_that_failed_the_same_check_is_the_symptom_and_not_its_cause() -> None:
    h = grown(100, 100, 100)
    for id in (21, 31):
        h.checked("inc", id, passed=False)
    assert found(h.provenance, symptom("inc", 31, check="not_null"), graph=G).suspects == ()


def test_the_reader_of_such_an_asset_is_led_back_through_it() -> None:
    h = grown(100, 3, 100)
    h.built("rev", 90, reads={"inc": 31})
    findings = found(h.provenance, symptom("rev", 90), graph=graph_of("raw > inc > rev"))
    assert findings.proven_root == ("raw", 20)
    assert [hop.materialization for hop in first(findings).path] == [90, 31, 21, 20]


def test_a_change_of_its_own_code_days_ago_is_found_in_a_partition_that_reads_its_yesterday() -> None:
    h = History()
    for day in range(1, 6):
        own = {"inc": day - 1} if day > 1 else {}
        h.built("inc", day, partition=f"d{day}", reads=own, code="v2" if day == 3 else "v1")
        h.checked("inc", day, passed=day < 3)
    for failing in (3, 5):
        verdict = symptom("inc", failing, partition=f"d{failing}", check="not_null")
        [suspect] = found(h.provenance, verdict, graph=graph_of("inc")).suspects
        assert (suspect.materialization, suspect.path[-1].materialization) == (3, 3)
        assert "declared code version v1 → v2" in texts(suspect)


@pytest.mark.parametrize(
    ("graph", "raw", "looked_at"),
    [
        ("inc", {}, "looked at 2 earlier builds of inc: nothing changed"),
        ("raw > inc", {"raw": 1}, "looked at 2 earlier builds of inc and 1 asset upstream: raw: nothing changed"),
    ],
)
def test_the_earlier_builds_that_were_looked_at_are_told(graph: str, raw: dict[str, int], looked_at: str) -> None:
    h = History()
    h.built("raw", 1)
    h.built("inc", 2, reads=raw)
    h.built("inc", 3, reads={"inc": 2, **raw})
    h.built("inc", 4, reads={"inc": 3, **raw})
    findings = found(h.provenance, symptom("inc", 4), graph=graph_of(graph))
    assert (findings.suspects, findings.looked_at) == ((), looked_at)


def test_a_long_past_is_cut_and_said() -> None:
    h = grown(*[100] * 1_500)
    walk = walk_upstream(symptom("inc", 15_001, at=20_000), h.provenance, G)
    assert len(walk.steps) == MOST_RECORDS
    assert walk.ends == (f"stopped after {MOST_RECORDS:,} records",)
    farthest = max(walk.steps.values(), key=lambda step: step.hops)
    assert len(farthest.path) == farthest.hops + 1 > 900


@given(st.lists(st.integers(1, 12), min_size=1, max_size=12))
def test_any_tangle_of_pointers_ends(reads: list[int]) -> None:
    """Also builds that point to themselves, or to one another."""
    h = History()
    for id, read in enumerate(reads, start=1):
        h.built("inc", id, at=1, reads={"inc": read})
    walk = walk_upstream(symptom("inc", len(reads)), h.provenance, G)
    assert len({step.place for step in walk.steps.values()}) == len(walk.steps) <= len(reads) + 1
