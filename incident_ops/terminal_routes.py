"""How the commands draw who hears what: the route tree, a rehearsal, on-call shifts, silences, and how precise the
detectors are. What is drawn is decided by the engine and the core.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from incident_ops.core.message import moment

Record = Mapping[str, Any]
_NO_EDGE = 100_000  # columns: a file or a pipe has none, and somebody greps it

_BUILT_IN = {"owner": "the owner's channel, else the default one", "digest": "the owner's digest"}


def show_tree(record: Record) -> None:
    """A record of `engine.route_map`."""
    out = _console()
    out.print(_tree(record["tree"], record["escalation_policies"]))
    used = list(_policies_below(record["tree"])) + list(record["teams"].values())
    for name in dict.fromkeys(used):
        out.print()
        out.print(_policy(name, record["escalation_policies"][name]))
    if record["teams"]:
        out.print("\nWhere owner is told, and the route has no policy of its own:")
        for team, name in record["teams"].items():
            out.print(f"  team {team}: {name}")
    if record["subscriptions"]:
        out.print("\nSubscriptions, whatever the tree says:")
        for each in record["subscriptions"]:
            out.print(f"  {each['who']}: {_matchers(each)} → {each['how']}")
    if own := record["own_channels"]:
        out.print(f"\n{', '.join(own['severities'])} have a channel of their own: {own['named']}")


def _tree(node: Record, policies: Record, branch: Tree | None = None) -> Tree:
    label = Text(f"{_matchers(node)} → {_receiver(node)}{', continue' if node['continue'] else ''}")
    for line in _options(node):
        label.append(f"\n{line}", "dim")
    here = Tree(label) if branch is None else branch.add(label)
    for child in node["routes"]:
        _tree(child, policies, here)
    return here


def _matchers(node: Record) -> str:
    return ", ".join(node["matchers"]) or "everything"


def _receiver(node: Record) -> str:
    name = node["receiver"]
    behind = _BUILT_IN.get(name) or ", ".join(place.partition(":")[2] for place in node["leads_to"])
    return f"{name} ({behind})"


def _options(node: Record) -> Iterator[str]:
    """Those that differ from the parent's, and when it is quiet, which is never inherited."""
    told = [f"{name} {_value(value)}" for name, value in node["differs"].items() if _is_told(name, value, node)]
    if told:
        yield ", ".join(told)
    if node["muted_in"]:
        yield f"muted in {', '.join(node['muted_in'])}"
    if node["active_in"]:
        yield f"active only in {', '.join(node['active_in'])}"
    if node["quiet_now"]:
        yield f"now: {node['quiet_now']}"


def _is_told(name: str, value: Any, node: Record) -> bool:
    """At the top what is not set goes without saying; further down it takes something away."""
    return value is not None or node["path"] != "route"


def _value(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value or "none")


def _policies_below(node: Record) -> Iterator[str]:
    if node["options"]["escalation_policy"] is not None:
        yield node["options"]["escalation_policy"]
    for child in node["routes"]:
        yield from _policies_below(child)


def _policy(name: str, policy: Record) -> Tree:
    repeat = policy["repeat"]
    times = f", gone through again {'once' if repeat == 1 else f'{repeat} times'}" if repeat else ""
    limit = policy["acknowledge_timeout"]
    again = f", triggered again {limit} after an acknowledgement" if limit else ""
    tree = Tree(Text(f"escalation policy {name}{times}{again}"))
    for place, step in enumerate(policy["steps"]):
        tree.add(
            Text(f"step {place}: {', '.join(_target(t, step['on_call']) for t in step['notify'])}, {step['wait']}")
        )
    return tree


def _target(target: str, on_call: Record) -> str:
    name = target.removeprefix("schedule:")
    if name == target or name not in on_call:
        return target
    return f"{target} (now {', '.join(on_call[name]) or 'nobody'})"


def show_rehearsal(record: Record) -> None:
    """A record of `engine.rehearsal.record_of`."""
    out = _console()
    out.print(f"receivers: {', '.join(record['receivers'])}")
    if record["suppressed"] is not None:
        out.print(f"nobody is pushed: {record['suppressed']}")
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for place in record["destinations"]:
        table.add_row(Text(f"  {place['to']}"), Text(_when(place)), Text(f"{place['route']}: {place['why']}"))
    out.print(table)
    if record["pages"]:
        out.print("\nIf nobody acknowledges:")
        for page in record["pages"]:
            out.print(f"  {_clock(page['at'])}  {page['text']}")
    out.print("\nWhy:")
    for sentence in record["why"]:
        if sentence != f"nobody is pushed: {record['suppressed']}":
            out.print(f"  {sentence}")


def _when(place: Record) -> str:
    if place["pushed_at"] is not None:
        return f"pushed {_clock(place['pushed_at'])}"
    return "in the digest" if place["digest"] is not None else "not pushed within a week"


def _clock(text: str) -> str:
    return moment(datetime.fromisoformat(text).astimezone(UTC))


def show_shifts(record: Record) -> None:
    """A record of `cli.oncall`: shifts and gaps in one list, by the schedule's clock and in UTC."""
    zone = ZoneInfo(record["timezone"])
    rows: Sequence[Record] = sorted([*record["shifts"], *record["gaps"]], key=lambda row: str(row["begins"]))
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("begins", "ends", "UTC", "on call"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        begins, ends = (datetime.fromisoformat(row[edge]) for edge in ("begins", "ends"))
        local = [at.astimezone(zone).strftime("%a %Y-%m-%d %H:%M %Z") for at in (begins, ends)]
        utc = f"{begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M}"
        table.add_row(*local, utc, row.get("member") or Text("nobody", "bold red"))
    _console().print(table)


def show_silences(records: Sequence[Record]) -> None:
    """Silences as `cli.silences` has them."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("id", "state", "from", "until", "by", "matchers", "comment"):
        table.add_column(heading, no_wrap=heading not in ("matchers", "comment"))
    for each in records:
        times = (_clock(each["begins"]), _clock(each["ends"]))
        cells = (
            str(each["id"]),
            each["state"],
            *times,
            each["author"],
            ", ".join(each["matchers"]),
            each["comment"],
        )
        table.add_row(*map(Text, cells))
    _console().print(table)


def show_precisions(records: Sequence[Record]) -> None:
    """How precise the detectors are, as `cli.detectors` has it."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("detector", "useful", "share"):
        table.add_column(heading, no_wrap=True, justify="left" if heading == "detector" else "right")
    for each in records:
        useful = f"{each['useful']} of {each['classified']}"
        table.add_row(Text(f"{each['asset']}: {each['check']}"), useful, f"{each['share']:.0%}")
    out = _console()
    out.print(table)
    suggestions = [each["suggestion"] for each in records if each["suggestion"]]
    if suggestions:
        out.print("\nWhat might be changed:")
        for suggestion in suggestions:
            out.print(f"  {suggestion}")


def _console() -> Console:
    out = Console(highlight=False, markup=False)
    if not out.is_terminal:
        out.width = _NO_EDGE
    return out
