"""A stage for stories: one Dagster home, one store, one Slack, and a clock that only the story moves.

    story.breaks("nulls")
    story.builds("orders")
    story.tick()
    story.later(hours=5)
    story.tick()
    assert [post.headline for post in story.slack.posts("#fin")] == [...]

Runs and their events are Dagster's own and bear the time of day; the story's clock is never behind it, and every
pass is told the story's time. No webserver runs here: what the catalog knows is `knows_the_catalog`.

Dagster's storage is in memory, where a run takes a tenth of the time, unless the story is of another process or of
what SQLite keeps apart in files: then it is told `on_disk`. Our own store is always a file.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from incident_ops.adapters.notify.slack.pace import SlackPace
from incident_ops.adapters.store import SqlStore
from incident_ops.adapters.wiring import DATABASE_FILE, Surroundings, dispose_stores, in_force, wire
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.incident import Incident
from incident_ops.core.status import EntryKind
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.ops import Ops, Report, deliver, know, tick
from incident_ops.engine.triage import change
from incident_ops_tests import tenant
from incident_ops_tests.blank import blank_store
from incident_ops_tests.fake_slack import FakeMessage, FakeSlack
from incident_ops_tests.processes import make_home

DEFAULT_CHANNEL = "#data-incidents"
NO_WEBSERVER = "http://127.0.0.1:9"  # the discard port: refused at once


class Clock:
    """Stands still until it is moved, and is never behind the real one when something real has happened."""

    def __init__(self) -> None:
        self._now = datetime.now(tz=UTC)

    def __call__(self) -> datetime:
        return self._now

    def pass_by(self, duration: timedelta) -> None:
        self._now += duration

    def catch_up(self) -> None:
        self._now = max(self._now, datetime.now(tz=UTC))


@dataclass(kw_only=True)
class Story:
    """See the module's docstring."""

    home: Path
    instance: dg.DagsterInstance
    slack: FakeSlack
    clock: Clock
    environ: dict[str, str]
    start: datetime = field(init=False)
    _pace: SlackPace = field(init=False)
    _waited: float = 0.0

    def __post_init__(self) -> None:
        self.start = self.clock()
        self._pace = SlackPace(monotonic=lambda: self.now.timestamp() + self._waited, wait=self._wait)

    def _wait(self, seconds: float) -> None:
        self._waited += seconds

    # ---- what happens

    @property
    def now(self) -> datetime:
        return self.clock()

    def later(self, **duration: float) -> None:
        """Time passes: `later(hours=4)`."""
        self.clock.pass_by(timedelta(**duration))

    def it_is(self, local: str, zone: str = "UTC") -> None:
        """Time passes until then: `it_is("2031-03-04 03:00", "Europe/Berlin")`."""
        then = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        assert then >= self.now, "no clock is put back here"
        self.clock.pass_by(then - self.now)

    def goes_on(self, *, every: timedelta, **duration: float) -> None:
        """Time passes in which nothing fails, and after each `every` of it what the clock brings is delivered:
        `goes_on(every=timedelta(minutes=1), hours=2)`. A third of the cost of ticks."""
        end = self.now + timedelta(**duration)
        while self.now + every <= end:
            self.clock.pass_by(every)
            deliver(self.ops(), now=self.now, may_go_on=lambda: True)
        self.clock.pass_by(end - self.now)

    def breaks(self, *faults: str) -> None:
        """From now on these faults of the tenant are in force, and no others."""
        self.faults_file.write_text("\n".join(faults))

    def heals(self) -> None:
        self.breaks()

    def builds(self, *assets: str, partition: str | None = None, retry_of: str | None = None) -> str:
        """A real run of the tenant's assets and their checks; returns its id."""
        run_id = tenant.run(self.instance, *assets, partition=partition, retry_of=retry_of)
        self.clock.catch_up()
        return run_id

    def runs(self, definitions: dg.Definitions) -> str:
        """A real run of everything that a story of its own defines."""
        job = definitions.resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(instance=self.instance, raise_on_error=False)
        self.clock.catch_up()
        return result.run_id

    def reports_check(self, asset: str, check: str, *, passed: bool, **more: Any) -> None:
        """An evaluation that comes from outside of any run, at the story's time."""
        evaluation = dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(asset.split("/")), check_name=check, passed=passed, **more
        )
        self._reports(dg.DagsterEventType.ASSET_CHECK_EVALUATION, evaluation)

    def reports_freshness(self, asset: str, previous: str, new: str) -> None:
        """What Dagster's freshness daemon writes when the state of an asset changes."""
        from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

        change = FreshnessStateChange(
            key=dg.AssetKey(asset.split("/")),
            new_state=FreshnessState(new),
            previous_state=FreshnessState(previous),
            state_change_timestamp=self.now.timestamp(),
        )
        self._reports(dg.DagsterEventType.FRESHNESS_STATE_CHANGE, change)

    def _reports(self, event_type: dg.DagsterEventType, data: Any) -> None:
        event = dg.DagsterEvent(
            event_type_value=event_type.value, event_specific_data=data, job_name="__RUNLESS__"
        )
        self.instance.report_dagster_event(event, run_id="", timestamp=self.now.timestamp())

    def knows_the_catalog(self, nodes: Iterable[AssetNode] | None = None) -> None:
        """Owners, tags and edges are known from now on; by default those of the tenant."""
        known = nodes_of(tenant.defs) if nodes is None else nodes
        self.store.save_catalog(Catalog(known, fetched_at=self.now))

    def is_configured(self, text: str) -> None:
        (self.home / "incident_ops.yaml").write_text(text)

    # ---- what we do

    def ops(self) -> Ops:
        """Wired anew for each pass, as the sensors do. What Slack's rate limits hold back waits no real second:
        a story has hundreds of posts."""
        ops = wire(self.instance, in_force(self._around, now=self.now), now=self.now)
        return replace(ops, sinks=replace(ops.sinks, pace=self._pace))

    def tick(self, may_go_on: Callable[[], bool] = lambda: True) -> Report:
        return tick(self.ops(), now=self.now, may_go_on=may_go_on)

    def changes(self, verb: Callable[[Incident], Incident], number: int | None = None) -> None:
        """What a person does to an incident (the only one), as the command line does it."""
        change(self.store, number or self.incident.number, verb, self.knowledge(), now=self.now)

    def is_acknowledged(self, by: str = "erin@acme.test", number: int | None = None) -> None:
        self.changes(lambda incident: incident.acknowledged(by=by, at=self.now), number)

    def knowledge(self) -> Knowledge:
        """What triage is given, for stories that hand it alerts of their own."""
        return know(self.ops(), now=self.now)

    # ---- what is seen

    @property
    def store(self) -> SqlStore:
        return in_force(self._around, now=self.now).store

    @property
    def incidents(self) -> list[Incident]:
        """All of them, oldest first."""
        return self.store.incidents()[::-1]

    @property
    def incident(self) -> Incident:
        """The only one."""
        [incident] = self.incidents
        return incident

    def timeline(self, kind: EntryKind, number: int | None = None) -> list[str]:
        entries = self.store.timeline(number or self.incident.number)
        return [entry.text for entry in entries if entry.kind is kind]

    @property
    def pushes(self) -> list[FakeMessage]:
        """What made somebody's phone ring: posts, and replies that were shown in the channel as well."""
        return [message for message in self.slack.messages if message.thread_ts is None or message.broadcast]

    def rang_at(self, place: str, zone: str = "UTC") -> list[str]:
        """When a phone rang for a channel or a user, as `03-04 09:00`, in local time."""
        at = [float(push.ts) for push in self.pushes if push.channel_name == place.removeprefix("#")]
        return [f"{datetime.fromtimestamp(ts, tz=ZoneInfo(zone)):%m-%d %H:%M}" for ts in at]

    def told(self) -> dict[str, list[str]]:
        """Channel → headlines of the posts there, as they read now."""
        told: dict[str, list[str]] = {}
        for post in self.slack.posts():
            told.setdefault(post.channel_name, []).append(post.headline)
        return told

    # ---- where it happens

    @property
    def faults_file(self) -> Path:
        return self.home / "faults"

    @property
    def _around(self) -> Surroundings:
        return Surroundings(environ=self.environ, cwd=self.home, home=self.home)


