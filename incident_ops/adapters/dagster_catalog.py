"""The webserver's GraphQL: the assets of every code location, and the health of locations and daemons.

One query for all assets, asked of each location and merged here: the root field `assetNodes` shows only one
definition of a key and drops the edges and owners that another location declares. The event log is read in
`dagster_events`.
"""

import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import requests

from incident_ops.adapters.dagster_links import base_of
from incident_ops.core.catalog import CONSUMERS_METADATA, RUNBOOK_METADATA, AssetNode, Catalog
from incident_ops.core.error_text import redact, shorten
from incident_ops.core.errors import SourceUnavailable

DESCRIPTION_LIMIT = 500  # dbt models carry their whole SQL there
CONSUMERS_LIMIT = 100
TEXT_LIMIT = 1_000
CONNECT_SECONDS = 5.0

_ASSETS = f"""query IncidentOpsCatalog {{
  repositoriesOrError {{
    __typename
    ... on PythonError {{ message }}
    ... on RepositoryConnection {{
      nodes {{
        location {{ name }}
        assetNodes {{
          assetKey {{ path }}
          isMaterializable
          isExecutable
          owners {{ ... on TeamAssetOwner {{ team }} ... on UserAssetOwner {{ email }} }}
          tags {{ key value }}
          kinds
          groupName
          description(characterLimit: {DESCRIPTION_LIMIT + 1})
          dependencyKeys {{ path }}
          metadataEntries {{
            label
            ... on JsonMetadataEntry {{ jsonString }}
            ... on TextMetadataEntry {{ text }}
            ... on UrlMetadataEntry {{ url }}
          }}
        }}
      }}
    }}
  }}
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


class GraphQLCatalog:
    """Reads one webserver. Every method raises `SourceUnavailable` when no usable answer comes.

    Args:
        url: as the browser has it, path prefix included; a user and password in it are used and never shown.
        timeout: seconds to wait for the answer (20,000 assets take about five).

    One object serves one pass: a webserver that gave no answer is not asked again, so that a pass waits once.
    """

    def __init__(self, url: str, *, timeout: float = 15.0) -> None:
        self._url = url.strip().rstrip("/")
        self._shown = redact(base_of(url))
        self._timeout = timeout
        self._silent: SourceUnavailable | None = None

    def fetch(self, *, now: datetime) -> Catalog:
        """The assets of every location that is loaded; those of a location that does not load are missing
        (see `load_errors`)."""
        answer = self._part_of(self._ask(_ASSETS), "repositoriesOrError")
        with self._as_expected():
            definitions = [
                _definition_of(node, location=repository["location"]["name"])
                for repository in answer["nodes"]
                for node in repository["assetNodes"]
            ]
        return Catalog(merge(definitions), fetched_at=now)

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

    def _ask(self, query: str) -> Mapping[str, Any]:
        if self._silent is not None:
            raise self._silent
        try:
            return self._answer_to(query)
        except SourceUnavailable as error:
            self._silent = error
            raise

    def _answer_to(self, query: str) -> Mapping[str, Any]:
        with requests.Session() as session:
            session.trust_env = not _is_loopback(self._url)  # a proxy cannot reach our own machine
            try:
                response = session.post(
                    f"{self._url}/graphql",
                    json={"query": query},
                    timeout=(min(CONNECT_SECONDS, self._timeout), self._timeout),
                    allow_redirects=False,  # a redirected POST becomes a GET, whose answer would mislead
                )
            except requests.ConnectTimeout:
                raise self._unavailable("cannot be reached: nothing there takes the connection") from None
            except requests.Timeout:
                raise self._unavailable(f"gave no answer within {self._timeout:g} s") from None
            except requests.ConnectionError as error:
                refused = "refused" in str(error).lower()
                why = "refuses the connection (is it running?)" if refused else "cannot be reached"
                raise self._unavailable(why) from None
            except (requests.RequestException, ValueError):  # no address at all; the error may quote its password
                raise self._unavailable("could not be asked: the address or the answer is malformed") from None
        return self._data_of(response)

    def _data_of(self, response: requests.Response) -> Mapping[str, Any]:
        """What a GraphQL answer holds. Errors come with status 200 or 400, and are then worth more than it."""
        if response.is_redirect:
            raise self._unavailable(f"answered with a redirect (HTTP {response.status_code})")
        try:
            body = response.json()
        except ValueError:
            body = None
        errors = body.get("errors") if isinstance(body, dict) else None
        if errors:
            raise self._unavailable(f"answered with an error: {_message_of(errors)}")
        if not response.ok:
            raise self._unavailable(f"answered with HTTP {response.status_code}")
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, dict):
            kind = response.headers.get("content-type", "unknown content")
            raise self._unavailable(f"answered with something that is not GraphQL ({shorten(kind, 80)})")
        return data

    def _part_of(self, data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        part = data.get(name)
        if not isinstance(part, dict):
            raise self._unavailable(f"left out {name}")
        if part.get("__typename") == "PythonError":
            raise self._unavailable(f"answered with an error: {_cleaned(str(part.get('message', '')))}")
        return part

    @contextmanager
    def _as_expected(self) -> Iterator[None]:
        """For reading an answer whose shape the query has fixed, unless something else answers for Dagster."""
        try:
            yield
        except (KeyError, TypeError, AttributeError):
            raise self._unavailable("answered in a shape that its GraphQL does not have") from None

    def _unavailable(self, why: str) -> SourceUnavailable:
        return SourceUnavailable(
            f"Dagster's webserver at {self._shown} {why}; INCIDENT_OPS_DAGSTER_URL says where it is."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What one location says of an asset. An asset that is only named there (as something upstream, or as the
    target of a check) has a definition too, an empty one that Dagster makes up."""

    node: AssetNode
    materializable: bool = False
    executable: bool = False

    @property
    def weight(self) -> tuple[bool, bool, bool, int]:
        """The heavier definition speaks first: what builds the asset, then what owns it, then what says more."""
        node = self.node
        said = (node.tags, node.kinds, node.description, node.upstream, node.consumers, node.runbook)
        return (self.materializable, self.executable, bool(node.owners), sum(map(bool, said)))


