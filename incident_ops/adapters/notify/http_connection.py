"""A connection for each request, at little cost: what the environment says is read once for each sink, and trusted
certificates once for each process.

Nothing here is connected when it is kept, so that threads may share it and a fork may inherit it.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy
from urllib3.util.ssl_ import create_urllib3_context


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the environment says of the way to one host, as requests reads it.

    Attributes:
        proxies: by scheme.
        bundle: file or folder with the certificates that are trusted.
    """

    proxies: Mapping[str, str]
    bundle: str
    is_proxied: bool

    def connection(self, url: str, address: str | None) -> HTTPAdapter:
        """One that is for one request; it goes to `address`, or None: wherever the host or the proxy is."""
        if self.is_proxied or urlsplit(url).scheme != "https":
            return OwnConnection(address, None)
        return OwnConnection(address, _trusting(self.bundle, Path(self.bundle).stat().st_mtime_ns))


def surroundings_of(url: str) -> Surroundings:
    with requests.Session() as session:
        found: Mapping[str, Any] = session.merge_environment_settings(url, {}, True, None, None)
    bundle = found["verify"] if isinstance(found["verify"], str) else DEFAULT_CA_BUNDLE_PATH
    is_proxied = select_proxy(url, found["proxies"]) is not None
    return Surroundings(proxies=found["proxies"], bundle=bundle, is_proxied=is_proxied)


@lru_cache(maxsize=4)
def _trusting(bundle: str, changed_at: int) -> ssl.SSLContext:
    """As urllib3 makes one for each connection, which takes far longer than the handshake. A bundle that has
    changed is read again."""
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    if Path(bundle).is_dir():
        context.load_verify_locations(capath=bundle)
    else:
        context.load_verify_locations(cafile=bundle)
    return context


class OwnConnection(HTTPAdapter):
    """Connects to `address`, whatever the URL's host resolves to; that name is still the one in SNI, in the check
    of the certificate and in the header `Host`.

    Args:
        trusting: what certificates are checked by; without one `send`'s `verify` says it.
    """

    def __init__(self, address: str | None, trusting: ssl.SSLContext | None) -> None:
        self._address, self._trusting = address, trusting
        super().__init__(pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **more: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._trusting, **more)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        host, tls = super().build_connection_pool_key_attributes(
            request, verify if self._trusting is None else True, cert
        )
        if self._address is None:
            return host, tls
        if host["scheme"] == "https":
            tls = {**tls, "server_hostname": host["host"]}
        request.headers["Host"] = urlsplit(str(request.url)).netloc
        return {**host, "host": self._address}, tls

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """In place of requests', which has the bundle read into the context for each connection."""
        if self._trusting is None:
            super().cert_verify(conn, url, verify, cert)
        else:
            conn.cert_reqs = "CERT_REQUIRED"
