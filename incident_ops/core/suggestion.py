"""Detectors for one asset, proposed from what is known of its data: as code that can be pasted and runs.

What is looked at is `detectors.looking`'s business, what is missing over all assets `coverage`'s.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from incident_ops.core.column_types import same_type
from incident_ops.core.coverage import CODE_WIDTH, Part, import_code, key_code
from incident_ops.core.error_text import redact
from incident_ops.core.pii import mask_addresses

MOST_VALUES = 12
"""A text column with at most so many values is a list of them."""
ROWS_A_VALUE = 20
"""Rows that each value should stand for: fewer, and the next row may bring a new one."""
LONGEST_VALUE = 40
MOST_COLUMNS = 30
"""Whose health is followed. More cost no more scans, but more attention."""
SOURCE_VARIABLE = "WAREHOUSE_URL"

_NUMBERS = ("smallint", "integer", "bigint", "real", "double", "decimal", "hugeint", "tinyint", "ubigint")
_INTEGERS = ("tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint")
_TIMES = ("date", "timestamp", "timestamptz")
_FLAGS = ("boolean",)
_TEXTS = ("varchar",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnLook:
    """A column, and what one look at the data told of it.

    Attributes:
        type: as its database writes it.
        is_personal: its values must not be told.
        nulls: rows without a value; None where the data was not looked at.
        distinct: different values, nulls left out; None likewise.
        values: all of them, if they are few, texts and not personal; else empty.
    """

    name: str
    type: str = ""
    is_personal: bool = False
    nulls: int | None = None
    distinct: int | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetLook:
    """An asset, and what is known of its data.

    Attributes:
        has: what it has already, and is not proposed again; what provides it.
        checks: names of those on it.
        columns: in table order; empty where nobody knows them.
        rows: as counted, else as the newest build reported.
        builds: how many are remembered.
        source: URL of the data, empty for none; `table`: its name there, empty for the default.
        is_looked_at: the columns' figures come from the data itself.
    """

    asset: str
    has: Mapping[Part, str]
    checks: tuple[str, ...] = ()
    columns: tuple[ColumnLook, ...] = ()
    rows: int | None = None
    builds: int = 0
    source: str = ""
    table: str = ""
    is_partitioned: bool = False
    is_looked_at: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a factory, and in words what it is for."""

    factory: str
    why: str
    arguments: tuple[str, ...] = ()
    reads: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """The calls, what could not be seen, and the code of it all."""

    asset: str
    calls: tuple[Call, ...]
    notes: tuple[str, ...]
    code: str


def suggest(look: AssetLook) -> Suggestion:
    """What suits the asset: freshness, volume, schema and field health where it lacks them; uniqueness of columns
    that are keys, and the values of columns that have few, where the data was looked at.

    A key has a value in every row and no value twice. A list of values is proposed for a text column that has at
    most 12, each standing for 20 rows or more, never for one of personal data.
    """
    keys, lists = _keys(look), _lists(look)
    new_keys = [key for key in keys if not _is_watched(key, ("unique", "distinct", "duplicate"), look.checks)]
    new_lists = [each for each in lists if not _is_watched(each, ("accepted", "known", "values"), look.checks)]
    calls = [*_usual(look, keys), *_of_keys(new_keys), *_of_lists(new_lists)]
    notes = tuple(_notes(look, keys))
    return Suggestion(asset=look.asset, calls=tuple(calls), notes=notes, code=_code(look, calls, notes))


def record_of(found: Suggestion) -> dict[str, Any]:
    """`{"asset", "calls": [{"factory", "why", "arguments": [...]}], "notes": [...], "code"}`"""
    return {
        "asset": found.asset,
        "calls": [
            {"factory": call.factory, "why": call.why, "arguments": list(call.arguments)} for call in found.calls
        ],
        "notes": list(found.notes),
        "code": found.code,
    }


# ---- what suits it