def merge(definitions: Iterable[Definition]) -> tuple[AssetNode, ...]:
    """One node for each key. The heaviest definition wins; the others add edges, consumers and tags, and fill
    what it leaves empty."""
    by_key: dict[str, list[Definition]] = {}
    for definition in definitions:
        by_key.setdefault(definition.node.key, []).append(definition)
    return tuple(_merged(by_key[key]) for key in sorted(by_key))


def _merged(definitions: list[Definition]) -> AssetNode:
    by_location = sorted(definitions, key=lambda definition: definition.node.location)
    nodes = [d.node for d in sorted(by_location, key=lambda definition: definition.weight, reverse=True)]
    tags: dict[str, str] = {}
    for node in reversed(nodes):
        tags.update(node.tags)
    return replace(
        nodes[0],
        tags=MappingProxyType(tags),
        owners=next((node.owners for node in nodes if node.owners), ()),
        kinds=next((node.kinds for node in nodes if node.kinds), ()),
        description=next((node.description for node in nodes if node.description), ""),
        runbook=next((node.runbook for node in nodes if node.runbook), ""),
        upstream=tuple(sorted({key for node in nodes for key in node.upstream})),
        consumers=tuple(dict.fromkeys(consumer for node in nodes for consumer in node.consumers)),
    )


def _definition_of(node: Mapping[str, Any], *, location: str) -> Definition:
    metadata = {entry["label"]: entry for entry in node["metadataEntries"]}
    return Definition(
        materializable=node["isMaterializable"],
        executable=node["isExecutable"],
        node=AssetNode(
            key="/".join(node["assetKey"]["path"]),
            location=location,
            owners=tuple(owner for owner in map(_owner_of, node["owners"]) if owner),
            tags=MappingProxyType({tag["key"]: tag["value"] for tag in node["tags"]}),
            kinds=tuple(sorted(node["kinds"])),
            group=node["groupName"],
            description=_cut(node["description"] or "", DESCRIPTION_LIMIT),
            upstream=tuple("/".join(dependency["path"]) for dependency in node["dependencyKeys"]),
            consumers=_consumers_of(metadata.get(CONSUMERS_METADATA, {})),
            runbook=_runbook_of(metadata.get(RUNBOOK_METADATA, {})),
        ),
    )


def _owner_of(owner: Mapping[str, str]) -> str:
    return f"team:{owner['team']}" if "team" in owner else owner.get("email", "")


def _consumers_of(entry: Mapping[str, str]) -> tuple[str, ...]:
    """The list that the metadata holds, or a text of names set apart by commas or white space."""
    if "jsonString" in entry:
        value = json.loads(entry["jsonString"])
        names = [name.strip() for name in value if isinstance(name, str)] if isinstance(value, list) else []
    else:
        names = re.split(r"[\s,;]+", entry.get("text", ""))
    return tuple(dict.fromkeys(_cut(name, TEXT_LIMIT) for name in names if name))[:CONSUMERS_LIMIT]


def _runbook_of(entry: Mapping[str, str]) -> str:
    return _cut((entry.get("url") or entry.get("text") or "").strip(), TEXT_LIMIT)


def _first_line_of(error: Mapping[str, Any]) -> str:
    """The innermost cause speaks: the outer error only says that loading the definitions went wrong."""
    message = (error["causes"] or [error])[-1]["message"]
    return _cleaned(message)


def _message_of(errors: object) -> str:
    first = errors[0] if isinstance(errors, list) else errors
    message = first.get("message", "") if isinstance(first, dict) else first
    return _cleaned(str(message))


def _cleaned(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return shorten(redact(lines[0]), 300) if lines else "no message"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
