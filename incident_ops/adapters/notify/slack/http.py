"""The HTTP client for Slack: `slack_sdk`'s, but every request goes out once and to the base URL only.

What to ask and what the answers mean is `slack.py` and `errors.py`.
"""

import json
import re
from http.client import HTTPMessage
from typing import IO, Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from slack_sdk import WebClient
from slack_sdk.errors import SlackRequestError

from incident_ops.core.errors import ConfigError

DEFAULT_BASE_URL = "https://slack.com/api/"
ANSWERS = "https://hooks.slack.com/"
"""Where Slack takes answers to what people press; a server that is only like Slack takes them itself."""

_HEADER_VALUE = re.compile(r"[\x21-\x7e]+")


def slack_client(token: str, base_url: str = DEFAULT_BASE_URL, timeout: int = 10) -> "OnceOnlyClient":
    """A client that sends everything once: `slack_sdk` repeats after connection errors unless told not to.

    Raises `ConfigError` for a token that cannot stand in a header: the error that `slack_sdk` would log quotes it.
    """
    if not _HEADER_VALUE.fullmatch(token.strip()):
        remedy = "copy it from OAuth & Permissions of the app again"
        raise ConfigError(
            [f"the Slack token (INCIDENT_OPS_SLACK_TOKEN) is empty or has characters no token has; {remedy}"]
        )
    client = OnceOnlyClient(token=token, base_url=base_url, timeout=timeout, retry_handlers=[])
    client.proxy = None  # slack_sdk reads HTTPS_PROXY but not NO_PROXY; urllib, left to itself, reads both
    return client


def quick(client: WebClient, timeout: int) -> "OnceOnlyClient":
    """The same account, asked by somebody who cannot wait longer than `timeout` seconds."""
    hurried = slack_client(client.token or "", client.base_url, min(timeout, client.timeout))
    hurried.ssl = once_only(client).ssl
    return hurried


def once_only(client: WebClient) -> "OnceOnlyClient":
    """The client itself; raises `ValueError` for one that repeats or follows redirects."""
    if client.retry_handlers or not isinstance(client, OnceOnlyClient):
        raise ValueError("the client repeats requests or follows redirects; make it with slack_client()")
    return client


class OnceOnlyClient(WebClient):
    """Made by `slack_client`. Follows no redirect: urllib would take the bot token along, to any host."""

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        """In place of slack_sdk 3.47's, which knows no other opener than urllib's own.

        Answers with an error's status are returned too, not raised: a body that cannot be decoded must not hide
        the status.
        """
        if not url.lower().startswith(("http://", "https://")):  # urllib would also open files
            raise SlackRequestError("the base URL is no web address")
        opener = build_opener(_NoRedirects, HTTPSHandler(context=self.ssl))
        try:
            answer = opener.open(req, timeout=self.timeout)
        except HTTPError as refusal:
            answer = refusal
        with answer:
            body = answer.read().decode(answer.headers.get_content_charset() or "utf-8", errors="replace")
            return {"status": answer.code, "headers": answer.headers, "body": body}

    def post_answer(self, url: str, body: dict[str, Any]) -> int:
        """POST to a `response_url`, without the token; returns the HTTP status."""
        data = json.dumps(body).encode()
        headers = {"Content-Type": "application/json; charset=utf-8"}
        req = Request(method="POST", url=url, data=data, headers=headers)
        return int(self._perform_urllib_http_request_internal(url, req)["status"])


class _NoRedirects(HTTPRedirectHandler):
    """Leaves 3xx to urllib's last handler, which makes an `HTTPError` of it."""

    def http_error_302(self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage) -> None:
        return None

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302
