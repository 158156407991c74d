"""The history on both databases: what is added is what is found, once, along indexes."""

import re
from collections.abc import Collection
from dataclasses import MISSING, fields, replace
from types import MappingProxyType
from typing import Any

import pytest
import sqlalchemy as sa

from incident_ops.adapters.store import SqlStore
from incident_ops.adapters.store.tables import evaluations, materializations, pointers, views
from incident_ops.core.alert import CheckSeverity
from incident_ops.core.lineage.columns import ColumnRef
from incident_ops.core.provenance import Column, Evaluation, Facts, Materialization, RecordKind, Ref, View
from incident_ops.engine.ports import History
from incident_ops_tests.adapters.store.test_cost import recorded
from incident_ops_tests.builders import minutes

COMPLETE = Materialization(
    asset="shop/orders",
    id=2**40,
    at=minutes(1.000001),
    kind=RecordKind.OBSERVATION,
    partition="2026-11-20|eu",
    run_id="run-1",
    job="nightly",
    inputs=MappingProxyType({"raw/a": 2**40 - 1, "raw/b": 7}),
    data_version="v1",
    code_version="7",
    row_count=2**40,
    columns=(Column(name="id", type="BIGINT"), Column(name="größe", type="DECIMAL(10, 2)")),
    column_lineage=MappingProxyType({"id": (ColumnRef(asset="raw/a", column="id"),), "größe": ()}),
    config="5f",
    tags=MappingProxyType({"team": "fin"}),
    ready_at=minutes(0),
)
VERDICT = Evaluation(
    event_id="dagster:17@1.000000",
    asset="shop/orders",
    check="unique",
    passed=True,
    at=minutes(2),
    severity=CheckSeverity.WARN,
    materialization=2**40,
    partition="2026-11-20|eu",
    summary="3 rows 🦆",
)
VIEW = View(asset="shop/board", viewer="ana@example.com", at=minutes(3), materialization=2**40)


def built(asset: str, id: int, at: float | None = None, **anything: Any) -> Materialization:
    return Materialization(asset=asset, id=id, at=minutes(id if at is None else at), **anything)


def remark(asset: str, id: int, **anything: Any) -> Materialization:
    return built(asset, id, kind=RecordKind.REMARK, **anything)


def add(store: SqlStore, *records: Materialization, verdicts: Collection[Evaluation] = ()) -> None:
    with store.transaction() as tx:
        tx.add_facts(Facts(materializations=records, evaluations=tuple(verdicts)))


def names(records: Collection[Materialization]) -> list[str]:
    return [f"{m.asset}{m.id}" for m in records]


# ---- round trips


@pytest.mark.parametrize("value", [COMPLETE, VERDICT, VIEW])
def test_the_complete_values_leave_no_field_at_its_default(value: Any):
    """A field added to the core and forgotten in `history_rows` would be lost in silence."""
    for field in fields(value):
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        assert getattr(value, field.name) not in (default, None), field.name


@pytest.mark.parametrize(
    "record", [COMPLETE, built("a", 1), built("a", 1, columns=(), column_lineage={}, row_count=0)]
)
def test_a_record_is_found_as_it_was_added(store: SqlStore, record: Materialization):
    add(store, record)
    with store.looking_back() as history:
        assert history.materializations([record.ref]) == [record]
        assert history.latest([(record.asset, record.partition)]) == [record]
        assert [r.ref for i in record.inputs.items() for r in history.readers([Ref(asset=i[0], id=i[1])])] == [
            record.ref for _ in record.inputs
        ]


@pytest.mark.parametrize("verdict", [VERDICT, replace(VERDICT, partition=None, passed=False, summary="")])
def test_a_verdict_is_found_as_it_was_added(store: SqlStore, verdict: Evaluation):
    add(store, verdicts=[verdict])
    with store.looking_back() as history:
        assert history.evaluations([Ref(asset=verdict.asset, id=2**40)]) == [verdict]
        assert history.evaluations([Ref(asset="shop/other", id=2**40)]) == []


def test_views_are_found_since_a_moment_oldest_first(store: SqlStore):
    later = replace(VIEW, at=minutes(5), materialization=None)
    with store.transaction() as tx:
        tx.add_facts(Facts(views=(later, VIEW, replace(VIEW, asset="other"))))
    with store.looking_back() as history:
        assert history.views(["shop/board"], since=minutes(3)) == [VIEW, later]
        assert history.views(["shop/board"], since=minutes(4)) == [later]


