"""The Slack notifier against a local server with Slack's rules: troubles, their meaning, and lost answers."""

import logging
from datetime import timedelta

import pytest
from slack_sdk import WebClient

from incident_ops.adapters.notify.slack.notifier import SlackNotifier, slack_client, slack_notifier
from incident_ops.adapters.notify.slack.resource import IncidentSlackResource
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import ConfigError, TransportError
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.slack_account import FIN, SINCE, TOKEN, refusal_of
from incident_ops_tests.fake_slack import (
    FakeSlack,
    Trouble,
    channel_id,
    dropped,
    error,
    hang,
    lost_answer,
    not_json,
    rate_limited,
    redirect,
    server_error,
)

# --- what each trouble means ----------------------------------------------------------------------------------

TEMPORARY = {"permanent": False, "needs_person": False, "fate_unknown": False}
UNKNOWN = TEMPORARY | {"fate_unknown": True}
PERMANENT = TEMPORARY | {"permanent": True}
NEEDS_PERSON = TEMPORARY | {"needs_person": True}

ROWS: list[tuple[str, Trouble, dict[str, bool], str]] = [
    ("429", rate_limited(30), TEMPORARY, "wait for 30 s"),
    ("429 without a header", Trouble(status=429, body=b"slow down"), TEMPORARY, "asks to wait"),
    ("ratelimited", error("ratelimited"), TEMPORARY, "asks to wait"),
    ("500", server_error(500), UNKNOWN, "HTTP 500"),
    ("502", server_error(502), UNKNOWN, "HTTP 502"),
    ("503", server_error(503), UNKNOWN, "HTTP 503"),
    ("408", server_error(408), UNKNOWN, "HTTP 408"),
    ("dropped", dropped(), UNKNOWN, "broke off"),
    ("not JSON", not_json(), UNKNOWN, "cannot be read"),
    ("JSON that is no object", not_json(b'["ok"]'), UNKNOWN, "cannot be read"),
    ("JSON null", not_json(b"null"), UNKNOWN, "cannot be read"),
    ("empty body", not_json(b""), UNKNOWN, "cannot be read"),
    ("bad encoding", not_json(b"\xff\xfe"), UNKNOWN, "cannot be read"),
    ("internal_error", error("internal_error"), UNKNOWN, "internal_error"),
    ("fatal_error", error("fatal_error"), UNKNOWN, "fatal_error"),
    ("service_unavailable", error("service_unavailable"), UNKNOWN, "service_unavailable"),
    ("request_timeout", error("request_timeout"), TEMPORARY, "request_timeout"),
    ("channel_not_found", error("channel_not_found"), PERMANENT, "#fin: there is no such channel"),
    ("is_archived", error("is_archived"), PERMANENT, "archived"),
    ("not_in_channel", error("not_in_channel"), PERMANENT, "invite it"),
    ("user_not_found", error("user_not_found"), PERMANENT, "no such user"),
    ("msg_too_long", error("msg_too_long"), PERMANENT, "too long"),
    ("restricted_action", error("restricted_action"), PERMANENT, "rule of the workspace"),
    ("unknown name", error("brand_new_error"), PERMANENT, "brand_new_error"),
    ("missing_scope", error("missing_scope", needed="chat:write"), NEEDS_PERSON, "lacks the scope chat:write;"),
    ("missing_scope, unnamed", error("missing_scope"), NEEDS_PERSON, "lacks a scope"),
    ("invalid_auth", error("invalid_auth"), NEEDS_PERSON, "token is not valid"),
    ("not_authed", error("not_authed"), NEEDS_PERSON, "INCIDENT_OPS_SLACK_TOKEN"),
    ("token_revoked", error("token_revoked"), NEEDS_PERSON, "revoked"),
    ("token_expired", error("token_expired"), NEEDS_PERSON, "expired"),
    ("account_inactive", error("account_inactive"), NEEDS_PERSON, "removed"),
    ("no_permission", error("no_permission"), NEEDS_PERSON, "administrator"),
    ("org_login_required", error("org_login_required"), NEEDS_PERSON, "organisation"),
    ("404 of a wrong address", server_error(404), NEEDS_PERSON, "base URL"),
    ("403 of a proxy", server_error(403), NEEDS_PERSON, "proxy"),
    ("400", server_error(400), PERMANENT, "HTTP 400"),
    ("403 that cannot be decoded", Trouble(status=403, body=b"\xff\xfe"), NEEDS_PERSON, "proxy"),
    ("redirect", redirect("http://slack.test/"), NEEDS_PERSON, "INCIDENT_OPS_SLACK_BASE_URL"),
    ("redirect to nowhere", Trouble(status=302), NEEDS_PERSON, "INCIDENT_OPS_SLACK_BASE_URL"),
]