@contextmanager
def telling(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, channels: Sequence[str] = ("*",), on_disk: bool = False
) -> Iterator[Story]:
    """A new stage in `folder`; what is in its home already is used as it is."""
    home = make_home(folder / "home")
    blank_store(home / DATABASE_FILE)  # to lay the tables anew for each story takes half a second
    storage = dg.DagsterInstance.from_config if on_disk else dg.DagsterInstance.ephemeral
    clock = Clock()
    monkeypatch.setenv("TENANT_FAULTS", str(home / "faults"))
    with FakeSlack(channels=channels, clock=clock) as slack, storage(str(home)) as instance:
        environ = {
            "DAGSTER_HOME": str(home),
            "INCIDENT_OPS_DAGSTER_URL": NO_WEBSERVER,
            "INCIDENT_OPS_SLACK_TOKEN": slack.token,
            "INCIDENT_OPS_SLACK_BASE_URL": slack.base_url,
        }
        try:
            yield Story(home=home, instance=instance, slack=slack, clock=clock, environ=environ)
        finally:
            dispose_stores()


def nodes_of(definitions: dg.Definitions) -> list[AssetNode]:
    """What the webserver would say of these definitions."""
    return [
        AssetNode(
            key="/".join(spec.key.path),
            location="tenant",
            owners=tuple(spec.owners),
            tags=dict(spec.tags),
            group=spec.group_name or "default",
            upstream=tuple("/".join(dep.asset_key.path) for dep in spec.deps),
        )
        for spec in definitions.resolve_all_asset_specs()
    ]
