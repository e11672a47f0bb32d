"""The verifier for hosts with an old OpenSSL agrees with a real one, on good signatures and on bad ones."""

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from making.errors import PackagingError
from making.signing import Signer, load

VERIFY = Path(__file__).parents[2] / "packaging" / "offline" / "verify.py"


def verdict(*paths: Path) -> int:
    return subprocess.run([sys.executable, "-I", str(VERIFY), *map(str, paths)], check=False).returncode


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Path, Path, Path]:
    signer = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    file = tmp_path / "SHA256SUMS"
    file.write_bytes(b"what is signed\n")
    return signer.publish(tmp_path), file, signer.sign(file)


def test_a_good_signature_is_good(signed: tuple[Path, Path, Path]) -> None:
    assert verdict(*signed) == 0


def test_a_changed_file_is_found(signed: tuple[Path, Path, Path]) -> None:
    signed[1].write_bytes(b"what is signeD\n")
    assert verdict(*signed) == 1


@pytest.mark.parametrize("place", [0, 31, 32, 63])
def test_a_changed_signature_is_found(signed: tuple[Path, Path, Path], place: int) -> None:
    content = bytearray(signed[2].read_bytes())
    content[place] ^= 1
    signed[2].write_bytes(content)
    assert verdict(*signed) == 1


def test_another_key_is_found(signed: tuple[Path, Path, Path]) -> None:
    Signer(Ed25519PrivateKey.generate()).publish(signed[0].parent)
    assert verdict(*signed) == 1


def test_what_is_no_key_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "release.pem"
    with pytest.raises(PackagingError, match=r"release\.pem.*No such file"):
        load(path)
    path.write_text("no key")
    with pytest.raises(PackagingError, match="expected an Ed25519 key"):
        load(path)
