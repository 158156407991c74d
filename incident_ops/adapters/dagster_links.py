"""Where in Dagster's UI a thing is shown: URLs only, nothing is asked of Dagster.

The forms are those of the webserver's own pages (`assetDetailsPathForKey`, `assetDetailsPathForAssetCheck` in
its sources): `/assets/<key parts>?view=…`, each part percent-encoded, and `/runs/<id>`.
"""

from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from incident_ops.core.alert import AssetRef
from incident_ops.core.incident import Incident
from incident_ops.core.message import Link
from incident_ops.core.own import INCIDENTS


def links_of(incident: Incident, webserver_url: str) -> tuple[Link, ...]:
    """The incident's own page, then the failing check or asset, then the run; only those that exist."""
    base, subject, root = base_of(webserver_url), incident.root.subject, incident.root
    links = [Link(label=incident.id, url=incident_url(incident, base))]
    if subject.asset is not None and subject.check is not None:
        links.append(Link(label=f"Check {subject.check}", url=check_url(subject.asset, subject.check, base)))
    if subject.asset is not None:
        links.append(Link(label=f"Asset {subject.asset}", url=asset_url(subject.asset, base, root.partition)))
    if root.run_id:
        links.append(Link(label=f"Run {root.run_id[:8]}", url=run_url(root.run_id, base)))
    return tuple(links)


def incident_url(incident: Incident, webserver_url: str) -> str:
    return asset_url(AssetRef(key=INCIDENTS), webserver_url, incident.id)


def asset_url(asset: AssetRef, webserver_url: str, partition: str | None = None) -> str:
    """The asset's page, opened at `partition` when there is one."""
    query = {"view": "partitions", "partition": partition} if partition else {}
    return _url(webserver_url, ("assets", *asset.path), query)


def check_url(asset: AssetRef, check: str, webserver_url: str) -> str:
    return _url(webserver_url, ("assets", *asset.path), {"view": "checks", "checkDetail": check})


def run_url(run_id: str, webserver_url: str) -> str:
    return _url(webserver_url, ("runs", run_id), {})


def base_of(webserver_url: str) -> str:
    """The webserver's address fit to be shown and built upon: with its path prefix; without trailing slashes,
    query, and the user and password that it may carry."""
    try:
        parts = urlsplit(webserver_url.strip())
    except ValueError:  # such as an unclosed bracket; the whole text is withheld, since it may hold a password
        return "[unreadable address]"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def _url(webserver_url: str, path: tuple[str, ...], query: dict[str, str]) -> str:
    address = "/".join((base_of(webserver_url), *(quote(part, safe="") for part in path)))
    return f"{address}?{urlencode(query, quote_via=quote)}" if query else address
