"""Where deliveries may go: schemes, ports and addresses, so that nobody can point the collector at its own network.

Pure. A private receiver is normal on premises, so an operator may list networks; what is never meant by that (loopback,
link-local with the clouds' metadata services, multicast) has to be listed by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL = 2048
HTTP_PORTS = frozenset({443, 8443})
SYSLOG_PORTS = frozenset({514, 601, 6514})

_LOW_32 = 0xFFFF_FFFF
_MAPPED = IPv6Network("::ffff:0:0/96")
_COMPATIBLE = IPv6Network("::/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})

_SPECIAL: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "168.63.129.16/32",  # Azure's wire server: a public address that every machine there reaches
        "192.0.0.192/32",  # Oracle Cloud's metadata of old
        "100.100.100.200/32",  # Alibaba's
        "224.0.0.0/4",
        "255.255.255.255/32",
        "::/127",
        "fe80::/10",
        "fd00:ec2::/32",  # Amazon's metadata over IPv6
        "ff00::/8",
    )
)

_CLOSED: tuple[Network, ...] = tuple(  # where the versions of Python disagree on what is public
    ip_network(text)
    for text in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "240.0.0.0/4",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What the operator allows beyond the public internet over HTTPS."""

    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset()
    plain_http: bool = False


def allowed(address: Address, networks: tuple[Network, ...]) -> bool:
    """Whether a connection to this address may be made; what is wrapped in it has to be allowed as well."""
    return all(_allowed(part, networks) for part in unwrap(address))


def unwrap(address: Address) -> tuple[Address, ...]:
    """The addresses at which packets for this one may end up."""
    if isinstance(address, IPv4Address):
        return (address,)
    number = int(address)
    low = IPv4Address(number & _LOW_32)
    if address in _MAPPED or address in _NAT64 or (address in _COMPATIBLE and number > 1):
        return (low,)
    if address in _SIX_TO_FOUR:
        return (IPv4Address(number >> 80 & _LOW_32),)
    if address in _TEREDO:
        return (IPv4Address(number >> 64 & _LOW_32), IPv4Address(number & _LOW_32 ^ _LOW_32))
    if address in _NAT64_LOCAL or number >> 32 & _LOW_32 in _ISATAP:
        return (address, low)
    return (address,)


def check_url(url: str, reach: Reach) -> str:
    """The URL of a receiver; ValueError says what is wrong with it, without the parts that may be secret."""
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError(f"url: not printable ASCII, or over {MAX_URL} characters; expected https://host/path")
    split, host = _split(url)
    schemes = ("https", "http") if reach.plain_http else ("https",)
    if split.scheme not in schemes:
        raise ValueError(f"url: scheme {split.scheme[:20]!r}; expected {' or '.join(schemes)}")
    if "@" in split.netloc:
        raise ValueError("url: it holds a user or a password; expected none, deliveries are signed instead")
    if split.fragment:
        raise ValueError("url: it ends in a fragment (#…); expected none")
    check_host(host, reach, field="url")
    _check_port(_port(split), HTTP_PORTS | ({80} if reach.plain_http else set()) | reach.ports, field="url")
    return url


def check_host(host: str, reach: Reach, *, field: str = "host") -> str:
    """A host name or address that may be a receiver; names are checked again with each connection."""
    literal = _literal(host)
    if literal is not None:
        if not allowed(literal, reach.networks):
            raise ValueError(f"{field}: address {host} is not allowed; {_EXPECTED}")
        return host
    if not _is_name(host):
        raise ValueError(f"{field}: {host[:80]!r}; expected the name or the full address of a host")
    return host


def check_syslog_port(port: int, reach: Reach) -> int:
    _check_port(port, SYSLOG_PORTS | reach.ports, field="port")
    return port


_EXPECTED = "expected a public address, or one in a network that the operator has listed (delivery_networks)"


def _allowed(address: Address, networks: tuple[Network, ...]) -> bool:
    listed = [network for network in networks if address in network]
    special = [network for network in _SPECIAL if address in network]
    if special:
        return any(_within(network, special[0]) for network in listed)
    return bool(listed) or (address.is_global and not any(address in network for network in _CLOSED))


def _within(network: Network, other: Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(other, IPv4Network) and network.subnet_of(other)
    return isinstance(other, IPv6Network) and network.subnet_of(other)


def _split(url: str) -> tuple[SplitResult, str]:
    try:
        split = urlsplit(url)
        host = split.hostname or ""
    except ValueError:
        raise ValueError("url: it cannot be parsed; expected https://host/path") from None
    return split, host


def _port(split: SplitResult) -> int:
    try:
        given = split.port
    except ValueError:
        raise ValueError("url: its port is not a number from 1 to 65535") from None
    if given is not None:
        return given
    return 443 if split.scheme == "https" else 80


def _check_port(port: int, ports: frozenset[int] | set[int], *, field: str) -> None:
    if port not in ports:
        known = ", ".join(str(number) for number in sorted(ports))
        raise ValueError(f"{field}: port {port}; expected one of {known} (the operator lists more in delivery_ports)")


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_name(host: str) -> bool:
    """Not also what some resolvers take for an address: `0x7f.1`, `2130706433`, `127.1`."""
    labels = list(_labels(host))
    last = labels[-1]
    wild = any(not label or len(label) > 63 or not _plain(label) for label in labels)  # noqa: PLR2004 - of RFC 1035
    return len(host) <= 253 and not wild and not last[0].isdigit()  # noqa: PLR2004 - likewise


def _labels(host: str) -> Iterator[str]:
    yield from host.removesuffix(".").split(".")


def _plain(label: str) -> bool:
    return all(character.isalnum() or character in "-_" for character in label) and label.isascii()
