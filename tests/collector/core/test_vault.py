from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from collector.core.vault import SealBroken, Vault
from common.errors import ConfigurationError


def test_a_secret_comes_back_as_it_was_and_only_in_its_place(tmp_path: Path) -> None:
    vault = Vault.of_file(tmp_path / "state" / "vault.key")
    sealed = vault.seal(b"secret", about="key 1")
    assert b"secret" not in sealed
    assert Vault.of_file(tmp_path / "state" / "vault.key").open(sealed, about="key 1") == b"secret"
    with pytest.raises(SealBroken, match="key 2"):
        vault.open(sealed, about="key 2")


def test_another_key_or_an_altered_secret_is_refused(tmp_path: Path) -> None:
    sealed = bytearray(Vault.of_file(tmp_path / "one").seal(b"secret", about="key 1"))
    with pytest.raises(SealBroken):
        Vault.of_file(tmp_path / "two").open(bytes(sealed), about="key 1")
    sealed[-1] ^= 1
    with pytest.raises(SealBroken):
        Vault.of_file(tmp_path / "one").open(bytes(sealed), about="key 1")


def test_the_key_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    Vault.of_file(tmp_path / "vault.key")
    assert (tmp_path / "vault.key").stat().st_mode & 0o777 == 0o600


def test_a_key_file_that_holds_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "vault.key").write_text("AAAA")
    with pytest.raises(ConfigurationError, match=r"vault_key_file: .* has 3 bytes; expected 32"):
        Vault.of_file(tmp_path / "vault.key")


def test_what_is_derived_is_the_same_each_time_and_another_for_each_purpose(tmp_path: Path) -> None:
    vault = Vault.of_file(tmp_path / "vault.key")
    again = Vault.of_file(tmp_path / "vault.key")
    assert vault.derive("a") == again.derive("a")
    assert len({vault.derive("a"), vault.derive("b"), Vault.of_file(tmp_path / "other.key").derive("a")}) == 3


def test_processes_that_start_at_once_end_up_with_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        vaults = list(pool.map(lambda _: Vault.of_file(tmp_path / "vault.key"), range(8)))
    assert {vault.open(vaults[0].seal(b"secret", about="x"), about="x") for vault in vaults} == {b"secret"}
    assert [path.name for path in tmp_path.iterdir()] == ["vault.key"]
