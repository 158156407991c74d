"""What is kept between requests changes nothing of what each of them insists on."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import certifi
import pytest

from incident_ops.adapters.notify.http_addresses import Pins
from incident_ops_tests.adapters.notify.certificates import authority
from incident_ops_tests.adapters.notify.http_sink import api_at, kind_of, trouble_with
from incident_ops_tests.adapters.notify.local_server import LocalServer, json_answer


def test_every_request_is_judged_anew() -> None:
    """A name that was harmless when it was first asked may lead to the metadata service a moment later."""
    answers = [["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1"]]

    def resolve(host: str, port: int) -> Sequence[str]:
        return answers.pop(0)

    with LocalServer(lambda request: json_answer([1])) as server:
        api = api_at(server.url.replace("127.0.0.1", "hook.test"), pins=Pins(private=True, resolve=resolve))
        api.ask("POST", what="the first")
        assert kind_of(trouble_with(api)) == {"needs_person"}
        api.ask("POST", what="the third")
        assert len(server.requests) == 2


def test_certificates_that_were_replaced_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle is rotated under a daemon that runs for months."""
    bundle = tmp_path / "bundle.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with LocalServer(lambda request: json_answer([1]), certificate_of="127.0.0.1") as server:
        api = api_at(server.url)
        for trusted, is_good, second in ((certifi.where(), False, 1), (str(authority()), True, 2)) * 2:
            bundle.write_bytes(Path(trusted).read_bytes())
            os.utime(bundle, (second, second))
            if is_good:
                assert api.ask_json("GET", what="a question") == [1]
            else:
                assert kind_of(trouble_with(api)) == {"needs_person"}


def test_threads_share_a_sink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority()))
    with LocalServer(lambda request: json_answer({"of": request.path}), certificate_of="127.0.0.1") as server:
        api = api_at(server.url, pins=Pins(private=True))
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda n: api.ask_json("GET", f"/{n}", what="a question"), range(64)))
    assert [answer["of"].rpartition("/")[2] for answer in found] == [str(n) for n in range(64)]
