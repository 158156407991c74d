"""What a check's author says of the check itself on each evaluation: whom to tell, how much it matters, what to
do, and which columns are bad.

An evaluation is all that other code locations see of a check. Whatever cannot be used is as if it were not said.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from incident_ops.core.error_text import redact

OWNER_METADATA = "incident_ops/owner"
TIER_METADATA = "incident_ops/tier"
RUNBOOK_METADATA = "incident_ops/runbook"
COLUMNS_METADATA = "incident_ops/columns"
"""The columns that a finding is about: what is derived from other columns is not hit."""
OWN_PREFIX = "incident_ops/"
"""Of metadata for machines, and never shown as a fact."""

TIERS = ("gold", "silver", "bronze")

_LONGEST_OWNER = 200
_LONGEST_URL = 1_000
_WEB_ADDRESS = re.compile(r"https?://([^\s<>|@/?#\[\]]+|\[[0-9A-Fa-f:.]+\](:\d+)?)([/?#][^\s<>|]*)?")
"""Without the user and the password that may stand before a host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What an evaluation says of its check.

    Attributes:
        owner: told instead of the asset's owner: `team:x` or an e-mail address.
        tier: one of `TIERS`, instead of the asset's own.
        runbook: URL of what to do, empty without one.
        columns: the columns that are bad, sorted; empty for the whole table.
    """

    owner: str | None = None
    tier: str | None = None
    runbook: str = ""
    columns: tuple[str, ...] = ()

    def followed_by(self, later: "Declared") -> "Declared":
        """With what a later failure of the same check says: of columns, all that either names, or the whole table
        if one of them means it."""
        both = self.columns and later.columns
        columns = tuple(sorted({*self.columns, *later.columns})) if both else ()
        return Declared(owner=later.owner, tier=later.tier, runbook=later.runbook, columns=columns)


def declared_in(metadata: Mapping[str, object]) -> Declared:
    """From the plain values of an evaluation's metadata."""
    owner, tier = metadata.get(OWNER_METADATA), metadata.get(TIER_METADATA)
    return Declared(
        owner=owner if isinstance(owner, str) and is_owner(owner) else None,
        tier=tier if isinstance(tier, str) and tier in TIERS else None,
        runbook=usable_runbook(metadata.get(RUNBOOK_METADATA)),
        columns=_columns(metadata.get(COLUMNS_METADATA)),
    )


def usable_runbook(value: object) -> str:
    """The URL, if people can be sent there: on the web, in one piece, and without anybody's secret in it."""
    if not isinstance(value, str) or len(value) > _LONGEST_URL or _WEB_ADDRESS.fullmatch(value) is None:
        return ""
    return value if redact(value) == value else ""


def is_owner(text: str) -> bool:
    """Whether people can be told: `team:x`, or an e-mail address."""
    if len(text) > _LONGEST_OWNER or text != text.strip() or not text.isprintable():
        return False
    if text.startswith("team:"):
        return len(text) > len("team:")
    name, _, host = text.partition("@")
    return bool(name and host) and not any(c.isspace() for c in text)


def _columns(value: object) -> tuple[str, ...]:
    """Of a list of which one entry is no name nothing is taken: the rest would pass for all that is bad."""
    if not isinstance(value, list | tuple):
        return ()
    named = list(cast("list[Any]", value))
    if not all(isinstance(name, str) and name for name in named):
        return ()
    return tuple(sorted(set(named)))
