"""What is loaded around a few records, on a real store: enough to walk, no more than a bound, few queries."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from incident_ops.adapters.store import SqlStore
from incident_ops.core.provenance import Evaluation, Facts, Materialization, Provenance, RecordKind
from incident_ops.engine import provenance
from incident_ops.engine.provenance import EARLIER, LATER, Gathered, gather
from incident_ops_tests.adapters.store.test_cost import recorded
from incident_ops_tests.blank import empty_store
from incident_ops_tests.builders import minutes


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with empty_store(tmp_path / "store.db") as store:
        yield store


def built(asset: str, id: int, *inputs: Materialization, **anything: Any) -> Materialization:
    return Materialization(asset=asset, id=id, at=minutes(id), inputs={m.asset: m.id for m in inputs}, **anything)


def failed(record: Materialization) -> Evaluation:
    return Evaluation(
        event_id=f"e{record.id}",
        asset=record.asset,
        check="unique",
        passed=False,
        at=minutes(record.id),
        materialization=record.id,
    )


def around(
    store: SqlStore,
    start: Materialization,
    records: Collection[Materialization],
    *,
    bad: Collection[Materialization] = (),
    descendants: Collection[str] = (),
) -> Gathered:
    with store.transaction() as tx:
        tx.add_facts(Facts(materializations=tuple(records), evaluations=tuple(map(failed, bad))))
    with store.looking_back() as history:
        return gather(history, [start.ref], descendants=descendants)


def ids(found: Provenance, asset: str) -> list[int]:
    return [m.id for m in found.records(asset)]


def test_a_record_comes_with_what_it_was_built_from_and_with_what_was_built_from_it(store: SqlStore):
    raw = built("raw", 1)
    orders = built("orders", 2, raw)
    daily = built("daily", 3, orders)
    board = built("board", 4, daily)
    other = built("other", 5)
    found = around(store, orders, [raw, orders, daily, board, other], bad=[raw, board])
    assert set(found.provenance.assets) == {"raw", "orders", "daily", "board"}
    assert found.provenance.inputs_of(orders) == {"raw": raw}
    assert found.provenance.built_from(daily) == [board]
    assert (found.provenance.is_bad(raw), found.provenance.is_bad(board), found.provenance.is_bad(daily)) == (
        True,
        True,
        False,
    )
    assert found.cut_short is None


def test_what_is_found_upstream_has_its_past_and_how_things_are_now(store: SqlStore):
    raws = [built("raw", n) for n in range(1, 60)]
    orders = built("orders", 100, raws[39])
    later = [built("raw", n) for n in range(101, 120)]
    found = around(store, orders, [*raws, orders, *later])
    expected = [*range(10, 41), *range(120 - LATER, 120)]
    assert ids(found.provenance, "raw") == expected
    assert len([n for n in expected if n < 40]) == EARLIER
    assert found.provenance.good_before(raws[39]) == raws[38]


def test_partitions_have_a_past_of_their_own(store: SqlStore):
    of_p = [built("raw", n, partition="p") for n in (1, 3)]
    of_q = [built("raw", n, partition="q") for n in (2, 4)]
    orders = built("orders", 5, of_p[1], partition="p")
    found = around(store, orders, [*of_p, *of_q, orders])
    assert ids(found.provenance, "raw") == [1, 3]


def test_downstream_places_have_their_newest_record_and_what_that_one_read(store: SqlStore):
    """Or nobody could tell whether they were built from good data since."""
    bad = built("orders", 1)
    tainted = built("daily", 2, bad)
    good, aside = built("orders", 3), built("aside", 4)
    healed = built("daily", 5, good, aside)
    found = around(store, bad, [bad, tainted, good, aside, healed])
    assert found.provenance.latest("daily") == healed
    assert found.provenance.inputs_of(healed) == {"orders": good, "aside": aside}


def test_descendants_that_were_not_built_since_are_there_with_what_they_read(store: SqlStore):
    good = built("orders", 1)
    old = [built("daily", 2, good), built("daily", 3, good)]
    bad = built("orders", 4)
    found = around(store, bad, [good, *old, bad], descendants=["daily", "never"])
    assert ids(found.provenance, "daily") == [3]
    assert found.provenance.inputs_of(old[1]) == {"orders": good}


def test_a_remark_is_stepped_over_upstream_and_downstream(store: SqlStore):
    seen = built("src", 1, kind=RecordKind.OBSERVATION)
    remark = built("src", 2, kind=RecordKind.REMARK)
    orders = built("orders", 3, remark)
    everything = [seen, remark, orders]
    found = around(store, orders, everything)
    assert found.provenance.inputs_of(orders) == {"src": seen}
    found = around(store, seen, everything)
    assert found.provenance.built_from(seen) == [orders]


def test_a_pointer_to_what_nobody_has_ends_there(store: SqlStore):
    orders = built("orders", 3, built("raw", 1))
    found = around(store, orders, [orders])
    assert found.provenance.inputs_of(orders) == {"raw": None}
    assert around(store, built("unknown", 9), []).provenance.assets == {}.keys()


def chain(count: int) -> list[Materialization]:
    records = [built("a0", 1)]
    for n in range(1, count):
        records.append(built(f"a{n}", n + 1, records[-1]))
    return records


@pytest.mark.parametrize(("position", "direction"), [(-1, "upstream"), (0, "downstream")])
def test_beyond_the_most_levels_nothing_is_loaded_and_it_is_said(store: SqlStore, position: int, direction: str):
    records = chain(provenance.MOST_LEVELS + 10)
    found = around(store, records[position], records)
    assert found.cut_short == f"{direction}: stopped after 40 levels"
    assert len(found.provenance.assets) == provenance.MOST_LEVELS + 1


def test_of_more_readers_than_the_bound_the_newest_are_loaded_and_it_is_said(store: SqlStore):
    raw = built("raw", 1)
    readers = [built("daily", n, raw) for n in range(2, provenance.MOST_RECORDS + 60)]
    found = around(store, raw, [raw, *readers])
    assert found.cut_short == "downstream: more than 2,000 records"
    loaded = ids(found.provenance, "daily")
    assert len(loaded) <= provenance.MOST_RECORDS + 1
    assert loaded == [m.id for m in readers][-len(loaded) :]


def test_the_number_of_queries_grows_with_levels_and_not_with_records(store: SqlStore):
    def queries(width: int, name: str) -> int:
        raws = [built(f"{name}{n}", n + 1) for n in range(width)]
        orders = built(f"{name}-orders", 200, *raws)
        readers = [built(f"{name}-daily{n}", 300 + n, orders) for n in range(width)]
        with store.transaction() as tx:
            tx.add_facts(Facts(materializations=(*raws, orders, *readers)))
        with recorded(store) as statements, store.looking_back() as history:
            found = gather(history, [orders.ref], descendants=[m.asset for m in readers])
        assert len(found.provenance.assets) == 2 * width + 1
        return len(statements)

    assert queries(1, "a") == queries(100, "b")
