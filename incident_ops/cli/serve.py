"""`incident-ops serve`: what people, Slack and programs reach over HTTP, and Slack's Socket Mode beside it."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING

import click

from incident_ops.adapters.dagster_links import base_of
from incident_ops.adapters.wiring import InForce, Surroundings, in_force, utc_now
from incident_ops.cli.place import around, finish, held_here, knowledge_of
from incident_ops.engine.dispatch import Dispatched, dispatch
from incident_ops.engine.front_desk import FrontDesk
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.views import take_views

if TYPE_CHECKING:  # a command that serves nothing does not wait for the web server's packages
    from incident_ops.web.app import Part, Routes
    from incident_ops.web.slack import Answers

PORT = 3100
QUICKLY = 1  # seconds for each request to Slack while Slack waits for our answer


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes a free one.")
def serve(host: str, port: int) -> None:
    """Take what people press and write in Slack and who looked at what, and show what runs, until stopped."""
    from incident_ops.web.app import make_app
    from incident_ops.web.server import WebServer, address_of, listen

    held = held_here()
    with listen(host, port) as bound, ExitStack() as running:
        slack = _Slack(held, around(), running)
        http, of_slack = slack.over_http()
        views, of_views = _views(held, bound)
        parts = [http, slack.over_socket(), views]
        routes = [*of_slack, *of_views]
        app = make_app(held.store, dagster_url=base_of(held.settings.dagster_url), parts=parts, more=routes)
        _say(f"incident_ops serves {address_of(bound)}, with the incidents of {held.store.name}")
        for part in parts:
            _say(f"  {part}")
        WebServer(app, bound).run()
    _say("stopped")
    finish(held)


def _views(held: InForce, bound: socket.socket) -> "tuple[Part, Routes]":
    """Who looked at which asset, as portals and BI tools report it."""
    from incident_ops.web.access import access_at
    from incident_ops.web.app import Part
    from incident_ops.web.views import VIEWS, ViewReports

    token = held.settings.api_token
    access = access_at(bound.getsockname()[0], token.get_secret_value() if token else None)
    reports = ViewReports(access, partial(take_views, held.store), clock=utc_now)
    return Part(name="Views of assets", state=partial(access.state, VIEWS)), reports.routes()


class _Slack:
    """Slack's two ways in, each on when its secret is there; what runs for them runs until `running` is closed."""

    def __init__(self, held: InForce, place: Surroundings, running: ExitStack) -> None:
        self._settings, self._store = held.settings, held.store
        self._place, self._running = place, running

    def over_http(self) -> "tuple[Part, Routes]":
        from incident_ops.web.app import Part
        from incident_ops.web.signatures import Guard
        from incident_ops.web.slack import COMMANDS, EVENTS, INTERACTIVITY, SlackEndpoints

        name, secret = "Slack over HTTP", self._settings.slack_signing_secret
        if secret is None or self._settings.slack_token is None:
            return Part(name=name, state=self._off(secret, "SIGNING_SECRET")), ()
        guard = Guard(secret.get_secret_value(), self._store)
        state = f"on, at {INTERACTIVITY}, {COMMANDS} and {EVENTS}"
        return Part(name=name, state=lambda: state), SlackEndpoints(guard, self._answers, clock=utc_now).routes()

    def over_socket(self) -> "Part":
        from incident_ops.adapters.notify.slack.socket import SlackSocket
        from incident_ops.web.app import Part

        name, token = "Slack over Socket Mode", self._settings.slack_app_token
        if token is None or self._settings.slack_token is None:
            return Part(name=name, state=self._off(token, "APP_TOKEN"))
        socket = SlackSocket(token.get_secret_value(), self._settings.slack_base_url, self._answers)
        self._running.enter_context(socket)
        return Part(name=name, state=lambda: f"on, {socket.state}")

    def _off(self, secret: object, variable: str) -> Callable[[], str]:
        missing = variable if secret is None else "TOKEN"
        return lambda: f"off: INCIDENT_OPS_SLACK_{missing} is not set"

    @cached_property
    def _answers(self) -> "Answers":
        """The configuration is read anew for each command: who is on call, who answers for what, may change."""
        from incident_ops.adapters.notify.slack.desk import SlackDesk
        from incident_ops.adapters.notify.slack.http import slack_client
        from incident_ops.adapters.notify.slack.intake import SlackIntake
        from incident_ops.adapters.sinks import sinks_of
        from incident_ops.web.courier import Courier

        token = self._settings.slack_token
        client = slack_client(
            token.get_secret_value() if token else "", self._settings.slack_base_url, timeout=QUICKLY
        )
        courier = self._running.enter_context(Courier(partial(_deliver, self._place)))
        desk = FrontDesk(self._store, partial(_know, self._place), clock=utc_now, changed=courier.go)
        links_of = sinks_of(self._settings, self._store, now=utc_now()).links_of
        slack_desk = SlackDesk(client, desk, clock=utc_now, links_of=links_of)
        return self._running.enter_context(SlackIntake(slack_desk.handle, late=slack_desk.tell_late)).answer


def _know(place: Surroundings, now: datetime) -> Knowledge:
    return knowledge_of(in_force(place, now=now), now=now)


def _deliver(place: Surroundings, may_go_on: Callable[[], bool]) -> Dispatched:
    from incident_ops.adapters.sinks import sinks_of

    now = utc_now()
    held = in_force(place, now=now)
    return dispatch(held.store, sinks_of(held.settings, held.store, now=now), now=now, may_go_on=may_go_on)


def _say(text: str) -> None:
    click.echo(text, err=True)


COMMANDS = (serve,)
