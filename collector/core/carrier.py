"""The key by which this installation signs what is carried to agents instead of being sent."""

from collector.core.vault import Vault
from common.identity import PrivateKey


def carrier_key(vault: Vault) -> PrivateKey:
    """The same on every replica that has the installation's key, and of no use for anything else."""
    return PrivateKey.of_seed(vault.derive("what is carried to agents"))
