"""What a database needs beside itself: the vault key that its secrets are sealed under, and the certificates."""

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

from collector.core.problems import Refusal
from collector.core.settings import Settings
from collector.core.vault import Vault
from common.identity import write_private

VAULT = "vault.key"
TLS = "tls/"
_FINGERPRINT = 16


def vault_of(settings: Settings) -> Vault | None:
    """None where there is no key yet; none is made."""
    return Vault.of_file(settings.vault_path) if settings.vault_path.exists() else None


def fingerprint(vault: Vault | None) -> str:
    """By which a vault key is recognised, and which says nothing about it; "" for none."""
    if vault is None:
        return ""
    return hashlib.sha256(vault.derive("which vault key this is")).hexdigest()[:_FINGERPRINT]


def sign(vault: Vault, content: bytes) -> str:
    """Only who has the vault key can make it."""
    return hmac.new(vault.derive("backups of the database"), content, hashlib.sha256).hexdigest()


def is_signed(vault: Vault, content: bytes, signature: str) -> bool:
    return hmac.compare_digest(sign(vault, content), signature)


def gather(settings: Settings, config: Path | None) -> dict[str, bytes]:
    """Key, certificates and settings of this collector, by name; raises `Refusal` where one cannot be read."""
    paths = {VAULT: settings.vault_path}
    if settings.tls_dir.is_dir():
        paths |= {f"{TLS}{path.name}": path for path in sorted(settings.tls_dir.iterdir()) if path.is_file()}
    if config is not None:
        paths["collector.toml"] = config
    return {name: _read(path) for name, path in paths.items()}


def in_the_way(settings: Settings, files: Mapping[str, bytes]) -> list[Path]:
    """Files that are there already and say something else."""
    places = {path: files[name] for name, path in _places(settings, files).items()}
    return [path for path, content in places.items() if path.exists() and _read(path) != content]


def put(settings: Settings, files: Mapping[str, bytes]) -> list[Path]:
    """Write what belongs into the state folder; settings are for a person to put back."""
    places = _places(settings, files)
    for name, path in places.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(path, files[name])
        except OSError as error:
            raise Refusal(f"{path}: cannot be written ({error.strerror})") from None
    return list(places.values())


def _places(settings: Settings, files: Mapping[str, bytes]) -> dict[str, Path]:
    """Names come out of a file: one that points elsewhere is refused."""
    places = {}
    for name in files:
        plain = name.removeprefix(TLS)
        if name == VAULT:
            places[name] = settings.vault_path
        elif name.startswith(TLS) and plain == Path(plain).name and plain not in {"", ".", ".."}:
            places[name] = settings.tls_dir / plain
        elif name != "collector.toml":
            raise Refusal(f"keys/{name}: expected {VAULT}, {TLS}… or collector.toml")
    return places


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror})") from None
