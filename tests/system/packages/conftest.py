"""Packages made once for all tests here, and a clean Debian to install them in."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.standins.processes import ROOT
from tests.system.packages.island import Clean, Island, pristine_root

ONLY_HERE = ("--arch", "x86_64", "--python", "3.11")
"""What the clean root can run. All architectures and versions cost three minutes; `make packages` makes them."""


@dataclass(frozen=True, slots=True)
class Made:
    """One run of `make packages`."""

    folder: Path
    version: str

    def deb(self, program: str) -> Path:
        return self.folder / f"fieldpost-{program}_{self.version}_amd64.deb"

    def rpm(self, program: str) -> Path:
        return self.folder / f"fieldpost-{program}-{self.version}-1.x86_64.rpm"

    @property
    def bundle(self) -> Path:
        return self.folder / f"fieldpost-{self.version}-offline.tar"

    @property
    def public_key(self) -> Path:
        return self.folder / "release.pub"


def make(folder: Path, version: str, *options: object) -> Made:
    for tool in ("dpkg-deb", "rpmbuild"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    command = [sys.executable, ROOT / "packaging" / "make_packages.py", "--out", folder, "--version", version, *options]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return Made(folder, version)


@pytest.fixture(scope="session")
def release_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "release.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True)
    return path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, release_key: Path) -> Made:
    return make(tmp_path_factory.mktemp("made"), "1.2.0", *ONLY_HERE, "--key", release_key)


@pytest.fixture(scope="session")
def newer(tmp_path_factory: pytest.TempPathFactory, made: Made) -> Made:  # noqa: ARG001 - its wheels are there by then
    return make(tmp_path_factory.mktemp("newer"), "1.3.0", *ONLY_HERE, "--no-download", "--only", "deb", "rpm")


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("pristine")
    trouble = pristine_root(target)
    if trouble:
        pytest.skip(trouble)
    return target


@pytest.fixture(scope="module")
def island() -> Iterator[Island]:
    island = Island.make()
    yield island
    island.end()


@pytest.fixture(scope="module")
def root(pristine: Path, island: Island, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clean]:
    path = tmp_path_factory.mktemp("roots") / "root"
    yield Clean.copy(pristine, path, island)
    shutil.rmtree(path, ignore_errors=True)
