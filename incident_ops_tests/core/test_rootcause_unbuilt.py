"""Who is to blame for what is late, or was not built at all?"""

from dataclasses import replace
from typing import Any

from incident_ops.core.alert import AlertKind, ErrorClass, Nature
from incident_ops.core.rootcause.charges import Context, Trouble
from incident_ops.core.status import CauseClass
from incident_ops.core.trail import Confidence, Edge
from incident_ops_tests.builders import minutes
from incident_ops_tests.core.investigations import first, found, story_five, symptom, texts
from incident_ops_tests.histories import History, columns_of, graph_of


def test_a_late_source_explains_what_is_late_below_it() -> None:
    late = Trouble(asset="raw", kind=AlertKind.FRESHNESS, at=minutes(50), summary="raw is 3 h late")
    died = Trouble(
        asset="raw",
        kind=AlertKind.RUN_FAILED,
        at=minutes(40),
        summary="evicted",
        error_class=ErrorClass.INTERRUPTED,
    )
    h = History()
    h.built("raw", 1)
    h.built("orders", 2, reads={"raw": 1})
    findings = found(
        h.provenance, symptom("orders", nature=Nature.FRESHNESS), context=Context(troubles=(late, died))
    )
    suspect = first(findings)
    assert (suspect.asset, suspect.cause_class, suspect.confidence) == (
        "raw", CauseClass.OPERATIONAL, Confidence.INFERRED,
    )  # fmt: skip
    assert texts(suspect) == ["its run failed (interrupted): evicted", "raw is 3 h late"]
    assert findings.proven_root is None


def test_a_check_of_freshness_looks_at_what_the_record_was_made_of_too() -> None:
    """A `recency` check can fail because the new code drops the last day, and because nothing came."""
    h = story_five()
    late = Trouble(asset="raw", kind=AlertKind.FRESHNESS, at=minutes(50), summary="raw is 3 h late")
    recency = symptom("orders", 3, nature=Nature.FRESHNESS, check="recency")
    assert found(h.provenance, recency).proven_root == ("raw", 2)
    h.built("raw", 7, code="v3", rows=5)
    with_trouble = found(h.provenance, recency, context=Context(troubles=(late,)))
    assert [(s.materialization, s.cause_class) for s in with_trouble.suspects] == [
        (2, CauseClass.CODE), (7, CauseClass.OPERATIONAL),
    ], "the newer version of the code cannot have done it"  # fmt: skip


def test_a_trouble_that_was_over_when_the_data_was_read_explains_nothing() -> None:
    over = Trouble(
        asset="raw", kind=AlertKind.FRESHNESS, at=minutes(1), until=minutes(2), summary="raw is 3 h late"
    )
    h = History()
    h.built("raw", 3)
    h.built("orders", 4, reads={"raw": 3})
    findings = found(h.provenance, symptom("orders", 4, nature=Nature.VOLUME), context=Context(troubles=(over,)))
    assert findings.suspects == ()


def test_an_interrupted_run_is_its_own_operational_cause() -> None:
    died = Trouble(
        asset="orders", kind=AlertKind.RUN_FAILED, at=minutes(99), summary="killed", error_class=ErrorClass.DIED
    )
    h = History()
    h.built("raw", 1)
    findings = found(h.provenance, symptom(nature=Nature.PIPELINE), context=Context(troubles=(died,)))
    assert [(s.asset, s.cause_class) for s in findings.suspects] == [("orders", CauseClass.OPERATIONAL)]


def test_being_late_does_not_explain_itself() -> None:
    late = Trouble(asset="orders", kind=AlertKind.FRESHNESS, at=minutes(50), summary="orders is 3 h late")
    findings = found(History().provenance, symptom(nature=Nature.FRESHNESS), context=Context(troubles=(late,)))
    assert findings.suspects == ()


def test_that_its_own_code_raised_is_the_last_explanation() -> None:
    """The column that its input lost is why it raised."""
    raised = Trouble(
        asset="orders",
        kind=AlertKind.RUN_FAILED,
        at=minutes(99),
        summary="KeyError: price",
        error_class=ErrorClass.USER_CODE,
    )
    h = History()
    h.built("raw", 1, columns=columns_of(id="int", price="int"))
    h.built("orders", 2, reads={"raw": 1})
    alone = found(h.provenance, symptom(nature=Nature.PIPELINE), context=Context(troubles=(raised,)))
    assert [texts(s) for s in alone.suspects] == [["its run failed (user code): KeyError: price"]]
    h.built("raw", 3, columns=columns_of(id="int"))
    both = found(h.provenance, symptom(nature=Nature.PIPELINE), context=Context(troubles=(raised,)))
    assert [s.asset for s in both.suspects] == ["raw"]
    evicted = replace(raised, summary="evicted", error_class=ErrorClass.INTERRUPTED)
    all_three = found(h.provenance, symptom(nature=Nature.PIPELINE), context=Context(troubles=(evicted,)))
    assert [s.asset for s in all_three.suspects] == ["orders", "raw"], "no column takes a worker away"


