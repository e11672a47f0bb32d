"""The offline bundle in a clean Debian with the network cut off: verified, installed, at work, removed."""

import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.packages.conftest import Made
from tests.system.packages.island import Clean
from tests.system.packages.job import AGENT, COLLECTOR, at_work, oracle
from tests.system.packages.test_deb import KEPT

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def unpacked(root: Clean, made: Made) -> Iterator[Path]:
    """The bundle as whoever carried it there unpacks it, and the public key beside it."""
    with tarfile.open(made.bundle) as archive:
        archive.extractall(root.path / "root", filter="tar")
    shutil.copy(made.public_key, root.path / "root/release.pub")
    folder = root.path / "root" / f"fieldpost-{made.version}-offline"
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def before(root: Clean, unpacked: Path) -> set[str]:
    assert unpacked.is_dir()
    return root.listing()


def install(root: Clean, *words: object, expect: int = 0) -> str:
    return root.run("sh", "/root/fieldpost-1.2.0-offline/install.sh", *words, expect=expect)


def test_plain_openssl_verifies_the_tar(made: Made) -> None:
    signature = made.bundle.with_name(made.bundle.name + ".sig")
    words = [
        "openssl",
        "pkeyutl",
        "-verify",
        "-pubin",
        "-rawin",
        "-inkey",
        str(made.public_key),
        "-in",
        str(made.bundle),
    ]
    done = subprocess.run([*words, "-sigfile", str(signature)], capture_output=True, text=True, check=False)
    assert "Verified Successfully" in done.stdout


def test_a_bundle_that_was_changed_on_the_way_installs_nothing(root: Clean, unpacked: Path, before: set[str]) -> None:
    wheel = next((unpacked / "wheels").glob("msgspec-*.whl"))
    sound = wheel.read_bytes()
    wheel.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    assert "nothing was installed" in install(root, "agent", "--key", "/root/release.pub", expect=1)
    wheel.write_bytes(sound)
    (unpacked / "wheels/more.whl").touch()
    assert "files beside those in SHA256SUMS" in install(root, "agent", "--key", "/root/release.pub", expect=1)
    (unpacked / "wheels/more.whl").unlink()
    assert root.listing() - before == set()


def test_a_bundle_that_another_key_signed_installs_nothing(
    root: Clean, before: set[str], made: Made, tmp_path: Path
) -> None:
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "other.pem"], check=True)
    other = root.path / "root/other.pub"
    subprocess.run(["openssl", "pkey", "-in", tmp_path / "other.pem", "-pubout", "-out", other], check=True)
    assert "its signature is not by the key" in install(root, "agent", "--key", "/root/other.pub", expect=1)
    assert made.public_key.read_bytes() != other.read_bytes()
    other.unlink()
    assert root.listing() - before == set()


def test_what_is_asked_for_wrongly_is_told_how(root: Clean, before: set[str]) -> None:
    assert "install.sh agent|collector" in install(root, "both", expect=2)
    assert "was not installed from a bundle" in install(root, "agent", "--uninstall", expect=1)
    assert root.listing() - before == set()


def test_the_main_job_is_done(root: Clean, before: set[str], tmp_path: Path) -> None:
    assert before
    for program in ("agent", "collector"):
        told = install(root, program, "--key", "/root/release.pub")
        assert f"fieldpost-{program} 1.2.0 is installed" in told
    with oracle(root.island, tmp_path) as database, at_work(root, database, tmp_path) as estate:
        found = estate.scored()
    assert (found["name"], found["status"]) == ("orders", "healthy")


def test_a_second_time_it_goes_by_the_key_of_the_first_and_keeps_your_settings(root: Clean, unpacked: Path) -> None:
    settings = root.path / "etc" / AGENT / "agent.toml"
    settings.write_text('log_level = "debug"\n')
    assert "no --key given" not in install(root, "agent")
    assert settings.read_text() == 'log_level = "debug"\n'
    sums = unpacked / "SHA256SUMS.sig"
    sound = sums.read_bytes()
    sums.write_bytes(bytes(64))
    assert "its signature is not by the key" in install(root, "agent", expect=1)
    sums.write_bytes(sound)


def test_removal_keeps_what_is_yours_and_purge_leaves_nothing(root: Clean, before: set[str]) -> None:
    install(root, "agent", "--uninstall")
    left = {path for path in root.listing() - before if not KEPT.fullmatch(path) and "collector" not in path}
    own = (f"etc/{AGENT}", f"var/lib/{AGENT}")
    shared = {path for path in left if (root.path / path).is_dir() and any((root.path / path).iterdir())}
    assert [path for path in left - shared if not path.startswith(own)] == [], "folders hold what is the collector's"
    install(root, "agent", "--key", "/root/release.pub")
    install(root, "agent", "--uninstall", "--purge")
    install(root, "collector", "--uninstall", "--purge")
    assert [path for path in root.listing() - before if not KEPT.fullmatch(path)] == []
    assert COLLECTOR not in (root.path / "etc/passwd").read_text()
