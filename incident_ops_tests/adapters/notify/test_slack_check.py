"""Would Slack take a message there? Asked without anybody hearing of it; each trouble names its remedy."""

from collections.abc import Collection

import pytest

from incident_ops.adapters.notify.slack.notifier import slack_notifier
from incident_ops.adapters.notify.slack.scopes import ALL
from incident_ops.core.errors import TransportError
from incident_ops.core.routing import Destination
from incident_ops.engine.ports import CanCheck
from incident_ops_tests.adapters.notify.slack_account import TOKEN
from incident_ops_tests.fake_slack import (
    FakeChannel,
    FakeSlack,
    FakeUser,
    Trouble,
    channel_id,
    error,
    server_error,
)

OUTSIDE = FakeChannel(id="C0OUTSIDE", name="outside", members=[])
CHANNELS = [
    "fin",
    OUTSIDE,
    FakeChannel(id="C0OLD", name="old", is_archived=True),
    FakeChannel(id="C0SECRET", name="secret", is_private=True),
    FakeChannel(id="C0CLOSED", name="closed", is_private=True, members=[]),
]
PEOPLE = [
    FakeUser(id="U0MAX", name="max", email="max@acme.test"),
    FakeUser(id="U0GONE", name="gone", email="gone@acme.test", deleted=True),
    FakeUser(id="U0BOT", name="bot", is_bot=True),
]


def without(*scopes: str) -> Collection[str]:
    return [scope for scope in ALL if scope not in scopes]


def check(
    address: str,
    *,
    scopes: Collection[str] | None = ALL,
    trouble: Trouble | None = None,
    method: str = "auth.test",
    interactive: bool = True,
) -> TransportError | None:
    with FakeSlack(token=TOKEN, channels=CHANNELS, people=PEOPLE, scopes=scopes) as server:
        if trouble:
            server.down(trouble, method=method)
        notifier = slack_notifier(TOKEN, server.base_url, interactive=interactive, incident_channels="inc-")
        assert isinstance(notifier, CanCheck)
        try:
            notifier.check(Destination(kind="slack", address=address))
        except TransportError as refused:
            assert "\n" not in str(refused)
            return refused
        finally:
            assert server.messages == []
            assert len(server.workspace.channels) == len(CHANNELS)
    return None


@pytest.mark.parametrize(
    "address",
    [
        "#fin",
        "fin",
        "#outside",
        "#secret",
        channel_id("fin"),
        "C0OUTSIDE",
        "max@acme.test",
        "U0MAX",
        "#inc-7-orders",
    ],
)
def test_what_is_well_is_said_to_be(address: str) -> None:
    assert check(address) is None


@pytest.mark.parametrize("address", ["#fin", "max@acme.test", "#inc-7"])
def test_a_server_that_names_no_scopes_is_asked_the_rest(address: str) -> None:
    assert check(address, scopes=None) is None


PERMANENT, NEEDS_PERSON = "permanent", "needs_person"

ROWS: list[tuple[str, str, Collection[str], str]] = [
    ("#nowhere", "Slack shows no channel #nowhere; make it, or invite the app", ALL, PERMANENT),
    ("#closed", "Slack shows no channel #closed", ALL, PERMANENT),
    ("C0NOWHERE", "there is no such channel", ALL, PERMANENT),
    ("#old", "the channel #old is archived; bring it back", ALL, PERMANENT),
    ("C0OLD", "is archived", ALL, PERMANENT),
    ("#outside", "invite it there", without("chat:write.public"), PERMANENT),
    ("nobody@acme.test", "nobody in the workspace has this e-mail address", ALL, PERMANENT),
    ("gone@acme.test", "has left the workspace", ALL, PERMANENT),
    ("U0NOBODY", "there is no such user", ALL, PERMANENT),
    ("U0BOT", "is a bot", ALL, PERMANENT),
    ("#fin", "the scope chat:write, needed to post", without("chat:write"), NEEDS_PERSON),
    ("#fin", "the scope channels:read, needed to see whether #fin exists", without("channels:read"), NEEDS_PERSON),
    ("#fin", "the scopes commands, users:read.email", without("commands", "users:read.email"), NEEDS_PERSON),
    ("#inc-7", "the scope channels:manage, needed to make channels", without("channels:manage"), NEEDS_PERSON),
]


@pytest.mark.parametrize(("address", "says", "scopes", "kind"), ROWS)
def test_each_trouble_is_one_sentence_with_its_remedy(
    address: str, says: str, scopes: Collection[str], kind: str
) -> None:
    refused = check(address, scopes=scopes)
    assert refused is not None
    assert says in str(refused)
    assert getattr(refused, kind)
    assert TOKEN not in str(refused)


def test_scopes_that_only_buttons_need_are_not_asked_for_without_them() -> None:
    assert check("#fin", scopes=without("commands", "users:read", "users:read.email"), interactive=False) is None


@pytest.mark.parametrize(
    ("trouble", "method", "says"),
    [
        (error("invalid_auth"), "auth.test", "the token is not valid"),
        (error("token_revoked"), "auth.test", "install the app again"),
        (server_error(503), "auth.test", "HTTP 503"),
        (server_error(404), "conversations.list", "cannot be seen"),
        (error("ratelimited"), "conversations.list", "asks to wait"),
    ],
)
def test_slack_itself_may_be_the_trouble(trouble: Trouble, method: str, says: str) -> None:
    refused = check("#fin", trouble=trouble, method=method)
    assert refused is not None
    assert says in str(refused)
    assert not refused.permanent
