"""New endpoints from what people typed: checked, with an id, and with a sealed secret where they sign."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from collector.core.vault import Vault
from collector.domain.access.rules import check_email, check_name
from collector.domain.webhooks import rules
from collector.domain.webhooks.addresses import Reach, check_host, check_syslog_port, check_url
from collector.domain.webhooks.store import NewEndpoint
from common.ids import new_id

Transport = Literal["udp", "tcp", "tls"]
TRANSPORTS: tuple[Transport, ...] = get_args(Transport)
MAX_RECIPIENTS = 20


class Sealed(NamedTuple):
    """A secret that is shown this once, and what is stored of it."""

    secret: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Outbound:
    """What the operator allows, and the key under which secrets are stored."""

    reach: Reach
    vault: Vault

    def secret(self, endpoint_id: str) -> Sealed:
        made = rules.new_secret()
        return Sealed(made, self.vault.seal(made.encode(), about=rules.sealed_for(endpoint_id)))

    def webhook(self, name: str, url: str, events: list[str]) -> tuple[NewEndpoint, str]:
        """A webhook and its secret; ValueError names the field that cannot be used."""
        endpoint_id = new_id("whk")
        secret, sealed = self.secret(endpoint_id)
        wanted = rules.parse_events(events)
        return NewEndpoint(endpoint_id, "webhook", check_name(name), self.target(url), wanted, sealed), secret

    def target(self, url: str) -> dict[str, str]:
        return {"url": check_url(url, self.reach)}

    def email(self, name: str, recipients: list[str]) -> NewEndpoint:
        if not 1 <= len(recipients) <= MAX_RECIPIENTS:
            raise ValueError(f"to: {len(recipients)} addresses; expected 1 to {MAX_RECIPIENTS}")
        target = {"to": list(dict.fromkeys(check_address(address) for address in recipients))}
        return NewEndpoint(new_id("chn"), "email", check_name(name), target)

    def syslog(self, name: str, host: str, port: int, transport: str) -> NewEndpoint:
        if transport not in TRANSPORTS:
            raise ValueError(f"transport: {transport[:20]!r}; expected one of {', '.join(TRANSPORTS)}")
        target = {
            "host": check_host(host, self.reach),
            "port": check_syslog_port(port, self.reach),
            "transport": transport,
        }
        return NewEndpoint(new_id("chn"), "syslog", check_name(name), target)


def check_address(text: str) -> str:
    """As `check_email`, and nothing that means more to a mail server than one address."""
    try:
        address = check_email(text)
    except ValueError as error:
        raise ValueError(f"to: {str(error).removeprefix('email: ')}") from None
    if not address.isascii() or any(character in '<>,;:"()[]\\' for character in address):
        raise ValueError(f"to: {address[:80]!r}; expected an address such as ana@example.com")
    return address
