"""Pure: what a reverse proxy says of the one who asks, believed where the proxy is trusted and nowhere else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Networks = Sequence[IPv4Network | IPv6Network]
Headers = Iterable[tuple[bytes, bytes]]

FOR, PROTO, STANDARD, VERIFIED = b"x-forwarded-for", b"x-forwarded-proto", b"forwarded", b"x-client-verify"
_SCHEMES = frozenset({"http", "https"})
_MOST_HOPS = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """Who asks and how, as far as a proxy says. `verified`: they have shown the proxy a client certificate."""

    client: str
    scheme: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Proxies:
    """Who is believed. `on_socket`: we listen on a unix socket, which only a proxy can reach."""

    networks: Networks = ()
    on_socket: bool = False

    def trusts(self, peer: str) -> bool:
        """Whether to believe the one at the other end of the line; empty where it has no address."""
        if self.on_socket or not self.networks:
            return self.on_socket
        address = _address(peer)
        return address is not None and _within(address, self.networks)


def seen(peer: str, headers: Headers, trusted: Networks) -> Seen:
    """From the headers of a trusted `peer`: the last hop that is no trusted proxy is the one who asks."""
    given = _joined(headers)
    usual = [hop.strip() for hop in given.get(FOR, "").split(",")] if FOR in given else []
    standard = _elements(given.get(STANDARD, ""))
    found = {
        _asking(hops[-_MOST_HOPS:], trusted)
        for hops in (usual, [element.get("for", "") for element in standard])
        if hops
    }
    # Two headers that disagree: the proxy sets one of them, and the other came in with the request.
    client = found.pop() if len(found) == 1 else ""
    scheme = given.get(PROTO, "").rpartition(",")[2].strip().lower() or (
        standard[-1].get("proto", "") if standard else ""
    )
    return Seen(
        client=client or peer,
        scheme=scheme if scheme in _SCHEMES else "",
        verified=given.get(VERIFIED, "") == "SUCCESS",
    )


def _asking(hops: Sequence[str], trusted: Networks) -> str:
    """From right to left, each proxy vouches for the one before it; what is no address ends that."""
    last = ""
    for hop in reversed(hops):
        address = _address(hop)
        if address is None:
            break
        last = str(address)
        if not _within(address, trusted):
            break
    return last


def _joined(headers: Headers) -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    for name, value in headers:
        if name in {FOR, PROTO, STANDARD, VERIFIED}:
            text = value.decode("latin-1").strip()
            found[name] = f"{found[name]},{text}" if name in found else text
    return found


def _elements(text: str) -> list[dict[str, str]]:
    """RFC 7239: elements by commas, pairs by semicolons; addresses of version 6 are quoted, in brackets."""
    return [
        {key.strip().lower(): value.strip().strip('"').lower() for key, _, value in pairs}
        for pairs in ([pair.partition("=") for pair in element.split(";")] for element in text.split(",") if element)
    ]


def _address(text: str) -> Address | None:
    """An address, with or without a port; one of version 4 that is written as version 6 is one of version 4."""
    bare = text.strip().strip('"')
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    if "%" in bare:  # a zone means something on its own host alone
        return None
    try:
        found = ip_address(bare)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _within(address: Address, networks: Networks) -> bool:
    return any(address in network for network in networks)
