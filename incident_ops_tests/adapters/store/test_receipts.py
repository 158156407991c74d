"""Which incident a message in a sink is about, by the receipt that the sink gave for it."""

from sqlalchemy import event

from incident_ops.adapters.store import SqlStore
from incident_ops.core.delivery import Receipt
from incident_ops.core.notices import Action, Notice
from incident_ops_tests.adapters.store.values import LEASE, SLACK, notice, opened_for, owe
from incident_ops_tests.builders import minutes


def sent(store: SqlStore, message: str, *notices: Notice, channel: str = "C1") -> None:
    owe(store, *notices)
    [delivery] = store.claim(now=minutes(1), lease=LEASE, limit=9)
    store.accepted(delivery, Receipt(channel=channel, message=message), now=minutes(1))


def test_posts_and_replies_lead_to_their_incident_and_nothing_else_does(store: SqlStore) -> None:
    opened_for(store, "a/1")
    opened_for(store, "a/2")
    sent(store, "1.0", notice(1, Action.POST, "p1"))
    sent(store, "2.0", notice(1, Action.REPLY, "r1"))
    sent(store, "3.0", notice(2, Action.POST, "p2"))
    digest = Notice(key="d", number=None, destination=SLACK, action=Action.TELL, text="today")
    sent(store, "4.0", digest)
    asked = [("C1", "1.0"), ("C1", "2.0"), ("C1", "3.0"), ("C1", "4.0"), ("C2", "1.0"), ("C1", "5.0"), ("", "")]
    assert [store.incident_of_message(*each) for each in asked] == [1, 1, 2, None, None, None, None]


def test_of_a_merged_incident_the_message_leads_to_the_other(store: SqlStore) -> None:
    """People keep one message; what they press under it is about what it tells of."""
    opened_for(store, "a/1")
    opened_for(store, "a/2")
    sent(store, "1.0", notice(1, Action.POST, "p1"))
    with store.transaction() as tx:
        tx.hand_over_posts(1, to=2)
    assert store.incident_of_message("C1", "1.0") == 2


def test_it_is_found_by_an_index_however_many_messages_there_were(store: SqlStore) -> None:
    statements: list[tuple[str, object]] = []

    def record(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        statements.append((statement, parameters))

    engine = store._database.engine
    event.listen(engine, "before_cursor_execute", record)
    store.incident_of_message("C1", "1.0")
    event.remove(engine, "before_cursor_execute", record)
    [(statement, parameters)] = [each for each in statements if "deliveries" in each[0]]
    explain = "EXPLAIN QUERY PLAN " if store._database.is_sqlite else "EXPLAIN "
    with engine.connect() as connection:
        if not store._database.is_sqlite:  # an empty table is read whole whatever indexes it has
            connection.exec_driver_sql("SET enable_seqscan = off")
        plan = str(connection.exec_driver_sql(explain + statement, parameters).all())  # type: ignore[arg-type]
        connection.rollback()
    assert "ix_deliveries_receipt" in plan