@pytest.mark.parametrize(("trouble", "meaning", "says"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_trouble_has_its_meaning_and_its_sentence(
    server: FakeSlack, notifier: SlackNotifier, trouble: Trouble, meaning: dict[str, bool], says: str
) -> None:
    server.next(trouble)
    refused = refusal_of(notifier)
    assert {name: getattr(refused, name) for name in meaning} == meaning, str(refused)
    assert says in str(refused)
    assert "\n" not in str(refused)
    assert len(server.calls) == 1, "the client repeated by itself"


def test_slacks_wish_to_wait_is_passed_on(server: FakeSlack, notifier: SlackNotifier) -> None:
    server.next(rate_limited(30))
    assert refusal_of(notifier).retry_after == timedelta(seconds=30)
    server.next(Trouble(status=429, headers={"Retry-After": "soon"}))
    assert refusal_of(notifier).retry_after is None
    server.next(Trouble(status=429, headers={"Retry-After": "9" * 30}))
    assert refusal_of(notifier).retry_after == timedelta(days=1)


def test_no_server_means_that_nothing_was_sent(server: FakeSlack, notifier: SlackNotifier) -> None:
    server.stop()
    refused = refusal_of(notifier)
    assert (refused.permanent, refused.fate_unknown) == (False, False)


def test_a_name_that_does_not_resolve_means_that_nothing_was_sent() -> None:
    refused = refusal_of(slack_notifier(TOKEN, "http://slack.invalid/api/"))
    assert (refused.permanent, refused.fate_unknown) == (False, False)


@pytest.mark.parametrize("base_url", ["ftp://slack.test/", "slack.com/api/", "http://[::1/", "http://a b/"])
def test_a_base_url_that_is_none_needs_a_person(base_url: str) -> None:
    assert refusal_of(slack_notifier(TOKEN, base_url)).needs_person


def test_an_answer_that_takes_too_long_leaves_the_fate_open(server: FakeSlack) -> None:
    trouble = hang(handled=True)
    server.next(trouble)
    refused = refusal_of(slack_notifier(TOKEN, server.base_url, timeout=1))
    assert refused.fate_unknown
    assert "in time" in str(refused)
    assert trouble.begun.is_set()


def test_the_real_refusals_of_the_server_are_understood(server: FakeSlack) -> None:
    with FakeSlack(token=TOKEN, channels=["web"], scopes={"channels:read"}) as strict:
        assert "lacks the scope chat:write" in str(refusal_of(slack_notifier(TOKEN, strict.base_url)))
    with FakeSlack(token=TOKEN, channels=["web"]) as strict:
        assert refusal_of(slack_notifier(TOKEN, strict.base_url)).permanent
    assert "not valid" in str(refusal_of(slack_notifier("xoxb-wrong", server.base_url)))


@pytest.mark.parametrize("name", ["message_not_found", "cant_update_message", "edit_window_closed"])
def test_an_edit_that_slack_will_never_take_is_permanent(
    server: FakeSlack, notifier: SlackNotifier, name: str
) -> None:
    receipt = notifier.send(FIN, messages.PLAIN, key="k1")
    server.next(error(name))
    with pytest.raises(TransportError) as caught:
        notifier.update(receipt, messages.RESOLVED, key="e1")
    assert caught.value.permanent


def test_an_edit_can_be_repeated_so_its_fate_is_never_in_doubt(server: FakeSlack, notifier: SlackNotifier) -> None:
    receipt = notifier.send(FIN, messages.PLAIN, key="k1")
    server.next(lost_answer())
    with pytest.raises(TransportError) as caught:
        notifier.update(receipt, messages.RESOLVED, key="e1")
    assert not caught.value.fate_unknown


# --- servers that are only like Slack -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "receipt"),
    [
        (b'{"ok": true, "ts": "1.000001"}', Receipt(channel="#fin", message="1.000001")),
        (b'{"ok": true, "ts": "1.000001", "channel": null}', Receipt(channel="#fin", message="1.000001")),
        (b'{"ok": true}', Receipt(channel="#fin", message="")),
        (b'{"ok": true, "channel": "C1", "ts": null}', Receipt(channel="C1", message="")),
    ],
)
def test_ok_is_an_acceptance_whatever_else_the_answer_lacks(
    server: FakeSlack, notifier: SlackNotifier, answer: bytes, receipt: Receipt
) -> None:
    """Taken for a lost answer, the same post was repeated on every tick."""
    server.next(not_json(answer, handled=True))
    assert notifier.send(FIN, messages.PLAIN, key="k1") == receipt
    server.next(not_json(answer, handled=True))
    thread = Receipt(channel="#fin", message=server.posts()[0].ts)
    assert notifier.reply(thread, "Resolved", key="k2", broadcast=False) == receipt


def test_an_address_that_the_server_only_repeated_is_not_taken_for_an_id(
    server: FakeSlack, notifier: SlackNotifier
) -> None:
    server.next(not_json(b'{"ok": true, "ts": "1.000001"}', handled=True))
    notifier.send(FIN, messages.PLAIN, key="k1")
    found = notifier.look_up(FIN, "k1", thread=None, since=SINCE)
    assert found == Receipt(channel=channel_id("fin"), message=server.posts()[0].ts)


def test_a_message_without_a_name_is_neither_edited_nor_answered_and_never_tried_again(
    server: FakeSlack, notifier: SlackNotifier
) -> None:
    nameless = Receipt(channel="#fin", message="")
    with pytest.raises(TransportError) as of_the_edit:
        notifier.update(nameless, messages.RESOLVED, key="e1")
    with pytest.raises(TransportError) as of_the_reply:
        notifier.reply(nameless, "Resolved", key="k2", broadcast=True)
    for caught in (of_the_edit, of_the_reply):
        assert caught.value.permanent
        assert "named no message" in str(caught.value)
    assert notifier.look_up(FIN, "k2", thread=nameless, since=SINCE) is None
    assert server.calls == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_token_follows_no_redirect(server: FakeSlack, notifier: SlackNotifier, status: int) -> None:
    """urllib takes the header with the token along, to whatever host the answer names."""
    with FakeSlack(token=TOKEN) as other:
        server.down(redirect(f"{other.base_url}chat.postMessage", status=status))
        refused = refusal_of(notifier)
        with pytest.raises(TransportError) as of_the_look_up:
            notifier.look_up(FIN, "k1", thread=None, since=SINCE)
        assert other.calls == []
    for trouble in (refused, of_the_look_up.value):
        assert trouble.needs_person
        assert f"HTTP {status}" in str(trouble)
        assert "INCIDENT_OPS_SLACK_BASE_URL" in str(trouble)
        assert other.base_url not in str(trouble)


# --- the form is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_attachments"]
)
def test_refused_blocks_become_text_in_the_same_attempt(
    server: FakeSlack, notifier: SlackNotifier, name: str
) -> None:
    server.next(error(name))
    notifier.send(FIN, messages.LONG_ERROR, key="k1")
    (post,) = server.posts("#fin")
    assert post.blocks == []
    assert "INC-8" in post.text
    assert "models/stg_orders.py" in post.text
    assert post.key == "k1"