def test_a_failed_build_is_explained_by_the_column_that_its_input_lost() -> None:
    h = History()
    h.built("raw", 1, columns=columns_of(id="BIGINT", price="DOUBLE", at="TIMESTAMP"))
    h.built("orders", 2, reads={"raw": 1})
    h.built("raw", 3, columns=columns_of(id="bigint", cost="DOUBLE"))
    suspect = first(found(h.provenance, symptom(nature=Nature.PIPELINE)))
    assert texts(suspect) == ["columns removed at; columns renamed, it seems, price → cost"]
    assert (suspect.asset, suspect.materialization, suspect.confidence) == ("raw", 3, Confidence.INFERRED)
    assert suspect.cause_class is CauseClass.DATA


def a_failed_run(**anything: Any) -> Trouble:
    values = {"at": minutes(60), "summary": "ValueError: refused", "error_class": ErrorClass.USER_CODE, **anything}
    return Trouble(asset="raw", kind=AlertKind.RUN_FAILED, **values)


def test_a_failed_run_built_nothing_so_the_asset_is_charged_and_not_its_older_record() -> None:
    h = History()
    h.built("raw", 1, run_id="fine")
    h.built("orders", 2, reads={"raw": 1})
    late = symptom("orders", nature=Nature.FRESHNESS)
    not_built = symptom("raw", nature=Nature.PIPELINE)
    findings = found(h.provenance, late, not_built, context=Context(troubles=(a_failed_run(run_id="failed"),)))
    [suspect] = findings.suspects
    assert (suspect.asset, suspect.materialization, suspect.explains, suspect.score) == ("raw", None, 2, 1)
    assert texts(suspect) == ["its run failed (user code): ValueError: refused"]
    assert [hop.asset for hop in suspect.path] == ["raw"]
    [alone] = found(h.provenance, late, context=Context(troubles=(a_failed_run(run_id="failed"),))).suspects
    assert [(hop.asset, hop.materialization, hop.edge) for hop in alone.path] == [
        ("orders", None, Edge.POINTER), ("raw", None, Edge.TIME),
    ]  # fmt: skip


def test_a_run_that_failed_after_it_had_built_the_record_is_held_against_that_record() -> None:
    h = History()
    h.built("raw", 1, run_id="failed")
    h.built("orders", 2, reads={"raw": 1})
    thin = symptom("orders", 2, nature=Nature.VOLUME)
    [suspect] = found(h.provenance, thin, context=Context(troubles=(a_failed_run(run_id="failed"),))).suspects
    assert (suspect.asset, suspect.materialization) == ("raw", 1)


def test_lateness_goes_with_the_failed_run_that_it_comes_of() -> None:
    h = History()
    h.built("raw", 1, run_id="fine")
    h.built("orders", 2, reads={"raw": 1})
    late = Trouble(asset="raw", kind=AlertKind.FRESHNESS, at=minutes(70), summary="raw is 3 h late")
    stale = symptom("orders", nature=Nature.FRESHNESS)
    for troubles, materialization in (((late, a_failed_run()), None), ((late,), 1)):
        [suspect] = found(h.provenance, stale, context=Context(troubles=troubles)).suspects
        assert suspect.materialization == materialization
        assert len(suspect.evidence) == len(troubles)


def test_what_made_the_input_of_the_failed_run_bad_comes_before_the_failure() -> None:
    """raw's run failed because its source had lost a column: the failure is carried."""
    h = History()
    h.built("source", 1, columns=columns_of(id="int", price="int"))
    h.built("raw", 2, reads={"source": 1}, run_id="fine")
    h.built("orders", 3, reads={"raw": 2})
    h.built("source", 50, columns=columns_of(id="int"))
    not_built = symptom("raw", nature=Nature.PIPELINE)
    findings = found(
        h.provenance,
        not_built,
        graph=graph_of("source > raw > orders"),
        context=Context(troubles=(a_failed_run(run_id="failed"),)),
    )
    assert [s.asset for s in findings.suspects] == ["source"]
