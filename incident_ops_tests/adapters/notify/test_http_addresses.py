"""Which addresses a webhook is never sent to, and that the one which was judged is the one that is asked."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from incident_ops.adapters.notify.http import Api
from incident_ops.adapters.notify.http_addresses import Pins
from incident_ops_tests.adapters.notify.certificates import authority
from incident_ops_tests.adapters.notify.http_sink import PATH, api_at, kind_of, trouble_with
from incident_ops_tests.adapters.notify.local_server import Answer, LocalServer, Request, json_answer
from incident_ops_tests.fake_slack import dropped

PUBLIC = [
    "93.184.215.14",
    "8.8.8.8",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
    "64:ff9b::808:808",
    "2002:808:808::1",
]
OURS = [
    "127.0.0.1",
    "127.9.9.9",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.2.7",
    "198.18.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
]
NOBODYS = [
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "ff02::1",
    "169.254.169.254",
    "169.254.0.7",
    "fe80::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "fd00:ec2::254",
    "100.100.100.200",
    "168.63.129.16",
]


@pytest.mark.parametrize("address", [*PUBLIC, *OURS, *NOBODYS])
def test_addresses_of_our_own_network_are_only_for_those_who_mean_them(address: str) -> None:
    public, private = (Pins(private=private).refusal_of(ip_address(address)) for private in (False, True))
    assert bool(public) == (address not in PUBLIC), public
    assert bool(private) == (address in NOBODYS), private


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "[::1]", "[::ffff:7f00:1]"],
)
def test_no_spelling_of_our_own_address_is_asked(host: str) -> None:
    with LocalServer(lambda request: Answer()) as server:
        url = server.url.replace("127.0.0.1", host)
        error = trouble_with(api_at(url, pins=Pins(private=False)))
        assert server.requests == []
    assert kind_of(error) == {"needs_person"}


class Names:
    """Name → addresses; counts how often it is asked, and answers differently from the second time on."""

    def __init__(self, *first: str, later: Sequence[str] = ("169.254.169.254",)) -> None:
        self.asked = 0
        self._first, self._later = first, later

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self._first if self.asked == 1 else self._later


def at_a_name(server: LocalServer, names: Names, *, private: bool = True, name: str = "hook.test") -> Api:
    return api_at(server.url.replace("127.0.0.1", name), pins=Pins(private=private, resolve=names))


def test_the_address_that_was_judged_is_the_one_that_is_asked() -> None:
    """A name that means another address at the second look-up would get past the guard."""
    names = Names("127.0.0.1")
    with LocalServer(lambda request: Answer()) as server:
        at_a_name(server, names).ask("POST", what="a post")
        (request,) = server.requests
    assert names.asked == 1
    assert request.headers["host"] == server.url.removeprefix("http://").replace("127.0.0.1", "hook.test")


def test_the_name_is_still_the_one_in_the_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority()))
    with LocalServer(lambda request: json_answer([1]), certificate_of="hook.test") as server:
        assert at_a_name(server, Names("127.0.0.1")).ask_json("POST", what="a post") == [1]
        error = trouble_with(at_a_name(server, Names("127.0.0.1"), name="hook2.test"))
    assert "is another host's" in str(error)


def test_one_address_of_ours_among_public_ones_is_enough_to_refuse() -> None:
    with LocalServer(lambda request: Answer()) as server:
        error = trouble_with(at_a_name(server, Names("93.184.215.14", "127.0.0.1"), private=False))
        assert server.requests == []
    assert "private: true" in str(error)


def test_the_next_address_is_tried_when_nothing_listens_at_the_first() -> None:
    with LocalServer(lambda request: Answer()) as server:
        at_a_name(server, Names("127.0.0.2", "127.0.0.1")).ask("POST", what="a post")
        assert len(server.requests) == 1


def test_no_second_address_is_tried_once_something_was_sent() -> None:
    with LocalServer(lambda request: Answer()) as server:
        server.next(dropped())
        assert kind_of(trouble_with(at_a_name(server, Names("127.0.0.1", "127.0.0.1")))) == {"fate_unknown"}
        assert len(server.requests) == 1


def test_behind_a_proxy_the_proxy_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    def proxy(request: Request) -> Answer:
        return json_answer({"asked_for": request.path})

    with LocalServer(proxy) as server:
        monkeypatch.setenv("http_proxy", server.url)
        api = api_at("http://hook.invalid", pins=Pins(private=False))
        assert api.ask_json("POST", what="a post") == {"asked_for": f"http://hook.invalid{PATH}"}
        refused = api_at("http://metadata.test", pins=Pins(private=True, resolve=Names("169.254.169.254")))
        assert kind_of(trouble_with(refused)) == {"needs_person"}
        assert len(server.requests) == 1