def test_refused_blocks_of_an_edit_do_not_leave_the_old_ones_standing(
    server: FakeSlack, notifier: SlackNotifier
) -> None:
    receipt = notifier.send(FIN, messages.PLAIN, key="k1")
    server.next(error("invalid_blocks"))
    notifier.update(receipt, messages.RESOLVED, key="e1")
    (post,) = server.posts("#fin")
    assert post.blocks == []
    assert post.text.startswith("🟢")


@pytest.mark.parametrize("name", ["invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large"])
def test_refused_metadata_is_left_out_in_the_same_attempt(
    server: FakeSlack, notifier: SlackNotifier, name: str
) -> None:
    server.next(error(name))
    notifier.send(FIN, messages.PLAIN, key="k1")
    (post,) = server.posts("#fin")
    assert post.metadata is None
    assert post.blocks


def test_both_can_be_refused_and_the_message_still_arrives(server: FakeSlack, notifier: SlackNotifier) -> None:
    server.next(error("invalid_blocks"), error("invalid_metadata_format"))
    notifier.send(FIN, messages.PLAIN, key="k1")
    assert len(server.posts("#fin")) == 1


def test_a_server_that_refuses_every_form_is_not_asked_for_ever(
    server: FakeSlack, notifier: SlackNotifier
) -> None:
    server.down(error("invalid_blocks"))
    assert refusal_of(notifier).permanent
    assert len(server.calls) == 2


