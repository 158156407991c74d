"""What a route does with a request before it looks into it: its body, bounded in size and time, and JSON in it.

Whether its sender is believed is `signatures`' and `access`' business.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import ClientDisconnect, Request

LARGEST_BODY = 1_000_000  # bytes; a Slack modal with everything in it has about 250,000
SLOWEST_BODY = 5.0  # seconds; Slack itself gives up after three
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class Refused(Exception):
    """The request is not taken: an HTTP status and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


def media_type(request: Request) -> str:
    """What the body is said to be, without parameters; empty where nothing is said."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


async def body_of(request: Request) -> bytes:
    """Raises:
    Refused: it is too large, comes too slowly, or ends too early.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(SLOWEST_BODY):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_BODY:
                    raise Refused(413, "This is too large.")
    except TimeoutError as error:
        raise Refused(408, "This took too long.") from error
    except ClientDisconnect as error:
        raise Refused(400, "This ended too early.") from error
    return bytes(body)


def json_object(text: bytes) -> Mapping[str, Any]:
    """Raises:
    Refused: this is no JSON, or no object.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "This JSON cannot be read.") from error
    if not isinstance(found, dict):
        raise Refused(400, "This JSON is not an object.")
    return found
