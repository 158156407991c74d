"""Where Slack calls us: buttons and modals, the slash command, and the address check of its events.

Who is believed is `signatures`' business, what the payload asks for the Slack desk's. To others nothing is said
but that they are not believed.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from incident_ops.core.errors import IncidentOpsError, StoreUnavailable
from incident_ops.web.requests import FORM, JSON, Refused, body_of, json_object, media_type
from incident_ops.web.signatures import Doubt, Guard, Signed

INTERACTIVITY, COMMANDS, EVENTS = "/slack/interactivity", "/slack/commands", "/slack/events"

_MOST_FIELDS = 50

Payload = Mapping[str, Any]
Answers = Callable[[Payload], Payload | None]
"""A payload → what Slack is answered, within its three seconds; may be called by several threads."""

_log = logging.getLogger(__name__)


class SlackEndpoints:
    """Args:
    answers: what to do with a payload that is believed.
    clock: aware UTC.
    """

    def __init__(self, guard: Guard, answers: Answers, *, clock: Callable[[], datetime]) -> None:
        self._guard, self._answers, self._clock = guard, answers, clock

    def routes(self) -> Sequence[Route]:
        return [
            Route(INTERACTIVITY, self._interactivity, methods=["POST"]),
            Route(COMMANDS, self._command, methods=["POST"]),
            Route(EVENTS, self._event, methods=["POST"]),
        ]

    async def _interactivity(self, request: Request) -> Response:
        return await self._answered(request, _payload_of_form)

    async def _command(self, request: Request) -> Response:
        return await self._answered(request, _command_of_form)

    async def _event(self, request: Request) -> Response:
        try:
            event = json_object(await self._believed(request, JSON))
        except Refused as refused:
            return PlainTextResponse(refused.sentence, refused.status)
        if event.get("type") == "url_verification":
            return JSONResponse({"challenge": str(event.get("challenge", ""))})
        return Response()

    async def _answered(self, request: Request, read: Callable[[bytes], Payload]) -> Response:
        try:
            payload = read(await self._believed(request, FORM))
            answer = await run_in_threadpool(self._answers, payload) if payload else None
        except Refused as refused:
            return PlainTextResponse(refused.sentence, refused.status)
        except IncidentOpsError:  # whoever answers has logged it
            return PlainTextResponse("This cannot be done now.", 503)
        return JSONResponse(dict(answer)) if answer is not None else Response()

    async def _believed(self, request: Request, content_type: str) -> bytes:
        """The body of a request that comes from Slack; of others nothing is read into."""
        body = await body_of(request)
        signed = Signed(
            body=body,
            time=request.headers.get("X-Slack-Request-Timestamp"),
            signature=request.headers.get("X-Slack-Signature"),
        )
        try:
            doubt = await run_in_threadpool(self._guard.doubt_about, signed, now=self._clock())
        except StoreUnavailable as error:
            _log.warning("A request of Slack's cannot be checked: %s", error)
            raise Refused(503, "This cannot be done now.") from error
        if doubt is Doubt.CROWDED:
            raise Refused(429, "Too many requests.")
        if doubt is not None:
            _log.warning("A request to %s is not believed: %s.", request.url.path, doubt)
            raise Refused(401, "This request is not signed by Slack.")
        if media_type(request) != content_type:
            raise Refused(400, f"This must be {content_type}.")
        return body


def _fields(body: bytes) -> dict[str, str]:
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError as error:
        raise Refused(400, "This form cannot be read.") from error
    return dict(pairs)


def _payload_of_form(body: bytes) -> Payload:
    return json_object(_fields(body).get("payload", "").encode())


def _command_of_form(body: bytes) -> Payload:
    """Nothing for Slack's occasional `ssl_check`, which only wants to be answered."""
    fields = _fields(body)
    return {} if "ssl_check" in fields else fields
