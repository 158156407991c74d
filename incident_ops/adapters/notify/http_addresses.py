"""Which addresses a webhook may be sent to. The connection goes to the very address that was judged.

A webhook's address is configured, but not always by those who run this process: it must not reach what only this
machine can reach (a cloud's metadata service, an admin page of our own network). A name is resolved once, every
address behind it is judged, and the connection is made to one of those: between the judgement and the connection
the name cannot change its meaning (DNS rebinding).
"""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import gaierror
from urllib.parse import urlsplit

_METADATA = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",  # AWS, Azure, Google Cloud and most others
            "100.100.100.200",  # Alibaba Cloud
            "168.63.129.16",  # Azure's wire server, in public space
            "fd00:ec2::254",  # AWS
        ),
    )
)
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))  # RFC 6052, RFC 8215
_IPV4_COMPATIBLE = IPv6Network("::/96")  # RFC 4291, deprecated
_MOST_ADDRESSES = 4

Address = IPv4Address | IPv6Address


class Forbidden(Exception):
    """The address may not be connected to; says why, and what to do if it is meant."""


class Pins:
    """Judges addresses.

    Args:
        private: addresses of our own network are meant. Even then link-local addresses and those of metadata
            services are refused, since no webhook lives there, and multicast and unspecified ones.
        resolve: asked once for every connection.
    """

    def __init__(self, *, private: bool, resolve: Callable[[str, int], Sequence[str]] | None = None) -> None:
        self._private = private
        self._resolve = resolve or resolved

    def addresses_of(self, url: str, *, is_proxied: bool) -> Sequence[str] | None:
        """The addresses behind the URL's host, in order of preference; None where a proxy connects for us.

        A proxy resolves the name itself, so that what we would resolve proves little: with one, only what we can
        resolve ourselves is judged, and the proxy has the last word.

        Raises:
            Forbidden: at least one address is not allowed; mixed results are no accident.
            OSError: the name cannot be resolved.
        """
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            addresses = self._resolve(parts.hostname or "", port)
        except OSError:
            if is_proxied:
                return None
            raise
        for address in addresses:
            why = self.refusal_of(ip_address(address.partition("%")[0]))
            if why:
                raise Forbidden(why)
        if not addresses:
            raise gaierror("the name has no address")
        return None if is_proxied else addresses[:_MOST_ADDRESSES]

    def refusal_of(self, address: Address) -> str:
        """Why it may not be connected to; empty if it may. An IPv6 address that stands for an IPv4 address is
        judged as that."""
        address = _embedded(address)
        if address.is_link_local or address in _METADATA:
            return "its host leads to a link-local or metadata address; no webhook may go there"
        if address.is_multicast or address.is_unspecified:
            return "its host leads to an address that is no single host's; check the address"
        if not self._private and _is_ours(address):
            return "its host leads into our own network; if that is meant, write private: true at the webhook"
        return ""


def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses behind a name, as the system prefers them. Spellings such as `2130706433` or `0x7f.1` are
    understood as the system understands them, and judged as what they are."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _is_ours(address: Address) -> bool:
    """Everything that is not plainly public: loopback, private, shared, site-local, reserved."""
    is_site_local = isinstance(address, IPv6Address) and address.is_site_local
    return not address.is_global or address.is_reserved or is_site_local


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to (mapped, compatible, 6to4, NAT64), else the address."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    is_compatible = address in _IPV4_COMPATIBLE and int(address) > 1
    if is_compatible or any(address in network for network in _NAT64):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
