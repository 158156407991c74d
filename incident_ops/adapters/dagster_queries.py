"""The questions to Dagster's GraphQL: the assets of every code location, and the health of locations and daemons.

One query for all assets, asked of each location and merged: the root field `assetNodes` shows only one definition
of a key and drops the edges and owners that another location declares. Who answers is decided by `dagster_catalog`
(the webserver) and `dagster_workspace` (a workspace file).
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from incident_ops.adapters.dagster_definitions import (
    ASSET_FIELDS,
    DETAIL_FIELDS,
    details_from,
    doubtful_consumers_of,
    key_of,
    node_from,
)
from incident_ops.core.catalog import AssetNode, Catalog
from incident_ops.core.catalog.merge import merge, with_details_of
from incident_ops.core.error_text import redact, shorten
from incident_ops.core.errors import SourceUnavailable

_log = logging.getLogger(__name__)

DETAILS_A_QUERY = 100
MOST_NAMED = 10
DETAILS_ROUND = timedelta(minutes=5)
"""How often the catalog is read, and so how often another part of the assets is asked for details."""

Details = tuple[tuple[str, ...], tuple[str, ...]]
"""The checks on an asset, and its columns that are tagged `pii`."""

_ASSETS = f"""query IncidentOpsCatalog {{
  repositoriesOrError {{
    __typename
    ... on PythonError {{ message }}
    ... on RepositoryConnection {{ nodes {{ location {{ name }} assetNodes {{ {ASSET_FIELDS} }} }} }}
  }}
}}"""

_DETAILS = f"""query IncidentOpsDetails($keys: [AssetKeyInput!]) {{
  assetNodes(assetKeys: $keys) {{ {DETAIL_FIELDS} }}
}}"""

_LOCATIONS = """query IncidentOpsLocations {
  workspaceOrError {
    __typename
    ... on PythonError { message }
    ... on Workspace {
      locationEntries {
        name
        locationOrLoadError { __typename ... on PythonError { message causes { message } } }
      }
    }
  }
}"""

_DAEMONS = """query IncidentOpsDaemons {
  instance { daemonHealth { allDaemonStatuses { daemonType healthy } } }
}"""


class DagsterQueries(ABC):
    """Every method raises `SourceUnavailable` when no usable answer comes.

    Args:
        details_at_once: of how many assets checks and column tags are asked in one `fetch` (2 ms each, whereas all
            the rest takes 0.2 ms an asset): first of those that were never asked about, then in turn.

    One object serves one pass: who gave no answer is not asked again, so that a pass waits once.
    """

    source = ""
    """Where the catalog comes from, in words."""

    def __init__(self, *, details_at_once: int) -> None:
        self._details_at_once = details_at_once
        self._silent: SourceUnavailable | None = None

    @abstractmethod
    def _answer_to(self, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """The `data` of a GraphQL answer, or `SourceUnavailable`."""

    @abstractmethod
    def _unavailable(self, why: str) -> SourceUnavailable:
        """A sentence with who was asked, and the remedy."""

    def fetch(self, *, now: datetime, known: Catalog | None = None) -> Catalog:
        """The assets of every location that is loaded; those of a location that does not load are missing
        (see `load_errors`).

        Args:
            known: what was read before; its details stand until they are asked for again.
        """
        answer = self._part_of(self._ask(_ASSETS), "repositoriesOrError")
        if not answer.get("nodes") and not self.load_errors():  # else every asset would seem to be gone
            raise self._unavailable("knows no code location, or none that is loaded yet")
        with self._as_expected():
            defined = [(repository, node) for repository in answer["nodes"] for node in repository["assetNodes"]]
            nodes = merge(node_from(node, location=repository["location"]["name"]) for repository, node in defined)
            _warn_of((key_of(node), doubtful_consumers_of(node)) for _, node in defined)
        nodes = self._detailed(nodes, known or Catalog(), now=now)
        return Catalog(nodes, fetched_at=now, source=self.source)

    def load_errors(self) -> dict[str, str]:
        """Location name → first line of its error, for every location that does not load."""
        answer = self._part_of(self._ask(_LOCATIONS), "workspaceOrError")
        with self._as_expected():
            return {
                entry["name"]: _first_line_of(entry["locationOrLoadError"])
                for entry in answer["locationEntries"]
                if (entry["locationOrLoadError"] or {}).get("__typename") == "PythonError"
            }

    def daemon_health(self) -> dict[str, bool | None]:
        """Daemon type (`SENSOR`, `FRESHNESS_DAEMON`, …) → whether its heartbeat is in time; None: not known."""
        answer = self._part_of(self._ask(_DAEMONS), "instance")
        with self._as_expected():
            statuses = answer["daemonHealth"]["allDaemonStatuses"]
            return {status["daemonType"]: status["healthy"] for status in statuses}

    # ---- details

    def _detailed(self, nodes: Sequence[AssetNode], known: Catalog, *, now: datetime) -> Iterator[AssetNode]:
        open_ = {node.key for node in nodes if not node.is_detailed}
        nodes = [with_details_of(node, known.node(node.key)) for node in nodes]
        never = [node.key for node in nodes if not node.is_detailed]
        again = _in_turn(sorted(open_ - set(never)), self._details_at_once, now)
        found = self._details([*never, *again][: self._details_at_once])
        for node in nodes:
            if node.key in found:
                checks, pii_columns = found[node.key]
                yield replace(node, checks=checks, pii_columns=pii_columns, is_detailed=True)
            else:
                yield node

    def _details(self, keys: Sequence[str]) -> dict[str, Details]:
        """As far as they can be had: without them the catalog is still worth reading."""
        found: dict[str, Details] = {}
        for start in range(0, len(keys), DETAILS_A_QUERY):
            wanted = [{"path": key.split("/")} for key in keys[start : start + DETAILS_A_QUERY]]
            try:
                answer = self._answer_to(_DETAILS, {"keys": wanted})
                with self._as_expected():
                    found.update({key_of(node): details_from(node) for node in answer["assetNodes"]})
            except SourceUnavailable:
                break
        return found

    # ---- asking

    def _ask(self, query: str) -> Mapping[str, Any]:
        if self._silent is not None:
            raise self._silent
        try:
            return self._answer_to(query, {})
        except SourceUnavailable as error:
            self._silent = error
            raise

    def _part_of(self, data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        part = data.get(name)
        if not isinstance(part, dict):
            raise self._unavailable(f"left out {name}")
        if part.get("__typename") == "PythonError":
            raise self._unavailable(f"answered with an error: {first_line(str(part.get('message', '')))}")
        return part

    @contextmanager
    def _as_expected(self) -> Iterator[None]:
        """For reading an answer whose shape the query has fixed, unless something else answers for Dagster."""
        try:
            yield
        except (KeyError, TypeError, AttributeError):
            raise self._unavailable("answered in a shape that its GraphQL does not have") from None


def _warn_of(doubtful: Iterable[tuple[str, Sequence[str]]]) -> None:
    """One line for all consumers that are left out."""
    named = sorted({f"{key} ({', '.join(names)})" for key, names in doubtful if names})
    if named:
        more = f" and {len(named) - MOST_NAMED} more assets" if len(named) > MOST_NAMED else ""
        listed = ", ".join(named[:MOST_NAMED])
        _log.warning("consumers that are neither an e-mail address nor team:NAME are not told: %s%s", listed, more)


def first_line(message: str) -> str:
    """The first line that says anything, without secrets and not too long."""
    lines: Iterable[str] = (line.strip() for line in message.splitlines())
    return next((shorten(redact(line), 300) for line in lines if line), "no message")


def _first_line_of(error: Mapping[str, Any]) -> str:
    """The innermost cause speaks: the outer error only says that loading the definitions went wrong."""
    return first_line((error["causes"] or [error])[-1]["message"])


def _in_turn(keys: list[str], count: int, now: datetime) -> list[str]:
    """All keys, beginning with another `count` of them in each round of five minutes."""
    if not keys:
        return keys
    start = int(now.timestamp() // DETAILS_ROUND.total_seconds()) * count % len(keys)
    return [*keys[start:], *keys[:start]]
