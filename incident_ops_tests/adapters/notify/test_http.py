"""HTTP for sinks: what every outcome means, what is never shown, and which addresses are never asked."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from incident_ops.adapters.notify.http import LONGEST_ANSWER, Api, basic
from incident_ops.adapters.notify.http_outcomes import Sink, refused
from incident_ops.core.errors import TransportError
from incident_ops_tests.adapters.notify.certificates import authority
from incident_ops_tests.adapters.notify.http_sink import PASSWORD, PATH, TOKEN, api_at, kind_of, trouble_with
from incident_ops_tests.adapters.notify.local_server import (
    Answer,
    LocalServer,
    json_answer,
    unused_port,
)
from incident_ops_tests.adapters.notify.raw_server import raw_server
from incident_ops_tests.fake_slack import dropped, hang, rate_limited, redirect


@contextmanager
def answering(answer: Answer, **more: Any) -> Iterator[tuple[LocalServer, Api]]:
    with LocalServer(lambda request: answer) as server:
        yield server, api_at(server.url, **more)


# ---- statuses


@pytest.mark.parametrize(
    ("status", "kinds"),
    [
        (301, {"needs_person"}),
        (307, {"needs_person"}),
        (400, {"permanent"}),
        (401, {"needs_person"}),
        (403, {"needs_person"}),
        (404, {"needs_person"}),
        (407, {"needs_person"}),
        (408, {"fate_unknown"}),
        (413, {"permanent"}),
        (422, {"permanent"}),
        (451, {"permanent"}),
        (425, set()),
        (429, set()),
        (500, {"fate_unknown"}),
        (503, {"fate_unknown"}),
        (599, {"fate_unknown"}),
    ],
)
def test_a_status_says_who_can_mend_it(status: int, kinds: set[str]) -> None:
    with answering(Answer(status=status, body=b"<html>no</html>")) as (server, api):
        error = trouble_with(api)
        assert kind_of(error) == kinds
        assert str(status) in str(error)
        assert len(server.requests) == 1, "one try is one try"


def test_a_404_about_one_thing_is_final_where_the_caller_says_so() -> None:
    with answering(Answer(status=404)) as (_, api):
        assert kind_of(trouble_with(api, gone="the issue is gone")) == {"permanent"}


def test_what_only_reads_has_no_unknown_fate() -> None:
    with answering(Answer(status=500)) as (server, api):
        assert kind_of(trouble_with(api, adds=False)) == set()
        server.next(dropped())
        assert kind_of(trouble_with(api, adds=False)) == set()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": " 0 "}, 0),
        ({"Retry-After": "999999999999"}, 86_400),
        ({"Retry-After": "Sat, 01 Mar 2025 09:00:30 GMT", "Date": "Sat, 01 Mar 2025 09:00:00 GMT"}, 30),
        ({"Retry-After": "Sat, 01 Mar 2025 08:00:00 GMT"}, 0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 86_400),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "٣"}, None),
        ({}, None),
    ],
)
def test_the_wish_to_wait_is_understood(headers: dict[str, str], seconds: int | None) -> None:
    lower = {name.lower(): value for name, value in headers.items()}
    error = refused(429, lower, Sink(name="x", host="y"), "a post", said="", adds=True, gone="")
    assert error.retry_after == (None if seconds is None else timedelta(seconds=seconds))


def test_the_wish_to_wait_arrives() -> None:
    with LocalServer(lambda request: Answer()) as server:
        server.next(rate_limited(7))
        assert trouble_with(api_at(server.url)).retry_after == timedelta(seconds=7)


def test_the_sinks_own_words_are_repeated_without_secrets() -> None:
    words = f"no\n\x1b[31m{TOKEN} at {PATH.strip('/')}, password=hunter22 {'long ' * 100}"
    refusing = json_answer({"message": words}, status=400)
    with answering(refusing, said=lambda body: body["message"]) as (_, api):
        error = str(trouble_with(api))
    assert "it says: no [redacted] at [redacted], password=[redacted]" in error
    assert len(error) < 400


# ---- what is never done


def test_no_redirect_is_followed() -> None:
    """It would take the token to whatever host it names."""
    with LocalServer(lambda request: Answer()) as elsewhere, LocalServer(lambda request: Answer()) as server:
        server.next(redirect(f"{elsewhere.url}/metadata", status=307))
        assert kind_of(trouble_with(api_at(server.url))) == {"needs_person"}
        assert elsewhere.requests == []


@pytest.mark.parametrize("location", ["http://[::1", "//", "\x00", "http://169.254.169.254/"])
def test_a_redirect_is_not_even_looked_at(location: str) -> None:
    head = f"HTTP/1.1 302 X\r\nLocation: {location}\r\nContent-Length: 1000000\r\n\r\nthe beginning"
    with raw_server(head.encode(), stays=True) as (url, _):
        error = trouble_with(api_at(url, timeout=0.3))
    assert kind_of(error) == {"needs_person"}
    assert "redirect" in str(error)


def test_netrc_does_not_put_its_password_over_our_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with LocalServer(lambda request: Answer()) as server:
        api_at(server.url).ask("POST", what="a post")
        api_at(server.url, authorization=None).ask("POST", what="a post")
        with_token, without = (request.headers.get("authorization") for request in server.requests)
    assert (with_token, without) == (f"Bearer {TOKEN}", None)


def test_a_user_in_the_address_becomes_basic_authentication() -> None:
    with LocalServer(lambda request: Answer()) as server:
        url = server.url.replace("://", f"://hook:{PASSWORD}%21@")
        api_at(url, authorization=None).ask("POST", what="a post")
        (request,) = server.requests
    assert request.headers["authorization"] == basic("hook", f"{PASSWORD}!")
    assert request.path == PATH


def test_the_query_of_an_address_is_kept() -> None:
    with LocalServer(lambda request: Answer()) as server:
        Api(sink=Sink(name="x", host="y"), url=f"{server.url}/a/?key=1&b=%20#part").ask("POST", what="a post")
        assert server.requests[0].path == "/a/?key=1&b=%20"


def test_no_log_tells_path_or_token(caplog: pytest.LogCaptureFixture) -> None:
    """urllib3 logs paths at DEBUG, where the secret of a webhook stands."""
    with caplog.at_level(logging.DEBUG), answering(Answer(status=500)) as (server, api):
        trouble_with(api)
        server.next(dropped())
        trouble_with(api)
    assert "s3cret" not in caplog.text
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("ftp://files.acme.test", TOKEN),
        ("hooks.acme.test", TOKEN),
        ("https://", TOKEN),
        ("http://[::1", TOKEN),
        ("http://a:99999", TOKEN),
        ("http://a..b", TOKEN),
        ("http://127.0.0.1:1", "two\nlines"),
        ("http://127.0.0.1:1", "tökén ✓"),
    ],
)
def test_an_address_or_a_token_that_cannot_be_used_needs_a_person(url: str, token: str) -> None:
    error = trouble_with(api_at(url, authorization=token))
    assert kind_of(error) == {"needs_person"}
    assert "copy both again" in str(error)


# ---- no answer


def test_what_was_never_sent_has_a_known_fate() -> None:
    for url in (f"http://127.0.0.1:{unused_port()}", "https://nowhere.invalid"):
        error = trouble_with(api_at(url))
        assert kind_of(error) == set()
        assert "was not sent" in str(error)


def test_silence_ends_in_time_and_leaves_the_fate_open() -> None:
    with LocalServer(lambda request: Answer()) as server:
        server.next(hang())
        error = trouble_with(api_at(server.url, timeout=0.3))
    assert kind_of(error) == {"fate_unknown"}
    assert "in time" in str(error)


def test_a_connection_that_breaks_off_leaves_the_fate_open() -> None:
    with LocalServer(lambda request: Answer()) as server:
        server.next(dropped())
        assert kind_of(trouble_with(api_at(server.url))) == {"fate_unknown"}


@pytest.mark.parametrize(
    ("host", "is_trusted", "fault"),
    [
        ("elsewhere.test", True, "is another host's"),
        ("127.0.0.1", False, "is not signed by an authority that is trusted here"),
    ],
)
def test_a_certificate_that_does_not_match_needs_a_person(
    host: str, is_trusted: bool, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority()))
    with LocalServer(lambda request: Answer(), certificate_of=host) as server:
        error = trouble_with(api_at(server.url))
        assert server.requests == []
    assert kind_of(error) == {"needs_person"}
    assert fault in str(error)


def test_plain_http_behind_an_https_address_needs_a_person() -> None:
    with LocalServer(lambda request: Answer()) as server:
        assert kind_of(trouble_with(api_at(server.url.replace("http:", "https:")))) == {"needs_person"}


def test_the_certificate_is_checked_and_a_good_one_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority()))
    with LocalServer(lambda request: json_answer([1]), certificate_of="127.0.0.1") as server:
        assert api_at(server.url).ask_json("GET", what="a question") == [1]


# ---- answers that are too long, never end, or make no sense


def test_only_the_beginning_of_an_answer_is_read() -> None:
    with answering(Answer(body=b"x" * (LONGEST_ANSWER + 100_000))) as (_, api):
        assert len(api.ask("POST", what="a post").body) == LONGEST_ANSWER


def test_an_answer_that_never_ends_is_cut_and_its_status_counts() -> None:
    beginning = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nthe beginning"
    with raw_server(beginning, stays=True) as (url, _):
        answer = api_at(url, timeout=0.3).ask("POST", what="a post", value=1)
    assert (answer.status, answer.body) == (200, b"the beginning")


@pytest.mark.parametrize(
    "answer",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 twohundred OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000],
)
def test_what_is_no_http_leaves_the_fate_open(answer: bytes) -> None:
    with raw_server(answer) as (url, _):
        assert kind_of(trouble_with(api_at(url))) == {"fate_unknown"}


@pytest.mark.parametrize("body", [b"<html>log in</html>", b"", b'"text"', b"7", b"\xff", b"[" * 100_000])
def test_an_answer_that_cannot_be_read_leaves_the_fate_open(body: bytes) -> None:
    with answering(Answer(body=body)) as (_, api), pytest.raises(TransportError) as caught:
        api.ask_json("POST", what="a post", adds=True)
    assert kind_of(caught.value) == {"fate_unknown"}
