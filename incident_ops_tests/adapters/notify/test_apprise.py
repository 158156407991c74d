"""One message within every service's limits, in the markup that it reads; and why it was not taken."""

import logging
import re
from collections.abc import Iterator

import pytest
from apprise import Apprise, NotifyBase, NotifyFormat

from incident_ops.adapters.notify.apprise import SHORTEST, AppriseNotifier, rendered
from incident_ops.core.delivery import Receipt
from incident_ops.core.errors import TransportError
from incident_ops.core.message import Colour
from incident_ops.core.routing import Destination
from incident_ops_tests.adapters.notify import messages
from incident_ops_tests.adapters.notify.local_server import Answer, LocalServer
from incident_ops_tests.adapters.notify.sinks.apprise import PASSWORD, Posts, at
from incident_ops_tests.fake_slack import rate_limited

HOOK = Destination(kind="apprise", address="hook")
SECRET = "t0kensecretenoughtolooklikeone00"
SERVICES = {
    "JSON": "json://127.0.0.1/hook",
    "Discord": f"discord://123456789012345678/{SECRET}",
    "Telegram": f"tgram://123456789:{SECRET}aaa/987654321",
    "Mattermost": f"mmost://127.0.0.1/{SECRET}",
    "Google Chat": f"gchat://workspace/{SECRET}/{SECRET}",
    "Teams": f"workflows://127.0.0.1/{SECRET}/{SECRET}",
    "ntfy": "ntfy://127.0.0.1/topic",
    "Rocket.Chat": f"rocket://{SECRET}/{SECRET}{SECRET}@127.0.0.1/room",
    "mail": "mailto://user:pass@acme.test",
    "HTML": "json://127.0.0.1/hook?format=html",
    "an SMS": f"clicksend://user:{SECRET}@15551234567",
}
LIVE_MENTION = re.compile(r"@(?:channel|here|everyone|all)\b|(?<![\w.+\-])@\w|<[!@#]|<at>", re.IGNORECASE)


@pytest.fixture(scope="module")
def plugins() -> dict[str, NotifyBase]:
    AppriseNotifier(receiver="hook", url=SERVICES["JSON"]).check(HOOK)  # loads the plugins, warnings and all
    made = {name: Apprise.instantiate(url) for name, url in SERVICES.items()}
    assert [name for name, plugin in made.items() if plugin is None] == []
    return {name: plugin for name, plugin in made.items() if isinstance(plugin, NotifyBase)}


@pytest.fixture
def posts() -> Posts:
    return Posts()


@pytest.fixture
def server(posts: Posts) -> Iterator[LocalServer]:
    with LocalServer(posts.json) as running:
        yield running


@pytest.mark.parametrize("name", messages.EVERY)
@pytest.mark.parametrize("service", SERVICES)
def test_a_message_keeps_every_services_limits_and_mentions_nobody(
    plugins: dict[str, NotifyBase], service: str, name: str
) -> None:
    plugin = plugins[service]
    title, body, _ = rendered(messages.EVERY[name], plugin)
    assert SHORTEST <= len(body) <= plugin.body_maxlen
    assert len(title) <= max(plugin.title_maxlen, 0)
    assert not LIVE_MENTION.search(title + body)


def test_services_without_a_title_have_it_in_the_text(plugins: dict[str, NotifyBase]) -> None:
    for service in ("Telegram", "an SMS"):
        title, body, _ = rendered(messages.PLAIN, plugins[service])
        assert title == ""
        assert body.startswith("INC-7 SEV1 orders: not")


def test_each_markup_has_its_own_links(plugins: dict[str, NotifyBase]) -> None:
    shown = {service: rendered(messages.PLAIN, plugins[service]) for service in ("JSON", "Teams", "HTML")}
    assert {service: form for service, (_, _, form) in shown.items()} == {
        "JSON": NotifyFormat.TEXT,
        "Teams": NotifyFormat.MARKDOWN,
        "HTML": NotifyFormat.HTML,
    }
    assert f"Run: {messages.LINKS[1].url}" in shown["JSON"][1]
    assert f"[Run]({messages.LINKS[1].url})" in shown["Teams"][1]
    assert f'<a href="{messages.LINKS[1].url}">Run</a>' in shown["HTML"][1]


def test_markup_from_outside_stays_text(plugins: dict[str, NotifyBase]) -> None:
    message = messages.make_message(summary="[pay](http://evil.test) <script>alert(1)</script> *b* <at>Erin</at>")
    _, markdown, _ = rendered(message, plugins["Teams"])
    assert "](http://evil" not in markdown
    assert "*" not in markdown
    assert "<at>" not in markdown
    _, html, _ = rendered(message, plugins["HTML"])
    assert "<script" not in html
    assert "<at" not in html


