"""A shop with two teams, a route tree and a night: what the commands about routes are tried on."""

from datetime import UTC, datetime, timedelta

from incident_ops.core.catalog import SLACK_TAG, TIER_TAG, AssetNode, Catalog
from incident_ops.core.forecast.deadlines import CronWindow

CONFIG = """
teams:
  fin:
    slack: "#fin-data"
    engineer: erin@acme.test
    analyst: anna@acme.test
    lead: lea@acme.test
    timezone: Europe/Berlin
    working_hours: {days: [mon, tue, wed, thu, fri], from: "09:00", to: "18:00"}
  web: {slack: "#web-data", timezone: America/New_York}
people:
  erin@acme.test: {slack: U0ERIN}
  lea@acme.test: {slack: U0LEA}
schedules:
  fin-primary:
    timezone: Europe/Berlin
    layers:
      - {rotation: weekly, handoff: "mon 09:00", start: 2026-01-05, members: [erin@acme.test, otto@acme.test]}
escalation_policies:
  standard:
    repeat: 1
    steps:
      - {notify: ["schedule:fin-primary"], wait: 5m}
      - {notify: [lea@acme.test, "receiver:war-room"], wait: 10m}
route:
  receiver: owner
  routes:
    - matchers: ['tag:incident_ops/tier = "gold"', 'severity =~ "SEV[01]"']
      receiver: war-room
      escalation_policy: standard
      continue: true
    - matchers: ['team = "web"', 'nature = "freshness"']
      receiver: web-late
      mute_time_intervals: [nights]
    - matchers: ['group = "noise"']
      receiver: digest
      digest: daily
    - {matchers: ['team = "fin"'], receiver: owner}
receivers:
  - {name: war-room, slack: {channel: "#war-room"}}
  - {name: web-late, slack: {channel: "#web-late"}}
time_intervals:
  - {name: nights, timezone: America/New_York, from: "20:00", to: "08:00"}
maintenance:
  - {matchers: ['group = "warehouse"'], from: 2026-11-20T01:00Z, until: 2026-11-20T05:00Z, comment: upgrade}
expected_events:
  - {name: black friday, assets: [orders], natures: [volume], from: 2026-11-20, until: 2026-11-20, up_to: 6.0}
inhibit_rules:
  - {source_matchers: ['nature = "pipeline"'], target_matchers: ['nature = "freshness"'], equal: [asset]}
subscriptions:
  - {who: cfo@acme.test, matchers: ['asset = "orders"'], how: digest}
"""

NIGHT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # a Friday, 03:00 in Berlin
DAY = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def due_at(cron: str) -> CronWindow:
    return CronWindow(deadline_cron=cron, lower_bound_delta=timedelta(hours=1), timezone="UTC")


SHOP = Catalog(
    [
        AssetNode(key="orders", owners=("team:fin",), tags={TIER_TAG: "gold"}),
        AssetNode(key="refunds", owners=("team:fin",), tags={TIER_TAG: "bronze"}),
        AssetNode(key="tomorrow", owners=("team:fin",), tags={TIER_TAG: "bronze"}),
        AssetNode(key="tomorrows", upstream=("tomorrow",), freshness=due_at("59 1 * * *")),
        AssetNode(key="soon", owners=("team:fin",), tags={TIER_TAG: "bronze"}),
        AssetNode(key="soons", upstream=("soon",), freshness=due_at("40 2 * * *")),
        AssetNode(key="web", owners=("team:web",)),
        AssetNode(key="both", owners=("team:fin", "team:web")),
        AssetNode(key="tagged", owners=("team:fin",), tags={SLACK_TAG: "tagged"}),
        AssetNode(key="vacuumed", owners=("team:web",), group="warehouse"),
        AssetNode(key="noisy", owners=("team:web",), group="noise"),
        AssetNode(key="nobodys"),
    ],
    fetched_at=NIGHT,
)