def _is_watched(column: ColumnLook, words: Sequence[str], checks: Sequence[str]) -> bool:
    """By the name of a check, which is all that is known of it."""
    return any(
        column.name.lower() in check.lower() and any(word in check.lower() for word in words) for check in checks
    )


def _usual(look: AssetLook, keys: Sequence[ColumnLook]) -> Sequence[Call]:
    followed = _followed(look, keys)
    columns = (f"columns={_names(followed)}",) if followed else ()
    calls = {
        Part.FRESHNESS: Call(factory="build_freshness_checks", why="built as often as usual", reads=False),
        Part.VOLUME: Call(factory="build_volume_checks", why="as many rows as usual"),
        Part.SCHEMA: Call(factory="build_schema_checks", why="no column gone or changed"),
        Part.FIELD_HEALTH: Call(
            factory="build_field_health_checks", why="values as usual, in one scan", arguments=columns
        ),
    }
    return [call for part, call in calls.items() if part not in look.has]


def _of_keys(keys: Sequence[ColumnLook]) -> Sequence[Call]:
    return [
        Call(
            factory="build_uniqueness_checks",
            why=f"{key.name} names a row",
            arguments=(f"columns={_names([key])}", f'name="{name}_is_unique"'),
        )
        for key, name in zip(keys, _identifiers(keys), strict=True)
    ]


def _of_lists(lists: Sequence[ColumnLook]) -> Sequence[Call]:
    return [
        Call(
            factory="build_accepted_values_checks",
            why=f"{column.name} has {len(column.values)} values",
            arguments=(
                f"column={_text(column.name)}",
                f"values=[{', '.join(_text(value) for value in column.values)}]",
                f'name="{name}_is_known"',
            ),
        )
        for column, name in zip(lists, _identifiers(lists), strict=True)
    ]


def _keys(look: AssetLook) -> list[ColumnLook]:
    """Columns that name a row, the first such column by name where several do."""
    rows = look.rows or 0
    found = [
        column
        for column in look.columns
        if rows > 1 and column.nulls == 0 and column.distinct == rows and _is(column, *_INTEGERS, *_TEXTS, "uuid")
    ]
    named = [column for column in found if _sounds_like_a_key(column.name, look.asset)]
    return named[:2] or found[:1]


def _lists(look: AssetLook) -> list[ColumnLook]:
    rows = look.rows or 0
    return [
        column
        for column in look.columns
        if column.values
        and not column.is_personal
        and _is(column, *_TEXTS)
        and 2 <= len(column.values) <= MOST_VALUES
        and rows >= ROWS_A_VALUE * len(column.values)
        and not any(_may_be_private(value) for value in column.values)
    ]


def _may_be_private(value: str) -> bool:
    """An address, or a text too long for a category, in a column that nobody tagged."""
    return len(value) > LONGEST_VALUE or mask_addresses(value) != value


def _followed(look: AssetLook, keys: Sequence[ColumnLook]) -> list[ColumnLook]:
    """Columns whose figures say something: not keys, not one value for ever, not free text."""
    rows = look.rows or 0

    def says_something(column: ColumnLook) -> bool:
        if column in keys or (column.distinct is not None and column.distinct <= 1):
            return False
        is_free_text = _is(column, *_TEXTS) and rows and (column.distinct or 0) > rows / 2
        return not is_free_text and _is(column, *_NUMBERS, *_TIMES, *_FLAGS, *_TEXTS, *_INTEGERS)

    return [column for column in look.columns if says_something(column)][:MOST_COLUMNS]


def _is(column: ColumnLook, *types: str) -> bool:
    return bool(column.type) and any(same_type(column.type, each) for each in types)


def _sounds_like_a_key(name: str, asset: str) -> bool:
    lowered, leaf = name.lower(), asset.rsplit("/", 1)[-1].lower()
    return lowered in {"id", "key", "uuid"} or (
        lowered.endswith(("_id", "_key", "_uuid")) and lowered.rsplit("_", 1)[0].rstrip("s") in leaf
    )


