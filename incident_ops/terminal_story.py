"""One incident's story for people: what broke, why, who was hit, what will be late, what was done."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from incident_ops.core.attribution.record import EXPLAINED_BY
from incident_ops.core.durations import format_duration
from incident_ops.core.incident import Incident
from incident_ops.core.message import moment
from incident_ops.core.status import SYSTEM
from incident_ops.terminal import plain_console

MOST_LINES = 20
"""Of each list; `--json` has the rest."""
Record = Mapping[str, Any]

STATES = {"tainted": "tainted", "at_risk": "at risk", "healed": "healed"}


def show(incident: Incident, story: Record) -> None:
    """One incident's story (see `engine.report.story_of`). A section without content is left out."""
    out = plain_console()
    for line in (*_heading(incident, story), *_sections(story)):
        out.print(line)


def _heading(incident: Incident, story: Record) -> Iterable[str]:
    yield f"{incident.id}  {incident.severity}  {incident.status}  {incident.title}\n"
    facts = {
        name: value for name, value in incident.facts.items() if name != EXPLAINED_BY or not story["attribution"]
    }
    rows = {
        "owner": incident.owner or "unknown",
        "assignee": incident.assignee,
        "nature": incident.nature,
        "since": moment(incident.started_at),
        "resolved": moment(incident.resolved_at) if incident.resolved_at else None,
        "merged into": _where_it_went(story),
        "announced": incident.excuse,
        "runbook": incident.runbook,
        "severity": "; ".join(incident.severity_reasons),
        "failures": f"{incident.failure_count:,}" + (", flaky" if incident.flaky else ""),
        **facts,
    }
    yield from (f"  {name + ':':<12} {value}" for name, value in rows.items() if value)
    yield f"\n{incident.summary}"
    if incident.detail and incident.detail != incident.summary:
        yield f"\n{incident.detail}"
    yield from (f"  {item}" for item in incident.not_run)


def _where_it_went(story: Record) -> str | None:
    """The one that took it in, and where that one is now if it was taken in itself."""
    into, now = story["merged_into"], story["merged_at_last_into"]
    return into if into == now else f"{into}, now {now}"


def _sections(story: Record) -> Iterable[str]:
    yield from _section("Suspects", _suspects(story))
    yield from _section("Failing rows", _attribution(story["attribution"]))
    yield from _section("Impact", _impact(story["impact"]))
    yield from _section("Forecast", _cut([_late(item) for item in story["forecast"]]))
    yield from _section("Timeline", map(_entry, story["timeline"]))
    yield from _section("Deliveries", [_delivery(delivery) for delivery in story["deliveries"]])
    catalog = story["catalog"]
    if catalog["trouble"]:
        age = catalog["age_seconds"]
        known = f"{format_duration(timedelta(seconds=age))} old" if age is not None else "not known"
        yield f"\nOwners and lineage are {known}: {catalog['trouble']}"


def _entry(entry: Record) -> str:
    """A line of the timeline; who did it, where its words do not say so."""
    text, by = entry["text"], entry["by"]
    line = f"{_moment(entry['at'])}  {text}"
    return line if by == SYSTEM or by in text else f"{line} ({by})"


def _moment(at: str) -> str:
    return moment(datetime.fromisoformat(at))


def _section(heading: str, lines: Iterable[str]) -> Iterable[str]:
    every = list(lines)
    return (f"\n{heading}", *(f"  {line}" for line in every)) if every else ()


# ---- cause


def _suspects(story: Record) -> Iterable[str]:
    for suspect in story["suspects"]:
        yield f"{_name(suspect)} ({_known(suspect)}){_way(suspect['path'][::-1])}"
        yield from (f"  {item['summary']}" for item in suspect["evidence"])
    if not story["suspects"] and story["looked_at"]:
        yield "the cause is unknown"
    yield from story["looked_at"]


def _name(suspect: Record) -> str:
    which = suspect["materialization"]
    return suspect["asset"] if which is None else f"{suspect['asset']}, materialization {which}"


def _known(suspect: Record) -> str:
    return ", ".join(filter(None, (suspect["cause_class"], suspect["confidence"])))


def _way(path: Sequence[Record]) -> str:
    """`: raw → orders → rev_daily`; of a way that is none, nothing."""
    return f": {' → '.join(hop['asset'] for hop in path)}" if len(path) > 1 else ""


def _attribution(found: Record | None) -> Iterable[str]:
    if found is not None:
        about = ": ".join(filter(None, (found.get("asset"), found.get("check"))))
        yield f"{about}: {found['sentence']}" if about else found["sentence"]


# ---- impact


def _impact(impact: Record) -> Iterable[str]:
    for key, state in STATES.items():
        count = impact.get("counts", {}).get(key)
        yield from _labelled(state, _cut([_hit(hit) for hit in impact[key]], count=count))
    consumers = [f"{each['consumer']}: {each['reason']}" for each in impact["consumers"]]
    yield from _labelled("consumer", _cut(consumers))
    viewers = [_viewer(viewer) for viewer in impact["viewers"]]
    yield from _labelled("viewer", _cut(viewers, count=impact.get("counts", {}).get("viewers")))


def _labelled(label: str, lines: Iterable[str]) -> Iterable[str]:
    return (f"{label + ':':<10} {line}" for line in lines)


def _hit(hit: Record) -> str:
    """`rev_daily, since 2026-11-20 09:00 UTC: raw → orders → rev_daily`."""
    since = f", since {_moment(hit['since'])}" if hit["since"] else ""
    until = f", until {_moment(hit['until'])}" if hit["until"] else ""
    inferred = " (inferred from time)" if hit["edge"] == "time" else ""
    return f"{hit['asset']}{_partitions(hit['partitions'])}{since}{until}{_way(hit['path'])}{inferred}"


def _partitions(names: Sequence[str]) -> str:
    if not names:
        return ""
    more = f" and {len(names) - MOST_LINES:,} more" if len(names) > MOST_LINES else ""
    return f" [{', '.join(names[:MOST_LINES])}{more}]"


def _viewer(viewer: Record) -> str:
    version = viewer["materialization"]
    seen = f", materialization {version}" if version is not None else ""
    return f"{viewer['viewer']} looked at {viewer['asset']}{seen} at {_moment(viewer['at'])}"


# ---- what will be late, what was done


def _late(item: Record) -> str:
    """`rev_daily: will miss its deadline …, expected … at the earliest: raw → orders → rev_daily (why)`."""
    expected = f", expected {_moment(item['eta'])} at the earliest" if item["eta"] else ""
    way = f": {' → '.join(item['path'])}" if len(item["path"]) > 1 else ""
    verdict = item["verdict"].replace("_", " ")
    return f"{item['asset']}: {verdict} its deadline {_moment(item['deadline'])}{expected}{way} ({item['basis']})"


def _delivery(delivery: Record) -> str:
    error = f"  {delivery['error']}" if delivery["error"] else ""
    return f"{delivery['status']:<9} {delivery['action']:<6} {delivery['to']}{error}"


def _cut(lines: Sequence[str], *, count: int | None = None) -> Iterable[str]:
    """The first lines, and how many more there are of `count` (by default, of these)."""
    yield from lines[:MOST_LINES]
    if (more := (count or len(lines)) - MOST_LINES) > 0:
        yield f"and {more:,} more"
