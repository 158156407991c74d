"""What the inbox keeps for the terminal."""

from datetime import UTC, datetime

import pytest

from incident_ops.adapters.notify.inbox import InboxNotifier
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.inbox_table import InMemoryInbox

NOW = datetime(2025, 3, 1, 9, tzinfo=UTC)
FIN = Destination(kind="inbox", address="#fin")

PLAIN_TEXT = """\
12 of 1,000 rows of orders have no customer_id.

Status  triggered
Owner   team:fin
Since   2025-03-01 08:00 UTC

Incident: http://127.0.0.1:3000/assets/incidents?partition=INC-7&view=events
Run: http://127.0.0.1:3000/runs/3f0b"""


def sent(table: InMemoryInbox) -> InboxNotifier:
    return InboxNotifier(table, clock=lambda: NOW)


def test_a_message_reads_as_lines_without_any_escaping() -> None:
    table = InMemoryInbox()
    sent(table).send(FIN, messages.PLAIN, key="k1")
    message = table.sent["k1"]
    assert (message.incident, message.to, message.at, message.edited_at) == ("INC-7", "#fin", NOW, None)
    assert message.headline == "INC-7 SEV1 orders: not_null failed"
    assert message.text == PLAIN_TEXT


def test_text_from_outside_cannot_drive_the_terminal() -> None:
    table = InMemoryInbox()
    thread = sent(table).send(FIN, messages.HOSTILE, key="k1")
    sent(table).reply(thread, "\x1b]0;title\x07\x1b[2Jcleared\r\nline", key="k2", broadcast=False)
    shown = table.sent["k1"].headline + table.sent["k1"].text
    assert not set(shown) & set("\x00\x1b\x07\u202e")
    assert "\n" not in table.sent["k1"].headline
    assert table.sent["k2"].text == "cleared\nline"


def test_long_lists_and_errors_are_counted_not_printed_in_full() -> None:
    table = InMemoryInbox()
    sent(table).send(FIN, messages.EIGHTY_MEMBERS, key="k1")
    assert "Also (80):" in table.sent["k1"].text
    assert "… and 30 more" in table.sent["k1"].text


def test_sending_again_with_the_same_key_keeps_one_message() -> None:
    table = InMemoryInbox()
    first = sent(table).send(FIN, messages.PLAIN, key="k1")
    assert sent(table).send(FIN, messages.PLAIN, key="k1") == first
    assert len(table.sent) == 1


def test_a_reply_belongs_to_the_incident_of_its_thread() -> None:
    table = InMemoryInbox()
    thread = sent(table).send(FIN, messages.PLAIN, key="k1")
    sent(table).reply(thread, "Resolved", key="k2", broadcast=True)
    reply = table.sent["k2"]
    assert (reply.incident, reply.to, reply.thread, reply.headline) == ("INC-7", "#fin", "k1", "")


def test_what_is_gone_can_be_neither_edited_nor_answered() -> None:
    gone = Receipt(channel="#fin", message="k9")
    with pytest.raises(TransportError) as edit:
        sent(InMemoryInbox()).update(gone, messages.RESOLVED, key="e1")
    with pytest.raises(TransportError) as reply:
        sent(InMemoryInbox()).reply(gone, "anybody?", key="k2", broadcast=False)
    assert edit.value.permanent
    assert reply.value.permanent
