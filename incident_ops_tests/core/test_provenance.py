"""The part of the history held in memory: pointers followed, remarks stepped over, reused ids told apart."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_ops.core.alert import CheckSeverity
from incident_ops.core.provenance import Evaluation, Materialization, Provenance, RecordKind, Ref
from incident_ops_tests.builders import minutes


def built(asset: str, id: int, at: float | None = None, **anything: Any) -> Materialization:
    return Materialization(asset=asset, id=id, at=minutes(id if at is None else at), **anything)


def remark(asset: str, id: int, **anything: Any) -> Materialization:
    return built(asset, id, kind=RecordKind.REMARK, **anything)


def verdict(record: Materialization, *, passed: bool = False, at: float = 99, **anything: Any) -> Evaluation:
    values: dict[str, Any] = {
        "event_id": f"e{at}",
        "asset": record.asset,
        "check": "unique",
        "passed": passed,
        "at": minutes(at),
        "materialization": record.id,
    }
    return Evaluation(**(values | anything))


# ---- pointers


def test_inputs_are_the_very_records_that_pointers_lead_to():
    old, new = built("a", 1), built("a", 2)
    reader = built("b", 3, inputs={"a": 1, "gone": 7})
    history = Provenance([reader, new, old])
    assert history.inputs_of(reader) == {"a": old, "gone": None}
    assert (history.built_from(old), history.built_from(new)) == ([reader], [])


def test_a_remark_is_stepped_over_both_ways():
    seen, later = built("src", 1, kind=RecordKind.OBSERVATION), built("src", 5, kind=RecordKind.OBSERVATION)
    reader = built("b", 3, inputs={"src": 2})
    history = Provenance([seen, remark("src", 2), reader, later])
    assert history.inputs_of(reader) == {"src": seen}
    assert (history.built_from(seen), history.built_from(later)) == ([reader], [])
    assert history.get(Ref(asset="src", id=2)) == seen
    assert history.records("src") == [seen, later]


def test_a_remark_on_a_partition_speaks_of_that_partition():
    seen = {p: built("src", n, partition=p) for n, p in enumerate(("p", "q"), 1)}
    history = Provenance([*seen.values(), remark("src", 3, partition="p"), remark("src", 4)])
    assert history.get(Ref(asset="src", id=3)) == seen["p"]
    assert history.get(Ref(asset="src", id=4)) is None, "of no partition there is no record"


def test_an_id_that_was_given_anew_is_the_record_of_its_time():
    old, new = built("a", 5, at=1), built("a", 5, at=10)
    before, after = built("b", 6, at=2, inputs={"a": 5}), built("b", 7, at=11, inputs={"a": 5})
    history = Provenance([old, new, before, after])
    assert (history.inputs_of(before), history.inputs_of(after)) == ({"a": old}, {"a": new})
    assert (history.built_from(old), history.built_from(new)) == ([before], [after])
    assert (history.get(old.ref, by=minutes(5)), history.get(old.ref), history.get(old.ref, by=minutes(0))) == (
        old,
        new,
        None,
    )


def test_a_record_that_is_given_twice_is_held_once():
    record = built("a", 1)
    assert Provenance([record, record]).records("a") == [record]


# ---- verdicts


def test_the_newest_verdict_of_each_check_and_partition_counts():
    record = built("a", 1)
    failed, passed = verdict(record, at=2), verdict(record, at=3, passed=True)
    other = verdict(record, at=4, check="other", severity=CheckSeverity.WARN)
    assert Provenance([record], [passed, failed]).verdicts_on(record) == [passed]
    assert Provenance([record], [failed, other]).verdicts_on(record) == [failed, other]


@pytest.mark.parametrize(
    ("verdicts", "is_bad"),
    [
        ([], False),
        ([{"at": 2}], True),
        ([{"at": 2}, {"at": 3, "passed": True}], False),
        ([{"at": 2, "passed": True}, {"at": 3}], True),
        ([{"at": 2, "severity": CheckSeverity.WARN}], False),
        ([{"at": 2}, {"at": 3, "passed": True, "check": "other"}], True),
        ([{"at": 2, "partition": "p"}, {"at": 3, "passed": True, "partition": "q"}], True),
        ([{"at": 0.5}], False),  # before the record: of one that had the id first
        ([{"at": 2, "materialization": None}], False),
        ([{"at": 2, "asset": "b"}], False),
    ],
)
def test_a_record_is_bad_by_an_error_that_no_later_verdict_takes_back(verdicts: list[Any], is_bad: bool):
    record = built("a", 1)
    assert Provenance([record], [verdict(record, **v) for v in verdicts]).is_bad(record) is is_bad


def test_the_previous_good_one_is_of_the_same_partition_and_not_bad():
    good, bad, other, now = built("a", 1), built("a", 2), built("a", 3, partition="p"), built("a", 5)
    history = Provenance([good, bad, other, remark("a", 4), now], [verdict(bad)])
    assert (history.good_before(now), history.good_before(bad), history.good_before(good)) == (good, good, None)
    assert history.good_before(other) is None


def test_latest_and_partitions_speak_of_what_was_there_at_the_time():
    first, second, of_p = built("a", 1), built("a", 2), built("a", 3, partition="p")
    history = Provenance([first, second, of_p])
    assert history.latest("a") == second
    assert history.latest("a", by=minutes(1)) == first
    assert history.latest("a", by=minutes(0)) is history.latest("b") is None
    assert history.latest("a", partition="p") == of_p
    assert history.partitions("a") == [None, "p"]
    assert history.history("a", partition="p") == [of_p]


# ---- beside brute force


@st.composite
def histories(draw: st.DrawFn) -> list[Materialization]:
    """Records in the order of time, ids given anew now and then, pointers to anything that was before."""
    records: list[Materialization] = []
    for at in range(draw(st.integers(1, 14))):
        asset, storage_id = draw(st.sampled_from("abcd")), draw(st.integers(1, 6))
        kind = draw(st.sampled_from([*RecordKind, RecordKind.MATERIALIZATION]))
        upstream = draw(st.lists(st.sampled_from(records), max_size=3)) if records else []
        inputs = {m.asset: m.id for m in upstream if m.asset != asset}
        partition = draw(st.sampled_from([None, None, "p"]))
        anything: dict[str, Any] = {"partition": partition}
        if kind is not RecordKind.REMARK:
            anything["inputs"] = inputs
        records.append(built(asset, storage_id, at=at, kind=kind, **anything))
    return records


def led_to(records: Iterable[Materialization], reader: Materialization, asset: str) -> Materialization | None:
    there = [m for m in records if (m.asset, m.id) == (asset, reader.inputs[asset]) and m.at <= reader.at]
    if not there or there[-1].kind is not RecordKind.REMARK:
        return there[-1] if there else None
    before = [
        m
        for m in records
        if (m.asset, m.partition) == (asset, there[-1].partition)
        and m.at < there[-1].at
        and m.kind is not RecordKind.REMARK
    ]
    return before[-1] if before else None


@given(histories())
def test_reading_and_being_read_are_one_relation(records: list[Materialization]):
    history = Provenance(reversed(records))
    expected = [(r, m) for r in records for asset in r.inputs if (m := led_to(records, r, asset)) is not None]
    readings = [(r, m) for r in records for m in history.inputs_of(r).values() if m is not None]
    assert sorted(map(repr, readings)) == sorted(map(repr, expected))
    real = [m for m in records if m.kind is not RecordKind.REMARK]
    assert sorted(repr((r, m)) for m in real for r in history.built_from(m)) == sorted(map(repr, expected))


@given(histories())
def test_everything_downstream_is_reached_by_readers_alone(records: list[Materialization]):
    history = Provenance(records)
    for start in records:
        if start.kind is not RecordKind.REMARK:
            assert closure(history, start) == slow_closure(records, start)


def closure(history: Provenance, start: Materialization) -> set[str]:
    reached, ahead = set[str](), [start]
    while ahead:
        for reader in history.built_from(ahead.pop()):
            if repr(reader) not in reached:
                reached.add(repr(reader))
                ahead.append(reader)
    return reached


def slow_closure(records: list[Materialization], start: Materialization) -> set[str]:
    reached = [start]
    for _ in records:
        reached += [
            r for r in records if r not in reached and any(led_to(records, r, a) in reached for a in r.inputs)
        ]
    return {repr(m) for m in reached if m != start}
