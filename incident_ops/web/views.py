"""Where portals and BI tools report who looked at which asset: one view, or many at once.

Who may is `access`' business, what a view means for an incident the engine's.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from incident_ops.core.errors import StoreUnavailable
from incident_ops.core.plain_text import clean
from incident_ops.core.provenance import View
from incident_ops.web.access import Access
from incident_ops.web.requests import JSON, Refused, body_of, json_object, media_type

VIEWS = "/api/views"

MOST_VIEWS = 1_000
LONGEST_TEXT = 500  # characters
AHEAD = timedelta(minutes=5)
"""How much further than ours the sender's clock may be."""
LARGEST_ID = 2**63 - 1

Take = Callable[[Sequence[View]], Sequence[str]]
"""Keeps views → their assets that the catalog does not know. Raises `StoreUnavailable`."""

_KEYS = ("asset", "viewer", "at", "materialization")

_log = logging.getLogger(__name__)


class ViewReports:
    """Args:
    clock: aware UTC.
    """

    def __init__(self, access: Access, take: Take, *, clock: Callable[[], datetime]) -> None:
        self._access, self._take, self._clock = access, take, clock

    def routes(self) -> Sequence[Route]:
        return [Route(VIEWS, self._report, methods=["POST"])]

    async def _report(self, request: Request) -> Response:
        try:
            self._access.check(request.headers)
            if media_type(request) != JSON:
                raise Refused(415, f"This must be {JSON}.")
            return await run_in_threadpool(self._taken, await body_of(request))
        except Refused as refused:
            headers = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else None
            return JSONResponse({"error": refused.sentence}, refused.status, headers)

    def _taken(self, body: bytes) -> Response:
        views = views_in(json_object(body), now=self._clock())
        try:
            unknown = self._take(views)
        except StoreUnavailable as error:
            _log.warning("Views cannot be kept: %s", error)
            raise Refused(503, "This cannot be done now; send it again later.") from error
        return JSONResponse({"taken": len(views), "unknown": list(unknown)}, 202)


def views_in(document: Mapping[str, Any], *, now: datetime) -> list[View]:
    """The views of a report: `document` is one, or has them in a list `views`.

    Raises:
        Refused: 422, with the place and the key of the first mistake, and what to do about it.
    """
    if "views" not in document:
        return [_Report(document, "").view(now=now)]
    for key in document:
        if key != "views":
            raise _mistake(_shown(key), "this stands beside views; put it into a view")
    listed = document["views"]
    if not isinstance(listed, list):
        raise _mistake("views", "this is no list; write [{…}, {…}], or send one view without it")
    if len(listed) > MOST_VIEWS:
        raise _mistake("views", f"these are {len(listed):,}; send {MOST_VIEWS:,} at most in one request")
    return [_view(each, f"views[{place}]", now=now) for place, each in enumerate(listed)]


def _view(listed: object, place: str, *, now: datetime) -> View:
    if not isinstance(listed, dict):
        raise _mistake(place, 'this is no view; write {"asset": "a/b", "viewer": "ceo@shop.example"}')
    return _Report(listed, f"{place}.").view(now=now)


class _Report:
    """One view as it was sent; `place` is what its keys are called after."""

    def __init__(self, fields: Mapping[str, Any], place: str) -> None:
        self._fields, self._place = fields, place

    def view(self, *, now: datetime) -> View:
        for key in self._fields:
            if key not in _KEYS:
                raise self._mistake(_shown(key), f"a view has no such key; it may have {', '.join(_KEYS)}")
        return View(
            asset=self._text("asset", 'name the asset, like "shop/orders"'),
            viewer=self._text("viewer", 'say who looked, like "ceo@shop.example"'),
            at=self._moment(now),
            materialization=self._version(),
        )

    def _text(self, key: str, remedy: str) -> str:
        text = self._fields.get(key)
        if text is None:
            raise self._mistake(key, f"this is missing; {remedy}")
        if not isinstance(text, str) or not text.strip():
            raise self._mistake(key, f"this is no text, or an empty one; {remedy}")
        if len(text) > LONGEST_TEXT:
            raise self._mistake(key, f"this has {len(text):,} characters; {LONGEST_TEXT} are the most")
        if clean(text) != text or "\n" in text or "\t" in text:
            raise self._mistake(key, "this has control characters; take them out")
        return text.strip()

    def _moment(self, now: datetime) -> datetime:
        at = self._fields.get("at")
        if at is None:
            return now
        moment = _moment_in(at)
        if moment is None:
            remedy = 'write it like "2026-11-20T09:00:00Z", or leave it out'
            raise self._mistake("at", f"this is no point in time with its offset; {remedy}")
        if moment > now + AHEAD:
            ahead = f"this is more than five minutes ahead of our clock, {now:%Y-%m-%dT%H:%M:%SZ}"
            raise self._mistake("at", f"{ahead}; correct the sender's clock, or the offset")
        return moment

    def _version(self) -> int | None:
        """None is a version that the sender does not know."""
        version = self._fields.get("materialization")
        if version is None or (type(version) is int and 0 < version <= LARGEST_ID):
            return version
        raise self._mistake("materialization", "this is no storage id; write a whole number, or leave it out")

    def _mistake(self, key: str, sentence: str) -> Refused:
        return _mistake(f"{self._place}{key}", sentence)


def _moment_in(text: object) -> datetime | None:
    """In UTC; None for what is no point in time, or none that is the same everywhere."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.utcoffset() is not None else None
    except (ValueError, OverflowError):
        return None


def _mistake(place: str, sentence: str) -> Refused:
    return Refused(422, f"{place}: {sentence}.")


def _shown(key: str) -> str:
    """A key of the sender's own making."""
    return clean(key[:LONGEST_TEXT])
