"""The ASGI application: the front page, `/healthz`, what Slack calls, and the headers that every answer has."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jinja2 import Environment, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from incident_ops.core.errors import StoreUnavailable
from incident_ops.engine.ports import Store

Routes = Sequence[Route]

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_PAGE = Environment(autoescape=True, undefined=StrictUndefined).from_string("""\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>incident_ops</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body>
<h1>incident_ops</h1>
{% if open is none -%}
<p>The incidents' database cannot be used now.</p>
{% else -%}
<p>{{ open or "No" }} open incident{{ "" if open in (0, 1) else "s" }}. They are shown in
<a href="{{ dagster_url }}">Dagster</a>; <code>incident-ops list</code> lists them.</p>
{% endif -%}
<dl>
{% for part in parts -%}
<dt>{{ part.name }}</dt><dd>{{ part.state() }}</dd>
{% endfor -%}
</dl>
</body>
</html>
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that runs here, or does not; `state` says in a few words what it does now, or why it is off."""

    name: str
    state: Callable[[], str]

    def __str__(self) -> str:
        return f"{self.name}: {self.state()}"


def make_app(store: Store, *, dagster_url: str, parts: Sequence[Part], more: Routes = ()) -> ASGIApp:
    """The application.

    Args:
        parts: what the front page says of what is on and off.
        more: routes beside the front page and `/healthz`.
    """

    def front_page() -> Response:
        count = _open_incidents(store)
        page = _PAGE.render(open=count, dagster_url=dagster_url, parts=parts)
        return HTMLResponse(page, 200 if count is not None else 503)

    def health() -> Response:
        is_well = _open_incidents(store) is not None
        return JSONResponse({"status": "ok" if is_well else "no database"}, 200 if is_well else 503)

    async def show(_: Request) -> Response:
        return await run_in_threadpool(front_page)

    async def healthz(_: Request) -> Response:
        return await run_in_threadpool(health)

    return _SafeHeaders(Starlette(routes=[Route("/", show), Route("/healthz", healthz), *more]))


def _open_incidents(store: Store) -> int | None:
    """None when the database cannot be used."""
    try:
        return len(store.firing_labels())
    except StoreUnavailable:
        return None


class _SafeHeaders:
    """On every answer, errors included: nothing of ours is framed, sniffed, kept or executed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)
