"""Routing decisions a second on one core: a tree of 500 routes, 100 schedules, every label set another one.

A decision is what the labels of one incident reach in the tree and who is on call, at that incident's own moment,
in the schedules of the escalation policies found there. Nothing is remembered of earlier decisions but what a
schedule says of a stretch of time. The tree is made up in the manner of a large data team, always the same: a
branch for each team, below it by nature, tier, check and asset, and beside the teams branches by tag, domain and
regular expression, some of which continue. The baseline asks every sibling. Run with
`python -m incident_ops_tests.benchmarks.routing`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from time import process_time
from zoneinfo import ZoneInfo

from incident_ops.core.hours import Hours
from incident_ops.core.matching import matches_all, parse_matcher
from incident_ops.core.oncall import Layer, OnCall, Override, Schedule
from incident_ops.core.routing import RouteNode, branches
from incident_ops_tests.benchmarks.table import Row, print_table

ROUTES, SCHEDULES, TEAMS, INCIDENTS = 500, 100, 60, 20_000
TARGET = 20_000  # decisions a second
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")
NATURES = ("freshness", "volume", "schema", "field_health", "rule", "pipeline")
DOMAINS = ("finance", "marketing", "service", "growth", "logistics")
BEGINS = datetime(2026, 3, 1, tzinfo=UTC)  # with changes of the clocks on both sides of the Atlantic

Labels = Mapping[str, str]
Decide = Callable[[Labels, datetime], tuple[tuple[RouteNode, ...], tuple[str, ...]]]


def tree() -> RouteNode:
    """500 routes below the root."""
    beside = [
        _node(
            ['tag:incident_ops/tier = "gold"', 'severity =~ "SEV[01]"'], policy="s0", continues=True
        ),
        *(_node([f'domain = "{domain}"', 'severity = "SEV0"'], policy=f"s{n}", continues=True)
          for n, domain in enumerate(DOMAINS)),
        *(_node([f'asset =~ "(raw|staging)/source_{n}/.*"'], policy=f"s{n + 5}", continues=n % 2 == 0)
          for n in range(10)),
        *(_node([f'tag:cost_centre = "{n}"', 'nature != "schema"'], policy=f"s{n + 15}", continues=True)
          for n in range(15)),
    ]  # fmt: skip
    teams = [_team(n) for n in range(TEAMS)]
    last = [
        _node(['environment !~ "prod.*"']),
        _node(['severity = "SEV3"']),
        _node(['check =~ ".*_experimental"']),
    ]
    missing = ROUTES - sum(size(node) for node in (*beside, *teams, *last))
    pipelines = [_node([f'asset = "pipelines/job_{n}"'], policy=f"s{n % SCHEDULES}") for n in range(missing)]
    return RouteNode(path="route", receiver="owner", routes=(*beside, *pipelines, *teams, *last))


def _team(n: int) -> RouteNode:
    mine = f"s{30 + n}"
    return _node(
        [f'team = "team_{n}"'],
        _node(['nature =~ "freshness|volume"'], _node(['severity =~ "SEV[01]"'], policy=mine), policy=mine),
        _node(['tag:incident_ops/tier = "gold"'], policy=mine, continues=True),
        _node([f'asset =~ "marts/area_{n}/.*_daily"'], policy=mine),
        _node(['check = "not_null"', f'tag:source = "vendor_{n}"']),
        policy=mine,
    )


def _node(
    matchers: Sequence[str], *routes: RouteNode, policy: str | None = None, continues: bool = False
) -> RouteNode:
    return RouteNode(
        path="",
        receiver="owner",
        matchers=tuple(parse_matcher(text) for text in matchers),
        continues=continues,
        escalation_policy=policy,
        routes=routes,
    )


def size(node: RouteNode) -> int:
    return 1 + sum(size(child) for child in node.routes)


def schedules() -> dict[str, Schedule]:
    """By the policy that leads to them: weekly, half of them with nights, one in four with an override."""
    return {f"s{n}": _schedule(n, ZoneInfo(ZONES[n % len(ZONES)])) for n in range(SCHEDULES)}


def _schedule(n: int, zone: ZoneInfo) -> Schedule:
    members = tuple(f"person_{n}_{m}@acme.test" for m in range(5))
    start = date(2026, 1, 5)
    weekly = Layer(members=members, rotation="weekly", handoff=time(9), handoff_day=0, start=start)
    nights = Layer(
        members=members[3:],
        rotation="daily",
        handoff=time(18),
        start=start,
        restrict=Hours(zone=zone, begins=time(18), ends=time(9)),
    )
    away = Override(member=members[2], begins=BEGINS + timedelta(days=n), ends=BEGINS + timedelta(days=n + 1))
    layers = (weekly, nights) if n % 2 else (weekly,)
    return Schedule(name=f"s{n}", zone=zone, layers=layers, overrides=(away,) if n % 4 == 0 else ())


def incidents(count: int = INCIDENTS) -> list[tuple[Labels, datetime]]:
    """Label sets, no two the same, and moments spread over four weeks."""
    random = Random(20_260_301)
    return [_incident(n, random) for n in range(count)]


def _incident(n: int, random: Random) -> tuple[Labels, datetime]:
    team = random.randrange(TEAMS + 10)
    area = random.choice((f"marts/area_{team}", f"raw/source_{team}", "pipelines"))
    labels = {
        "root": f"INC-{n}",
        "asset": f"{area}/table_{n}{random.choice(('', '_daily'))}"
        if area != "pipelines"
        else f"{area}/job_{n % 99}",
        "team": f"team_{team}",
        "owner": f"team:team_{team}",
        "domain": random.choice(DOMAINS),
        "nature": random.choice(NATURES),
        "severity": random.choice(("SEV0", "SEV1", "SEV2", "SEV2", "SEV3", "SEV3")),
        "check": random.choice(("not_null", "unique", "volume", "volume_experimental")),
        "partition": f"2026-03-{n % 28 + 1:02}",
        "environment": "production",
        "tag:incident_ops/tier": random.choice(("gold", "silver", "bronze")),
        "tag:cost_centre": str(random.randrange(40)),
    }
    return labels, BEGINS + random.random() * timedelta(days=28)


def ours() -> Decide:
    root, on_call = tree(), {name: OnCall(schedule) for name, schedule in schedules().items()}

    def decide(labels: Labels, at: datetime) -> tuple[tuple[RouteNode, ...], tuple[str, ...]]:
        reached = branches(root, labels)
        policies = {node.escalation_policy for node in reached if node.escalation_policy is not None}
        return reached, tuple(person for policy in policies for person in on_call[policy].who(at))

    return decide


def every_sibling_asked(root: RouteNode, labels: Labels) -> tuple[RouteNode, ...]:
    """The same as `branches`, as one would write it first."""
    found: list[RouteNode] = []
    for child in root.routes:
        if matches_all(child.matchers, labels):
            found.extend(every_sibling_asked(child, labels))
            if not child.continues:
                break
    return tuple(found) or (root,)


def wrong_answers(asked: Sequence[tuple[Labels, datetime]]) -> int:
    root = tree()
    return sum(branches(root, labels) != every_sibling_asked(root, labels) for labels, _ in asked)


def results() -> list[Row]:
    """The rows of the table; takes some seconds."""
    root, asked = tree(), incidents()
    decide = ours()
    first = _seconds(lambda: [decide(*each) for each in asked])  # works out the schedules
    again = _seconds(lambda: [decide(*each) for each in asked])
    alone = _seconds(lambda: [branches(root, labels) for labels, _ in asked])
    scanned = _seconds(lambda: [every_sibling_asked(root, labels) for labels, _ in asked])
    wrong = wrong_answers(asked[::10])
    made = _seconds(tree)
    rate = INCIDENTS / first
    name = f"routing decisions a second, {size(root) - 1} routes and {SCHEDULES} schedules"
    return [
        Row(name, _a_second(first), f"> {TARGET:,}", "", rate > TARGET and wrong == 0),
        Row("  once the schedules are worked out", _a_second(again), "", "", None),
        Row(
            f"  the tree alone ({wrong} wrong)",
            _a_second(alone),
            "",
            f"every sibling asked: {_a_second(scanned)}",
            None,
        ),
        Row("  to make the tree", f"{1000 * made:.0f} ms", "", "", None),
    ]


def _a_second(seconds: float) -> str:
    return f"{INCIDENTS / seconds:,.0f}"


def _seconds(call: Callable[[], object]) -> float:
    """Processor time: others may use the machine."""
    start = process_time()
    call()
    return process_time() - start


if __name__ == "__main__":
    print_table(results())
