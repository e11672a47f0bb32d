"""The right wheel is taken for each machine, by tag, hash and the C library that it asks for."""

import hashlib
import zipfile
from pathlib import Path

import pytest
from making.errors import PackagingError
from making.pins import Pin
from making.targets import Target
from making.wheels import fetch, glibc_need, glibc_needs

HERE = Target("x86_64", "3.12")


def wheel(folder: Path, tags: str, content: bytes = b"", name: str = "thing-1.0") -> str:
    path = folder / f"{name}-{tags}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("thing/native.so", content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pin(*hashes: str) -> Pin:
    return Pin("thing", "1.0", "", frozenset(hashes))


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        (("cp312-cp312-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_34_x86_64"), "manylinux_2_28"),
        (("cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64", "py3-none-any"), "cp312"),
        (("cp38-abi3-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_28_x86_64"), "abi3"),
        (("py3-none-any", "cp312-cp312-musllinux_1_2_x86_64"), "any"),
        (("py3-none-manylinux_2_28_aarch64", "py3-none-any"), "any"),
    ],
)
def test_the_best_wheel_that_runs_there_is_taken(tmp_path: Path, there: tuple[str, ...], taken: str) -> None:
    hashes = [wheel(tmp_path, tags, tags.encode()) for tags in there]
    (found,) = fetch([pin(*hashes)], HERE, tmp_path, download=False)
    assert taken in found.file


@pytest.mark.parametrize("tags", ["cp312-cp312-manylinux_2_34_x86_64", "cp313-cp313-manylinux_2_28_x86_64"])
def test_a_wheel_that_does_not_run_there_is_none(tmp_path: Path, tags: str) -> None:
    with pytest.raises(PackagingError, match=r"thing==1\.0: no wheel for x86_64 and Python 3\.12"):
        fetch([pin(wheel(tmp_path, tags))], HERE, tmp_path, download=False)


def test_a_wheel_whose_hash_is_not_pinned_is_not_taken(tmp_path: Path) -> None:
    wheel(tmp_path, "py3-none-any")
    with pytest.raises(PackagingError, match="no wheel"):
        fetch([pin("0" * 64)], HERE, tmp_path, download=False)


def test_a_pin_for_other_pythons_is_left_out(tmp_path: Path) -> None:
    other = Pin("thing", "1.0", "python_full_version < '3.12'", frozenset())
    assert fetch([other], HERE, tmp_path, download=False) == ()


def test_the_c_library_that_an_object_asks_for_is_read_from_it(tmp_path: Path) -> None:
    content = b"\x7fELF\0GLIBC_2.2.5\0GLIBC_2.17\0GLIBC_2.9\0"
    wheel(tmp_path, "py3-none-any", content)
    assert glibc_needs(next(tmp_path.glob("*.whl"))) == {"thing/native.so": (2, 17)}


def test_words_that_only_look_like_a_version_count_for_nothing() -> None:
    assert glibc_need(b"see GLIBC_2.99 for more\0") == (0, 0)
