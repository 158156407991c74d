"""A symptom, its investigation, and what to look at in the answer, each in a word."""

from typing import Any

from incident_ops.core.alert import Nature
from incident_ops.core.lineage import AssetGraph
from incident_ops.core.provenance import Provenance
from incident_ops.core.rootcause import Findings, Suspect, investigate
from incident_ops.core.rootcause.charges import Context
from incident_ops.core.rootcause.upstream import Symptom
from incident_ops_tests.builders import minutes
from incident_ops_tests.histories import History, graph_of

G = graph_of("raw > orders > rev_daily > cfo_dash", "raw > web > web_dash", "elsewhere > other")


def symptom(asset: str = "orders", id: int | None = None, *, at: float = 100, **anything: Any) -> Symptom:
    values: dict[str, Any] = {"nature": Nature.RULE, "occurred_at": minutes(at), **anything}
    return Symptom(asset=asset, materialization=id, **values)


def found(
    provenance: Provenance, *symptoms: Symptom, graph: AssetGraph = G, context: Context | None = None
) -> Findings:
    return investigate(symptoms, provenance, graph=graph, context=context or Context(), now=minutes(101))


def first(findings: Findings) -> Suspect:
    assert findings.suspects, findings.looked_at
    return findings.suspects[0]


def texts(suspect: Suspect) -> list[str]:
    return [signal.summary for signal in suspect.evidence]


def story_five() -> History:
    h = History()
    h.built("raw", 1, code="v1", rows=1_000)
    h.built("raw", 2, code="v2", rows=30)
    h.built("orders", 3, reads={"raw": 2}, code="o1", rows=30)
    h.built("raw", 4, code="v2", rows=1_000)
    h.built("other", 5, code="x1", rows=1_000_000)
    h.built("other", 6, code="x2", rows=0)
    return h
