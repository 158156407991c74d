"""How the commands draw the lineage for people. What is drawn is decided by `engine.lineage`."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from incident_ops.core.message import moment

MOST_LINES = 200
Record = Mapping[str, Any]

SIDES = {"upstream": "built from", "downstream": "builds"}
USES = {"built": "breaks", "may_use": "may use it", "unaffected": "unaffected"}


def render(record: Record) -> RenderableType:
    """A record of `show_record`, `impact_record` or `upstream_record`, as trees and lists.

    An asset that is reached in several ways stands once, on a shortest. Beyond 200 lines the rest is counted.
    """
    parts: list[RenderableType] = [_title(record)]
    if not record["is_met"]:
        parts.append(Text(f"Nobody has told of this column: what columns {record['asset']} has is not known"))
    if record["cycle"]:
        parts.append(Text(f"Cycle: these are built from each other: {', '.join(record['cycle'])}"))
    for side, heading in SIDES.items():
        if side in record:
            beyond = record.get("beyond", {}).get(side, 0)
            parts.append(_tree(heading, record["asset"], record[side], beyond=beyond))
    match record["question"]:
        case "show":
            parts += _list("Columns", record["columns"])
            parts += _list("The column is built from", record["sources"] or [])
            parts += _list("Columns built from it", record["builds"] or [])
        case "impact":
            parts += _impact(record)
        case _:
            parts += _sources(record)
    parts += _list("Not as of the newest build", [_as_of(*item) for item in record["as_of"].items()])
    return Group(*parts)


def _title(record: Record) -> Text:
    name = f"{record['asset']}.{record['column']}" if record["column"] else record["asset"]
    return Text.assemble((name, "bold"), _remarks(record["facts"]))


def _remarks(facts: Record) -> str:
    said = [
        facts["tier"] or "",
        ", ".join(facts["kinds"]),
        ", ".join(facts["owners"]),
        f"read by {', '.join(facts['consumers'])}" if facts["consumers"] else "",
        USES.get(facts.get("use", ""), ""),
    ]
    return "".join(f"  {word}" for word in said if word)


def _tree(heading: str, root: str, items: Sequence[Record], *, beyond: int) -> RenderableType:
    if not items:
        return Text(f"\n{heading} nothing that is known")
    below: defaultdict[str, list[Record]] = defaultdict(list)
    for item in items[:MOST_LINES]:
        below[item["via"]].append(item)
    tree = Tree(Text(f"\n{heading}"), guide_style="dim")
    waiting = [(tree, root)]
    while waiting:
        branch, key = waiting.pop()
        for item in below[key]:
            waiting.append((branch.add(Text(item["asset"] + _remarks(item))), item["asset"]))
    if more := beyond + max(len(items) - MOST_LINES, 0):
        tree.add(Text(f"and {more:,} more, further away"))
    return tree


def _impact(record: Record) -> list[RenderableType]:
    parts = [*_list("Owners to tell", record["owners"]), *_list("Consumers", record["consumers"])]
    breaks = record["breaks"]
    if breaks is None:
        return parts
    built = [" → ".join(item["path"]) for item in breaks["built"]]
    unknown = [_because(item) for item in breaks["may_use"]]
    parts += _list("Breaks: columns built from it", built or ["none that is known"])
    parts += _list("May use it: not known", unknown)
    parts += _list("Unaffected: no column is built from it", [_proof(item) for item in breaks["unaffected"]])
    parts += _list("Broken already", [_broken(item) for item in breaks["broken"]])
    return [*parts, Text("\nColumn lineage holds no filters and no joins: look for the column in those, too.")]


def _because(item: Record) -> str:
    if item["because"] == item["asset"]:
        return f"{item['asset']}: it has no (complete) column lineage"
    return f"{item['asset']}: {item['because']}, on the way, has no (complete) column lineage"


def _proof(item: Record) -> str:
    if not item["is_told"]:
        return f"{item['asset']}: built from unaffected assets only"
    named = ", ".join(item["unsourced"])
    return f"{item['asset']}: no source is named for {named}" if named else item["asset"]


def _sources(record: Record) -> list[RenderableType]:
    if record["sources"] is None:
        return []
    named = [f"{source['asset']}.{source['column']}" for source in record["sources"]]
    silent = [f"{asset} has no (complete) column lineage: the trace ends there" for asset in record["silent"]]
    unknown = [*silent, *map(_missing, record["missing"])]
    return [*_list("Columns it is built from", named or ["none that is known"]), *_list("Not known", unknown)]


def _missing(item: Record) -> str:
    if not item["is_asset"]:
        return f"{item['asset']}.{item['column']}: the catalog has no asset {item['asset']}"
    return f"{item['asset']}.{item['column']}: {item['asset']} has no such column (any more)"


def _broken(item: Record) -> str:
    return f"{item['asset']}.{item['column']} is built from {item['source']}, which is not there (any more)"


def _as_of(asset: str, at: str) -> str:
    return f"{asset}: as of its build of {moment(datetime.fromisoformat(at))}; later ones do not tell it"


def _list(heading: str, lines: Iterable[str]) -> list[RenderableType]:
    every = list(lines)
    if not every:
        return []
    more = [f"and {len(every) - MOST_LINES:,} more"] if len(every) > MOST_LINES else []
    return [Text("\n".join((f"\n{heading}", *(f"  {line}" for line in (*every[:MOST_LINES], *more)))))]
