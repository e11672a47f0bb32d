"""The price book that was imported on this host: taken once, if it is signed and checks out, and used from then on."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from agent.aws.prices.book import MAX_PACKED, PriceBook, faults, pack, unpack
from agent.reference_data import KEYS_FILE, trusted_keys
from common.errors import ConfigurationError
from common.identity import NotAuthentic, PublicKey, write_private
from common.sealed import unseal

FILE_NAME = "pricebook.json.gz"
GZIP = b"\x1f\x8b"
_SHOWN = 5


def current(state_dir: Path) -> tuple[PriceBook | None, str]:
    """The imported book, and what is wrong with it, which is then ignored; whose it is was asked at the import."""
    path = state_dir / FILE_NAME
    if not path.exists():
        return None, ""
    try:
        return unpack(_content(path)), ""
    except ConfigurationError as error:
        return None, f"{path}: {error}"


def install(source: Path, *, state_dir: Path, config_dir: Path, today: date, unsigned: bool, force: bool) -> PriceBook:
    """Take a book into use; refused unless it is trusted, not older than what is in use, and passes its self-check."""
    found = read(source, trusted_keys(config_dir), unsigned=unsigned)
    if found.as_of > today.isoformat():
        raise ConfigurationError(f"{source}: asOf: `{found.as_of}`; expected a day that has come")
    before, _ = current(state_dir)
    if before is not None and found.as_of < before.as_of:
        raise ConfigurationError(f"{source}: asOf: `{found.as_of}`; expected {before.as_of} or later, as in use")
    wrong = faults(found, previous=None if force else before)
    if wrong:
        raise ConfigurationError(f"{source}: {'; '.join(wrong[:_SHOWN])}{_more(wrong)}")
    write_private(state_dir / FILE_NAME, pack(found))
    return found


def read(path: Path, keys: Mapping[str, PublicKey], *, unsigned: bool) -> PriceBook:
    """Read a book; one without a signature only when that is said to be enough."""
    content = _content(path)
    try:
        return unpack(content if unsigned and _is_bare(content) else _unsealed(content, keys))
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _unsealed(content: bytes, keys: Mapping[str, PublicKey]) -> bytes:
    if _is_bare(content):
        raise ConfigurationError("it is not signed; sign it with `pricebook build --key`, or take it with --unsigned")
    if not keys:
        raise ConfigurationError(f"no key is trusted; put the publisher's public key into `{KEYS_FILE}`")
    try:
        return unseal(content, keys.values()).removesuffix(b"\n")
    except NotAuthentic as error:
        raise ConfigurationError(error.detail) from None


def _is_bare(content: bytes) -> bool:
    """Whether there is nothing behind the compressed prices: a sealed file ends with a line of text."""
    return not content.endswith(b"\n")


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_PACKED + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > MAX_PACKED:
        raise ConfigurationError(f"{path}: more than {MAX_PACKED} bytes")
    if not content.startswith(GZIP):
        raise ConfigurationError(f"{path}: not a gzip file; expected pricebook.json.gz")
    return content


def _more(wrong: list[str]) -> str:
    return f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
