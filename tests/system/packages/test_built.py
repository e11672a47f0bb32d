"""What is made: the same bytes twice, no error of the lint, no newer C library asked for, a list of parts."""

import hashlib
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.system.packages.conftest import ONLY_HERE, Made, make

pytestmark = pytest.mark.system

NEWEST = (2, 28)


def digests(made: Made) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in made.folder.iterdir()}


def test_two_builds_give_the_same_bytes(made: Made, release_key: Path, tmp_path: Path) -> None:
    again = make(tmp_path, made.version, *ONLY_HERE, "--no-download", "--key", release_key)
    assert digests(again) == digests(made)


@pytest.mark.parametrize("program", ["agent", "collector"])
def test_lintian_finds_no_error(made: Made, program: str) -> None:
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed")
    done = subprocess.run(
        ["lintian", "--fail-on", "error", made.deb(program)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("program", ["agent", "collector"])
def test_no_shared_object_needs_a_newer_c_library(made: Made, program: str, tmp_path: Path) -> None:
    """By readelf, and not by what our own check reads; every wheel that is packed."""
    subprocess.run(["dpkg-deb", "-x", made.deb(program), tmp_path], check=True)
    wheels = sorted(tmp_path.glob("usr/lib/*/wheels/*.whl"))
    assert len(wheels) > 30
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            objects = [name for name in archive.namelist() if ".so" in Path(name).name]
            archive.extractall(tmp_path / "unpacked" / wheel.name, objects)
    found = [path for path in (tmp_path / "unpacked").rglob("*") if path.is_file()]
    assert len(found) > 10
    told = subprocess.run(["readelf", "-V", *found], capture_output=True, text=True, check=True).stdout
    needs = {(int(major), int(minor)) for major, minor in re.findall(r"Name: GLIBC_(\d+)\.(\d+)", told)}
    assert max(needs) <= NEWEST


def test_the_list_of_parts_names_every_wheel_with_its_hash_and_licence(made: Made) -> None:
    document = json.loads((made.folder / f"fieldpost-{made.version}.cdx.json").read_bytes())
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    parts = {component["name"]: component for component in document["components"]}
    assert {"cryptography", "oracledb", "boto3", "sqlalchemy", "psycopg-binary"} <= set(parts)
    assert not [name for name, part in parts.items() if not part["licenses"]]
    files = {file["name"]: file["hashes"][0]["content"] for part in parts.values() for file in part["components"]}
    packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", made.deb("agent")], capture_output=True, check=True).stdout
    names = subprocess.run(["tar", "-t"], input=packed, capture_output=True, check=True).stdout.decode().split()
    assert "./usr/lib/fieldpost-agent/fieldpost.cdx.json" in names
    for name in names:
        if name.endswith(".whl") and "/fieldpost-" not in name:
            assert len(files[Path(name).name]) == 64


def test_every_file_has_a_signature_that_plain_openssl_verifies(made: Made) -> None:
    signed = [path for path in made.folder.iterdir() if path.suffix not in (".sig", ".pub")]
    assert len(signed) == 7
    for path in signed:
        words = ["openssl", "pkeyutl", "-verify", "-pubin", "-rawin", "-inkey", str(made.public_key), "-in", str(path)]
        subprocess.run([*words, "-sigfile", f"{path}.sig"], check=True, stdout=subprocess.DEVNULL)


def test_without_a_key_it_says_that_nothing_is_signed(tmp_path: Path, made: Made) -> None:
    unsigned = tmp_path / "unsigned"
    make(unsigned, made.version, *ONLY_HERE, "--no-download", "--only", "deb", "--program", "collector")
    assert not list(unsigned.glob("*.sig"))
