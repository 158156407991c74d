"""A sink over HTTP for the tests of `http.py`: how it is asked, and how its trouble is looked at."""

from typing import Any

import pytest

from incident_ops.adapters.notify.http import Api, host_of
from incident_ops.adapters.notify.http_outcomes import Sink
from incident_ops.core.errors import TransportError

TOKEN = "t0ken-very-secret"
PATH = "/hooks/s3cret-path"
PASSWORD = "pa55-in-the-url"


def api_at(url: str, **more: Any) -> Api:
    sink = Sink(name="the sink of receiver ops", host=host_of(url), remedies={404: "check the url"})
    return Api(sink=sink, url=url + PATH, **({"authorization": f"Bearer {TOKEN}", "timeout": 5.0} | more))


def trouble_with(api: Api, *, adds: bool = True, gone: str = "") -> TransportError:
    with pytest.raises(TransportError) as caught:
        api.ask("POST", what="a post", value={"text": "hello"}, adds=adds, gone=gone)
    error = caught.value
    assert error.__cause__ is None and error.__context__ is None, "a traceback would show the address"
    assert not [secret for secret in (TOKEN, PATH, PASSWORD, "s3cret") if secret in f"{error!r} {api!r}"]
    assert "\n" not in str(error)
    return error


def kind_of(error: TransportError) -> set[str]:
    kinds = ("permanent", "needs_person", "fate_unknown")
    return {kind for kind in kinds if getattr(error, kind)}
