"""Pure: the command that makes a host an agent of this collector, ready to be pasted there."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from collector.core.settings import Settings

APPROVAL_WAIT_S = 900
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Address:
    """Where agents reach the collector, and how they recognise it: the pin of its own CA, where it has one."""

    url: str
    ca_pin: str

    @property
    def is_refused(self) -> bool:
        """Agents speak plain HTTP to their own host alone."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and parts.hostname not in _LOOPBACK


def address(settings: Settings, seen_as: str, ca_pin: str) -> Address:
    """By its public name; where nobody has set that, as the browser calls it (`seen_as`: scheme and host)."""
    return Address(settings.agents_url or seen_as.rstrip("/"), ca_pin)


def command(place: Address, secret: str, *, approval: bool, new_key: bool = False) -> str:
    """The token goes in by standard input: other users of that host see every argument."""
    parts = ["sudo fieldpost-agent enroll", f"--url {place.url}"]
    if place.ca_pin:
        parts.append(f"--ca-pin {place.ca_pin}")
    if new_key:
        parts.append("--new-key")
    if approval:
        parts.append(f"--wait {APPROVAL_WAIT_S}")
    parts.append("--token-file - <<'TOKEN'")
    return "\n".join((_joined(parts), secret, "TOKEN"))


def _joined(parts: Sequence[str]) -> str:
    return " \\\n    ".join(parts)