def test_names_of_tables_can_still_be_copied(plugins: dict[str, NotifyBase]) -> None:
    message = messages.make_message(summary="stg_orders_daily of ana@acme.test")
    for service in set(plugins) - {"an SMS"}:
        plugin = plugins[service]
        assert "stg_orders_daily of ana@acme.test" in rendered(message, plugin)[1]


@pytest.mark.parametrize(
    ("colour", "kind"),
    [
        (Colour.RED, "failure"),
        (Colour.YELLOW, "warning"),
        (Colour.GREEN, "success"),
        (Colour.BLUE, "info"),
    ],
)
def test_the_colour_is_apprises_kind_of_message(server: LocalServer, colour: Colour, kind: str) -> None:
    at(server.url).send(HOOK, messages.make_message(colour=colour), key="k")
    (request,) = server.requests
    assert request.json["type"] == kind


@pytest.mark.parametrize("more", ["?retry=3&wait=0.01", "?overflow=split"])
def test_what_the_url_says_cannot_make_two_messages_of_one(server: LocalServer, posts: Posts, more: str) -> None:
    url = f"json://{server.url.partition('://')[2]}/hook{more}"
    AppriseNotifier(receiver="hook", url=url).send(HOOK, messages.ABOUT["huge"], key="k")
    assert len(posts.shown) == 1
    server.next(rate_limited(30))
    with pytest.raises(TransportError) as caught:
        AppriseNotifier(receiver="hook", url=url).send(HOOK, messages.PLAIN, key="k2")
    assert not caught.value.permanent
    assert not caught.value.needs_person
    assert not caught.value.fate_unknown
    assert len(server.requests) == 2


@pytest.mark.parametrize("url", ["", "nonsense", "nosuch://host", f"discord://{SECRET}", "json://"])
def test_a_url_that_apprise_cannot_use_needs_a_person_and_is_not_quoted(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = AppriseNotifier(receiver="hook", url=url)
    for ask in (lambda: notifier.check(HOOK), lambda: notifier.send(HOOK, messages.PLAIN, key="k")):
        with caplog.at_level(logging.DEBUG), pytest.raises(TransportError) as caught:
            ask()
        assert caught.value.needs_person
        assert 'receiver "hook"' in str(caught.value)
        assert SECRET not in str(caught.value) + caplog.text


def test_not_even_the_libraries_tell_their_logs_where_a_message_goes(
    server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        at(server.url).send(HOOK, messages.PLAIN, key="k")
    assert PASSWORD not in caplog.text
    assert "/hook" not in caplog.text


def test_apprises_own_log_is_heard_again_after_a_message(
    server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    at(server.url).send(HOOK, messages.PLAIN, key="k")
    with caplog.at_level(logging.WARNING):
        logging.getLogger("apprise").warning("something else")
    assert "something else" in caplog.text


def test_a_reply_is_understood_by_itself_and_is_not_too_long(server: LocalServer, posts: Posts) -> None:
    notifier = at(server.url)
    thread = notifier.send(HOOK, messages.make_message(headline="INC-7 SEV1 " + "orders " * 100), key="k")
    notifier.reply(thread, "Resolved: " + "it is well " * 4_000, key="INC-7:turn:r2", broadcast=False)
    title, text = posts.shown[1].split("\n", 1)
    assert title.startswith("INC-7 SEV1 orders orders") and len(title) <= 150
    assert text.startswith("Resolved: it is well") and len(text) <= 4_000
    assert server.requests[1].json["type"] == "info"


def test_a_reply_to_what_an_earlier_version_sent_names_the_incident(server: LocalServer, posts: Posts) -> None:
    thread = Receipt(channel="hook", message="INC-7:post:apprise:hook")
    at(server.url).reply(thread, "Resolved", key="INC-7:turn:apprise:hook:r2", broadcast=False)
    assert posts.shown == ["INC-7\nResolved"]


def test_a_redirect_is_not_followed(server: LocalServer) -> None:
    elsewhere = Answer(status=307, headers={"Location": f"{server.url}/elsewhere"})
    with LocalServer(lambda request: elsewhere) as redirecting:
        url = f"json://{redirecting.url.partition('://')[2]}/hook"
        with pytest.raises(TransportError):
            AppriseNotifier(receiver="hook", url=url).send(HOOK, messages.PLAIN, key="k1")
    assert (len(redirecting.requests), server.requests) == (1, [])
