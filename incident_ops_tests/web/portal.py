"""A portal that reports who looked at what, to an application with `POST /api/views` and a clock of its own."""

from collections.abc import Sequence

from starlette.testclient import TestClient

from incident_ops.adapters.store import SqlStore
from incident_ops.core.provenance import View
from incident_ops.web.access import access_at
from incident_ops.web.app import make_app
from incident_ops.web.views import Take, ViewReports
from incident_ops_tests.builders import minutes

HERE, EVERYWHERE = "127.0.0.1", "0.0.0.0"
NOW = minutes(30)
CEO = {"asset": "rev_daily", "viewer": "ceo@shop.example"}


class Kept:
    """Keeps what it is handed, and knows no asset but rev_daily."""

    def __init__(self) -> None:
        self.views: list[View] = []

    def __call__(self, views: Sequence[View]) -> list[str]:
        self.views += views
        return sorted({view.asset for view in views} - {"rev_daily"})


def portal_of(store: SqlStore, take: Take, *, host: str = HERE, token: str | None = None) -> TestClient:
    """On the machine of a console that listens on `host`."""
    reports = ViewReports(access_at(host, token), take, clock=lambda: NOW)
    app = make_app(store, dagster_url="", parts=[], more=reports.routes())
    return TestClient(app, base_url="http://127.0.0.1:3100")
