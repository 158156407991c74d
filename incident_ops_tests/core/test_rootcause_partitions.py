"""Who is to blame for a bad partition? It is compared with its own past, and with others while it has none."""

import pytest

from incident_ops.core.provenance import Column
from incident_ops_tests.core.investigations import first, found, symptom, texts
from incident_ops_tests.histories import History, columns_of, graph_of

CHAIN = graph_of("raw > stg > orders")


class Chain(History):
    """raw → stg → orders, by partition, with pointers."""

    def run(self, id: int, partition: str, *, passed: bool | None = None, **raw: object) -> None:
        """Builds raw `id`, stg `id + 1` and orders `id + 2`, and checks the last."""
        self.built("raw", id, partition=partition, **raw)
        self.built("stg", id + 1, partition=partition, reads={"raw": id})
        self.built("orders", id + 2, partition=partition, reads={"stg": id + 1})
        if passed is not None:
            self.checked("orders", id + 2, passed=passed)


def test_a_pass_on_another_partition_hides_nothing() -> None:
    """Checks run on the newest partition; an older one is built anew, and its source is nearly empty."""
    h = Chain()
    h.run(10, "d16", rows=1_000)
    h.run(20, "d17", rows=1_000)
    h.run(30, "d18", rows=1_000, passed=True)
    h.run(40, "d17", rows=20, passed=False)
    findings = found(h.provenance, symptom("orders", 42, partition="d17", check="not_null"), graph=CHAIN)
    assert findings.proven_root == ("raw", 40)
    assert texts(first(findings)) == ["rows 1,000 → 20 (−98 %)"]


def test_a_pass_on_another_partition_accuses_nobody() -> None:
    """The columns differ by country, and always have."""
    h = Chain()
    h.run(10, "eu", columns=columns_of(id="int", vat="int"))
    h.run(20, "us", columns=columns_of(id="int", state="int"), passed=True)
    h.run(30, "eu", columns=columns_of(id="int", vat="int"), passed=False)
    findings = found(h.provenance, symptom("orders", 32, partition="eu", check="not_null"), graph=CHAIN)
    assert findings.suspects == ()
    assert findings.looked_at == "looked at 2 assets upstream: raw, stg: nothing changed"


def test_a_pass_on_the_own_partition_comes_before_its_newer_builds_and_before_newer_passes_elsewhere() -> None:
    h = Chain()
    h.run(10, "eu", code="v1", passed=True)
    h.run(20, "us", code="v2", passed=True)
    h.run(30, "eu", code="v2")
    h.run(40, "eu", code="v2", passed=False)
    suspect = first(found(h.provenance, symptom("orders", 42, partition="eu", check="not_null"), graph=CHAIN))
    assert (suspect.materialization, texts(suspect)) == (40, ["declared code version v1 → v2"])


def test_a_partition_built_for_the_first_time_is_compared_with_one_that_passed() -> None:
    h = Chain()
    h.run(10, "d17", code="v1", passed=True)
    h.run(20, "d18", code="v2")
    h.run(30, "d19", code="v2", passed=False)
    suspect = first(found(h.provenance, symptom("orders", 32, partition="d19", check="not_null"), graph=CHAIN))
    assert (suspect.materialization, texts(suspect)) == (30, ["declared code version v1 → v2"])


@pytest.mark.parametrize(
    ("before", "evidence"),
    [
        (columns_of(id="int", vat="int"), []),
        (columns_of(id="int", vat="int", price="int"), ["columns removed price"]),
    ],
)
def test_an_input_that_has_a_past_is_compared_with_it_though_its_reader_has_none(
    before: tuple[Column, ...], evidence: list[str]
) -> None:
    """orders[eu] is new; raw[eu] is not."""
    h = Chain()
    h.built("raw", 1, partition="eu", columns=before)
    h.run(10, "us", columns=columns_of(id="int", state="int"), passed=True)
    h.run(20, "eu", columns=columns_of(id="int", vat="int"), passed=False)
    findings = found(h.provenance, symptom("orders", 22, partition="eu", check="not_null"), graph=CHAIN)
    assert [text for suspect in findings.suspects for text in texts(suspect)] == evidence