def test_what_is_known_is_left_alone(store: SqlStore):
    """The same stretch of the log may be read again, when its run is no longer known."""
    everything = Facts(materializations=(COMPLETE,), evaluations=(VERDICT,), views=(VIEW,))
    poorer = replace(everything, materializations=(replace(COMPLETE, job="", config=""),))
    for facts in (everything, poorer, Facts()):
        with store.transaction() as tx:
            tx.add_facts(facts)
    with store.looking_back() as history:
        assert history.materializations([COMPLETE.ref]) == [COMPLETE]
    with store._database.reading() as connection:
        counts = [
            connection.scalar(sa.select(sa.func.count()).select_from(table))
            for table in (materializations, pointers, evaluations, views)
        ]
    assert counts == [1, 2, 1, 1]


def test_a_transaction_reads_what_it_added_and_an_undone_one_leaves_nothing(store: SqlStore):
    with pytest.raises(ZeroDivisionError), store.transaction() as tx:
        tx.add_facts(Facts(materializations=(COMPLETE,)))
        assert tx.history.materializations([COMPLETE.ref]) == [COMPLETE]
        raise ZeroDivisionError
    with store.looking_back() as history:
        assert history.materializations([COMPLETE.ref]) == []


def test_an_id_that_was_given_anew_is_two_records(store: SqlStore):
    old, new = built("a", 5, at=1), built("a", 5, at=9)
    reader = built("b", 6, at=10, inputs={"a": 5})
    add(store, new, old, reader)
    with store.looking_back() as history:
        assert history.materializations([old.ref]) == [old, new]
        assert history.before([new], limit=3) == [old]
        assert history.readers([old.ref]) == [reader]


# ---- questions


def test_readers_are_those_with_a_pointer_to_one_of_them_and_the_newest_of_too_many(store: SqlStore):
    add(store, *(built("b", n, inputs={"a": n % 2, "c": 1}) for n in range(1, 6)), built("b", 9))
    with store.looking_back() as history:
        assert names(history.readers([Ref(asset="a", id=1)])) == ["b1", "b3", "b5"]
        assert names(history.readers([Ref(asset="a", id=1), Ref(asset="c", id=1)])) == [
            "b1",
            "b2",
            "b3",
            "b4",
            "b5",
        ]
        assert names(history.readers([Ref(asset="a", id=1)], limit=2)) == ["b3", "b5"]


def test_before_are_the_newest_few_of_the_same_place_remarks_left_out(store: SqlStore):
    of_none = [built("a", n) for n in (1, 2, 4, 6)]
    of_p = [built("a", n, partition="p") for n in (11, 12, 13)]
    add(store, *of_none, *of_p, remark("a", 3), built("a", 14, partition="q"), built("b", 2))
    with store.looking_back() as history:
        assert names(history.before([of_none[3]], limit=2)) == ["a2", "a4"]
        assert names(history.before([of_none[0]], limit=2)) == []
        assert names(history.before([of_none[2], of_p[2]], limit=1)) == ["a2", "a12"]
        assert names(history.before([remark("a", 3)], limit=1)) == ["a2"]


def test_of_records_at_the_same_moment_the_smaller_id_is_the_earlier(store: SqlStore):
    same = [built("a", n, at=0) for n in (1, 2, 3)]
    add(store, *same)
    with store.looking_back() as history:
        assert names(history.before([same[2]], limit=1)) == ["a2"]
        assert names(history.latest([("a", None)])) == ["a3"]


def test_latest_is_the_newest_of_each_place_asked_for(store: SqlStore):
    add(store, built("a", 1), built("a", 2), built("a", 3, partition="p"), remark("a", 4), built("b", 5))
    with store.looking_back() as history:
        assert names(history.latest([("a", None), ("a", "p"), ("a", "none"), ("c", None)])) == ["a2", "a3"]
        assert names(history.latest_of(["a", "b", "c"])) == ["a3", "b5"]
        assert names(history.latest_of(["a"], limit=2)) == ["a2", "a3"]