# --- what is sent -----------------------------------------------------------------------------------------------


def test_nothing_is_unfurled_or_linked_by_slack_itself(server: FakeSlack, notifier: SlackNotifier) -> None:
    receipt = notifier.send(FIN, messages.HOSTILE, key="k1")
    notifier.reply(receipt, "<!channel> *x*", key="k2", broadcast=False)
    notifier.update(receipt, messages.HOSTILE, key="e1")
    post, reply, edit = server.calls
    for call in (post, reply):
        assert (call.body["unfurl_links"], call.body["unfurl_media"]) == (False, False)
    for call in (post, reply, edit):
        assert (call.body["parse"], call.body["link_names"]) == ("none", False)
    assert server.replies(receipt.message)[0].text == "&lt;!channel&gt; ∗x∗"


def test_a_client_that_repeats_by_itself_is_not_taken() -> None:
    with pytest.raises(ValueError, match="slack_client"):
        SlackNotifier(WebClient(token=TOKEN))


def test_a_client_that_follows_redirects_is_not_taken() -> None:
    with pytest.raises(ValueError, match="slack_client"):
        SlackNotifier(WebClient(token=TOKEN, retry_handlers=[]))


def test_proxies_are_left_to_urllib_which_knows_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    assert slack_client(TOKEN).proxy is None


@pytest.mark.parametrize("token", ["xoxb-1\nxoxb-2", "xoxb-ä", "", " "])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ConfigError) as caught:
        slack_notifier(token)
    assert "INCIDENT_OPS_SLACK_TOKEN" in str(caught.value)
    assert "xoxb-" not in str(caught.value)


def test_the_dagster_resource_has_a_base_url_and_hides_its_token(server: FakeSlack) -> None:
    resource = IncidentSlackResource(token=TOKEN, base_url=server.base_url)
    resource.get_notifier().send(FIN, messages.PLAIN, key="k1")
    assert len(server.posts("#fin")) == 1
    assert resource.get_client().retry_handlers == []
    assert TOKEN not in repr(resource)
    assert TOKEN not in str(resource)


def test_no_log_line_carries_the_token(
    server: FakeSlack, notifier: SlackNotifier, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        notifier.send(FIN, messages.PLAIN, key="k1")
        for trouble in (error("invalid_auth"), dropped(), not_json(), server_error()):
            server.next(trouble)
            refusal_of(notifier)
    assert "chat.postMessage" in caplog.text
    assert TOKEN not in caplog.text
