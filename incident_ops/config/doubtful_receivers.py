"""What is allowed of a receiver and probably not meant: mail that nothing sends, lists for what takes no lists,
addresses that are refused, text that anybody can read on its way. Names nobody uses are `references`'s."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from incident_ops.config.addresses import is_loopback
from incident_ops.config.compiled.routes import receivers_of, route_tree
from incident_ops.config.document import Document, KeyPath, Problem, written
from incident_ops.config.refusals import shown
from incident_ops.config.shape import KINDS_OF_RECEIVERS, Config, Receiver, WebhookTarget
from incident_ops.core.routing import RouteNode

OPSGENIE_ENDS = date(2027, 4, 5)
"""Atlassian's date for the end of Opsgenie and its API."""

INCIDENTS_ONLY = frozenset({"pagerduty", "jsm", "opsgenie", "jira", "alertmanager", "sentry"})
"""Kinds in which each incident is a thing with a state; a list of many has no place there."""

_ROUTING_KEY = re.compile(r"[A-Za-z0-9]{32}")


def doubtful_secrets(config: Config, environ: Mapping[str, str]) -> list[str]:
    """A sentence for each variable whose value is hardly what the key asks for. The value itself is not shown."""
    return [
        f"receivers[{place}].pagerduty.routing_key: the environment variable {target.routing_key.env} "
        "does not hold 32 letters and digits; copy the integration key of the service's Events API v2 integration."
        for place, receiver in enumerate(config.receivers)
        if (target := receiver.pagerduty) is not None
        and (value := environ.get(target.routing_key.env))
        and not _ROUTING_KEY.fullmatch(value)
    ]


def check_receivers(config: Config, document: Document, now: datetime) -> Iterator[Problem]:
    """One problem per doubtful key, in no order."""
    for place, receiver in enumerate(config.receivers):
        for path, sentence in _of_one(receiver, ("receivers", place), config, now):
            yield Problem(line=document.line_of(path), sentence=f"{written(path)}: {sentence}")
    yield from _half_a_login(config, document)
    yield from _lists_for_what_takes_none(config, document)
    yield from _templates_that_meet(config, document)


def _half_a_login(config: Config, document: Document) -> Iterator[Problem]:
    smtp = config.smtp
    if smtp is not None and (smtp.user is None) != (smtp.password is None):
        there, missing = ("user", "password") if smtp.password is None else ("password", "user")
        sentence = f"smtp: there is a {there} and no {missing}; add the {missing}"
        yield Problem(line=document.line_of(("smtp",)), sentence=sentence)


def _of_one(receiver: Receiver, path: KeyPath, config: Config, now: datetime) -> Iterator[tuple[KeyPath, str]]:
    if receiver.email is not None and config.smtp is None:
        remedy = "add smtp: {host: mail.example, from: incidents@mail.example} at the top of the file"
        yield (*path, "email"), f"no server is named that would send it; {remedy}"
    if receiver.opsgenie is not None:
        ends = "ended" if now.astimezone(UTC).date() >= OPSGENIE_ENDS else "ends"
        yield (*path, "opsgenie"), f"Opsgenie's API {ends} on {OPSGENIE_ENDS}; move to jsm, which takes the same"
    if receiver.webhook is not None:
        for sentence in _of_an_address(receiver.webhook):
            yield (*path, "webhook", "url"), sentence


def _of_an_address(webhook: WebhookTarget) -> Iterator[str]:
    if not isinstance(webhook.url, str):
        return
    parts = urlsplit(webhook.url)
    host = parts.hostname or ""
    if _is_link_local(host):
        yield "a link-local address is always refused; name another"
    elif _is_of_our_own_network(host) and not webhook.private:
        yield "an address of your own network is refused; write private: true beside it, if it is meant"
    if parts.scheme == "http" and webhook.secret is not None and not is_loopback(host):
        yield "http sends in plain text what is signed as confidential; write https"


def _is_link_local(host: str) -> bool:
    """Where a cloud's metadata service is, among others."""
    try:
        return ip_address(host).is_link_local
    except ValueError:
        return False


def _is_of_our_own_network(host: str) -> bool:
    """As far as it shows: what a name stands for is only known when it is written to."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return is_loopback(host)


def _lists_for_what_takes_none(config: Config, document: Document) -> Iterator[Problem]:
    lines = {written(path): line for path, line in document.lines.items()}
    for node in _nodes(route_tree(config)):
        receiver = config.receiver_named(node.receiver)
        kinds = [
            kind for kind in KINDS_OF_RECEIVERS if receiver is not None and getattr(receiver, kind) is not None
        ]
        if node.digest is not None and kinds and INCIDENTS_ONLY.issuperset(kinds):
            sentence = (
                f"{node.path}: a digest goes to {shown(node.receiver)}, which takes single incidents only "
                f"({', '.join(kinds)}); give it slack, email, webhook or apprise too, or name another receiver"
            )
            yield Problem(line=lines.get(node.path, 1), sentence=sentence)


def _nodes(node: RouteNode) -> Iterator[RouteNode]:
    yield node
    for child in node.routes:
        yield from _nodes(child)


def _templates_that_meet(config: Config, document: Document) -> Iterator[Problem]:
    taken: dict[str, str] = {}
    receivers = receivers_of(config, sink="slack")
    for place, receiver in enumerate(config.receivers):
        if receiver.templates is None:
            continue
        for destination in map(str, receivers[receiver.name].destinations):
            other = taken.setdefault(destination, receiver.name)
            if other != receiver.name:
                path: KeyPath = ("receivers", place, "templates")
                sentence = (
                    f"{written(path)}: {destination} has those of the receiver {shown(other)}; "
                    "keep the templates of one of them"
                )
                yield Problem(line=document.line_of(path), sentence=sentence)