def test_remarks_are_those_after_the_record(store: SqlStore):
    seen = built("a", 2, kind=RecordKind.OBSERVATION)
    add(store, remark("a", 1), seen, remark("a", 3), built("a", 4, kind=RecordKind.OBSERVATION), remark("b", 5))
    with store.looking_back() as history:
        assert names(history.remarks([seen])) == ["a3"]


def test_nothing_wanted_is_nothing_found(store: SqlStore):
    with store.looking_back() as history:
        assert history.materializations([]) == history.readers([]) == history.remarks([]) == []
        assert history.before([], limit=3) == history.latest([]) == history.latest_of([]) == []
        assert history.evaluations([]) == history.views([], since=minutes(0)) == []


def test_more_than_a_statement_holds_is_asked_for_in_pieces(store: SqlStore):
    many = [built(f"a{n}", n, inputs={"x": n}) for n in range(1_200)]
    add(store, *many)
    with store.looking_back() as history:
        assert history.materializations([m.ref for m in many]) == many
        assert history.latest([(m.asset, None) for m in many]) == many
        assert history.readers([Ref(asset="x", id=n) for n in range(1_200)]) == many
        assert history.readers([Ref(asset="x", id=n) for n in range(1_200)], limit=3) == many[-3:]


# ---- cost

DEEP = 20_000


def with_depth(store: SqlStore) -> None:
    """One asset with a deep past, of a partition and of none, half of it pointed to."""
    add(
        store,
        *(built("deep", n, partition="p" if n % 2 else None, inputs={"src": n // 10}) for n in range(DEEP)),
        verdicts=[replace(VERDICT, event_id=f"e{n}", asset="deep", materialization=n) for n in range(DEEP)],
    )
    with store.transaction() as tx:
        tx.add_facts(Facts(views=tuple(replace(VIEW, at=minutes(-1 - n), asset="deep") for n in range(2_000))))
    if not store._database.is_sqlite:
        with store._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def ask_everything(history: History) -> None:
    newest = history.latest([("deep", None), ("deep", "p")])
    assert len(newest) == 2
    assert len(history.before(newest, limit=30)) == 60
    assert len(history.latest_of(["deep"], limit=3)) == 3
    assert len(history.materializations([m.ref for m in newest])) == 2
    assert len(history.readers([Ref(asset="src", id=7)])) == 10
    assert len(history.evaluations([m.ref for m in newest])) == 2
    assert history.remarks(newest) == []
    assert history.views(["deep"], since=minutes(0)) == []


def test_no_question_reads_an_assets_whole_past(store: SqlStore):
    with_depth(store)
    with recorded(store) as statements, store.looking_back() as history:
        ask_everything(history)
    assert len(statements) == 10
    for statement, parameters in statements:
        plan = plan_of(store, statement, parameters)
        assert not re.search(r"SCAN (materializations|pointers|evaluations|views|h)\b|Seq Scan on", plan), plan
        assert store._database.is_sqlite or rows_read(plan) < 200, plan


def plan_of(store: SqlStore, statement: str, parameters: Any) -> str:
    explain = "EXPLAIN QUERY PLAN " if store._database.is_sqlite else "EXPLAIN (ANALYZE, TIMING off) "
    with store._database.engine.connect() as connection:
        return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters))


def rows_read(plan: str) -> int:
    """PostgreSQL: of all nodes, the most rows that came out or were thrown away."""
    found = re.findall(r"actual rows=([\d.]+)|Rows Removed by Filter: (\d+)", plan)
    return max(int(float(a or b)) for a, b in found)


def test_the_work_on_sqlite_is_the_same_with_a_short_past_and_a_long_one(tmp_path: Any):
    """Counted in instructions of its virtual machine."""
    from incident_ops.adapters.store import open_store
    from incident_ops_tests.adapters.store.test_cost import _instructions

    costs: list[int] = []
    for count in (100, DEEP):
        with open_store(f"sqlite:///{tmp_path / f'{count}.db'}") as store:
            add(store, *(built("deep", n, partition="p" if n % 2 else None) for n in range(count)))

            def ask(store: SqlStore) -> None:
                with store.looking_back() as history:
                    newest = history.latest([("deep", None), ("deep", "p")])
                    assert len(history.before(newest, limit=30)) == 60
                    assert len(history.latest_of(["deep"])) == 1

            costs.append(_instructions(store, ask))
    assert costs[1] < costs[0] * 1.5