def _notes(look: AssetLook, keys: Sequence[ColumnLook]) -> Sequence[str]:
    notes = [f"{part.words}: it has that already ({look.has[part]})" for part in Part if part in look.has]
    if Part.OWNER not in look.has:
        notes.append('owner: nobody is told of a failure yet; give the asset owners=["team:…"] or a check owner=…')
    if not look.is_looked_at:
        notes.append("the data was not looked at (--source URL): keys and lists of values are not known")
        if not look.columns:
            notes.append("its columns are not known either: no build has reported them")
    elif not look.rows:
        notes.append("the table is empty: keys and lists of values cannot be told")
    elif not keys:
        notes.append("no column has a value in every row and none twice")
    if personal := [column.name for column in look.columns if column.is_personal]:
        notes.append(f"personal data, of which no value is told: {', '.join(personal)}")
    if len(look.columns) > MOST_COLUMNS:
        notes.append(f"field health follows {MOST_COLUMNS} of {len(look.columns)} columns: others can be chosen")
    if look.is_partitioned:
        notes.append("it is partitioned: give its definition instead of its key to check each partition")
    if look.builds:
        notes.append(f"{look.builds} builds are remembered: what they reported is learnt from at once")
    return notes


# ---- code


def _code(look: AssetLook, calls: Sequence[Call], notes: Sequence[str]) -> str:
    comments = [_comment(note) for note in (f"Detectors for {look.asset}", *notes)]
    if not calls:
        return "\n".join([*comments, ""])
    names = {call.factory for call in calls} | {"build_detector_schedule"}
    reads = any(call.reads for call in calls) and look.source
    lines = [
        *comments,
        "import dagster as dg",
        "",
        *import_code(names),
        "",
        f"assets = [{key_code(look.asset)}]",
        *(_place(look) if reads else ()),
        "",
        "checks = [",
    ]
    for call in calls:
        place = ("**place",) if reads and call.reads else ()
        lines += [
            f"    {_comment(call.why)}",
            *_called(f"    *{call.factory}(", ("assets", *call.arguments, *place)),
        ]
    lines += [
        "]",
        "",
        'schedule = build_detector_schedule(checks, every="1h")',
        "defs = dg.Definitions(asset_checks=checks, schedules=[schedule])",
        "",
    ]
    return "\n".join(lines)


def _place(look: AssetLook) -> Sequence[str]:
    """A URL with a password in it is not for a file: a variable of the environment holds it."""
    is_secret = redact(look.source) != look.source or re.search(r"://[^/@\s]*:[^/@\s]*@", look.source)
    source = f'dg.EnvVar("{SOURCE_VARIABLE}")' if is_secret else _text(look.source)
    table = f', "table": {_text(look.table)}' if look.table else ""
    comment = [f"# the URL has a secret in it: set {SOURCE_VARIABLE} to it"] if is_secret else []
    return [*comment, f'place = {{"source": {source}{table}}}']


def _called(head: str, arguments: Sequence[str]) -> Sequence[str]:
    line = f"{head}{', '.join(arguments)}),"
    return [line] if len(line) <= CODE_WIDTH else [head, *(f"        {each}," for each in arguments), "    ),"]


def _names(columns: Sequence[ColumnLook]) -> str:
    return f"[{', '.join(_text(column.name) for column in columns)}]"


def _comment(text: str) -> str:
    """One line, whatever a column is called."""
    return f"# {' '.join(text.split())}"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _identifiers(columns: Sequence[ColumnLook]) -> Sequence[str]:
    """For the names of checks: of letters, digits and underscores that Dagster takes, and no two alike."""
    plain = [re.sub(r"\W", "_", column.name, flags=re.ASCII) for column in columns]
    return [f"{name}_{place}" if plain.count(name) > 1 else name for place, name in enumerate(plain, start=1)]
