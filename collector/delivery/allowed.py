"""Where deliveries may go, and the key of their secrets, by the settings; apart, to spare commands the HTTP client."""

from collector.core.settings import Settings
from collector.core.vault import Vault
from collector.domain.webhooks.addresses import Reach
from collector.domain.webhooks.making import Outbound


def outbound(settings: Settings) -> Outbound:
    reach = Reach(
        networks=settings.delivery_networks,
        ports=frozenset(settings.delivery_ports),
        plain_http=settings.delivery_plain_http,
    )
    return Outbound(reach, Vault.of_file(settings.vault_path))
