"""Whatever fails, however it is quieted: every incident has reached somebody, or its timeline says why not."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from incident_ops.adapters.store import SqlStore, open_store
from incident_ops.adapters.wiring import policy_of
from incident_ops.config import settings_from_text
from incident_ops.core.alert import Alert, CheckSeverity, Observation
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.status import EntryKind
from incident_ops.engine.knowledge import Knowledge
from incident_ops.engine.timers import attend_due, send_digests
from incident_ops.engine.triage import triage
from incident_ops_tests.blank import blank_store
from incident_ops_tests.builders import T0, make_alert, make_recovery, minutes

ASSETS = ("orders", "web", "dash", "stranger")
CATALOG = Catalog(
    [
        AssetNode(key="orders", owners=("team:fin",), tags={"incident_ops/tier": "gold"}),
        AssetNode(key="web", owners=("team:web",), tags={"incident_ops/tier": "bronze"}),
        AssetNode(key="dash", owners=("team:fin", "cfo@acme.test"), upstream=("web",)),
    ],
    fetched_at=T0,
)
SECTIONS = (
    "budget: {pushes: 1}",
    "inhibit_rules: [{source_matchers: ['asset = \"web\"'], target_matchers: ['asset = \"orders\"']}]",
    "maintenance: [{matchers: ['team = \"fin\"'], from: 2026-11-20T08:00Z, until: 2026-11-20T11:00Z}]",
    "expected_events: [{name: sale, assets: [web], from: 2026-11-20, until: 2026-11-21}]",
    "subscriptions: [{who: cfo@acme.test, matchers: ['asset = \"web\"'], how: digest}]",
    "flapping: {changes: 2, within: 3h}",
    'teams: {web: {working_hours: {days: [sat], from: "09:00", to: "10:00"}}}',
)
ROUTES = (
    "{matchers: ['severity = \"SEV3\"'], receiver: digest, digest: weekly}",
    "{matchers: ['asset = \"web\"'], receiver: nowhere}",
    "{matchers: ['team = \"fin\"'], mute_time_intervals: [mornings], continue: true}",
    "{matchers: ['asset = \"stranger\"'], active_time_intervals: [never], receiver: room}",
)
ALWAYS = """
receivers:
  - {name: room, slack: {channel: "#room"}}
  - {name: nowhere, email: {to: [who@acme.test]}}
time_intervals:
  - {name: mornings, from: "06:00", to: "12:00"}
  - {name: never, days: [sun]}
"""
WAITS = ("0s", "30s", "30m")
END = 600


@st.composite
def files(draw: st.DrawFn) -> str:
    sections = draw(st.lists(st.sampled_from(SECTIONS), unique=True, max_size=4))
    routes = draw(st.lists(st.sampled_from(ROUTES), unique=True, max_size=3))
    by = draw(st.sampled_from(["root", "team"]))
    route = (
        f"route: {{group_wait: {draw(st.sampled_from(WAITS))}, group_by: [{by}], routes: [{', '.join(routes)}]}}"
    )
    return "\n".join([ALWAYS, route, *sections])


@st.composite
def failures(draw: st.DrawFn) -> tuple[Alert, int | None]:
    """An alert, and how many minutes later all is well again, if ever."""
    alert = make_alert(
        draw(st.sampled_from(ASSETS)),
        minutes(draw(st.integers(0, 240))),
        check=draw(st.sampled_from(["rows", "keys"])),
        check_severity=draw(st.sampled_from([CheckSeverity.ERROR, CheckSeverity.ERROR, CheckSeverity.WARN])),
        nature=draw(st.sampled_from(["rule", "volume"])),
    )
    return alert, draw(st.sampled_from([None, 0, 10, 90]))


def lived_through(store: SqlStore, knowledge: Knowledge, story: Sequence[tuple[Alert, int | None]]) -> None:
    """Each event in its time, and a look every hour until `END`."""
    events: list[tuple[datetime, Observation]] = [(alert.occurred_at, alert) for alert, _ in story]
    for alert, after in story:
        if after is not None:
            well = make_recovery(alert, alert.occurred_at + timedelta(minutes=after, seconds=1))
            events.append((well.occurred_at, well))
    events.sort(key=lambda event: event[0])
    moments: list[datetime] = sorted({*(at for at, _ in events), *(minutes(n) for n in range(0, END, 60))})
    for now in moments:
        triage(store, [event for at, event in events if at == now], knowledge, now=now)
        attend_due(store, knowledge, now=now, may_go_on=lambda: True)
        send_digests(store, knowledge, now=now)


@settings(max_examples=12, phases=[Phase.generate])  # to shrink takes minutes
@given(
    file=files(),
    story=st.lists(failures(), min_size=1, max_size=4),
    is_silenced=st.booleans(),
)
def test_every_incident_has_reached_somebody_or_its_timeline_says_why_not(
    tmp_path_factory: pytest.TempPathFactory, file: str, story: list[tuple[Alert, int | None]], is_silenced: bool
):
    policy = policy_of(settings_from_text(file, {}, file="incident_ops.yaml"))
    with open_store(blank_store(tmp_path_factory.mktemp("store") / "incidents.db")) as store:
        if is_silenced:
            store.add_silence(['check = "keys"'], begins=T0, ends=minutes(120), author="erin", comment="", now=T0)
        silences = tuple(store.silences(since=T0))
        lived_through(store, Knowledge(catalog=CATALOG, policy=policy, installed_at=T0, silences=silences), story)
        assert store.incidents()
        for incident in store.incidents():
            reached = store.deliveries(incident.number)
            reasons = [e.text for e in store.timeline(incident.number) if e.kind is EntryKind.SUPPRESSED]
            assert reached or reasons, f"nobody heard of {incident.id}, and nothing says why"
