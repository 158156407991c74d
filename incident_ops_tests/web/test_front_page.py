"""The front page and `/healthz`, with and without the database; the headers that every answer has."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.core.errors import ConfigError
from incident_ops.web.app import Part, make_app
from incident_ops.web.server import address_of, listen
from incident_ops_tests.blank import blank_store
from incident_ops_tests.builders import make_alert, make_incident
from incident_ops_tests.web.serving import SECONDS, serving

PARTS = [Part(name="Slack over HTTP", state=lambda: "off: <nothing> is set")]
DAGSTER = 'http://dagster.test/?a=1&b="2"'


@pytest.fixture
def url(store: SqlStore) -> Iterator[str]:
    with serving(make_app(store, dagster_url=DAGSTER, parts=PARTS)) as url:
        yield url


def opens(store: SqlStore, incidents: int) -> None:
    for n in range(incidents):
        with store.transaction() as tx:
            tx.save(make_incident(tx.allocate_number(), make_alert(f"a/{n}")))


@pytest.mark.parametrize(
    ("incidents", "said"), [(0, "No open incident."), (1, "1 open incident."), (2, "2 open incidents.")]
)
def test_the_front_page_says_how_things_stand(store: SqlStore, url: str, incidents: int, said: str) -> None:
    opens(store, incidents)
    page = requests.get(f"{url}/", timeout=SECONDS)
    assert page.status_code == 200
    assert said in page.text
    assert 'href="http://dagster.test/?a=1&amp;b=&#34;2&#34;"' in page.text
    assert "off: &lt;nothing&gt; is set" in page.text
    assert "<script" not in page.text


def test_health_is_for_machines(url: str) -> None:
    answer = requests.get(f"{url}/healthz", timeout=SECONDS)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_without_the_database_it_says_so_and_keeps_serving(tmp_path: Path) -> None:
    file = tmp_path / "gone.db"
    with (
        open_store(blank_store(file)) as store,
        serving(make_app(store, dagster_url=DAGSTER, parts=PARTS)) as url,
    ):
        assert requests.get(f"{url}/healthz", timeout=SECONDS).status_code == 200
        file.rename(tmp_path / "elsewhere.db")
        page, health = (requests.get(f"{url}{path}", timeout=SECONDS) for path in ("/", "/healthz"))
        assert (page.status_code, health.status_code, health.json()) == (503, 503, {"status": "no database"})
        assert "database cannot be used" in page.text and str(tmp_path) not in page.text
        (tmp_path / "elsewhere.db").rename(file)
        assert requests.get(f"{url}/healthz", timeout=SECONDS).status_code == 200


@pytest.mark.parametrize("path", ["/", "/healthz", "/nothing", "/slack/commands"])
def test_every_answer_has_the_headers_that_protect_it(url: str, path: str) -> None:
    headers = requests.get(f"{url}{path}", timeout=SECONDS).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert (headers["X-Content-Type-Options"], headers["X-Frame-Options"]) == ("nosniff", "DENY")
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert "Server" not in headers


def test_so_has_the_answer_to_what_we_did_not_expect(store: SqlStore, caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> str:
        raise LookupError("a mistake of ours")

    with (
        caplog.at_level(logging.CRITICAL),
        serving(make_app(store, dagster_url="", parts=[Part(name="x", state=fails)])) as url,
    ):
        answer = requests.get(f"{url}/", timeout=SECONDS)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


# ---- where it listens


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError) as refused:
            listen("127.0.0.1", port)
    assert str(refused.value) == (
        f"nobody can listen on 127.0.0.1:{port} (Address already in use); choose another --host or --port."
    )


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "", "a" * 300, "\udcff"])
def test_an_address_that_is_not_ours_is_one_sentence(host: str) -> None:
    with pytest.raises(ConfigError) as refused:
        listen(host, 0)
    assert "--host" in str(refused.value)


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_ipv6_address_is_written_as_a_url() -> None:
    try:
        bound = listen("::1", 0)
    except ConfigError:
        pytest.skip("this machine has no IPv6")
    with bound:
        assert address_of(bound) == f"http://[::1]:{bound.getsockname()[1]}"
