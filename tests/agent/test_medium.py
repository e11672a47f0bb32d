"""Files that somebody carries are whole under their name, or not there."""

import errno
import os
from pathlib import Path

import pytest

from agent.medium import drafted


def test_a_file_has_its_name_only_once_it_is_whole(tmp_path: Path) -> None:
    with drafted(tmp_path) as draft:
        draft.write(b"half")
        assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
        draft.sync("whole")
        assert not (tmp_path / "whole").exists()
        assert draft.publish("whole").read_bytes() == b"half"
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_a_draft_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int, _content: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def write() -> None:
        with drafted(tmp_path) as draft:
            draft.write(b"first")
            monkeypatch.setattr(os, "write", full)
            draft.write(b"second")

    with pytest.raises(OSError, match="No space"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "bundle").write_bytes(b"another")
    with drafted(tmp_path) as draft:
        draft.write(b"mine")
        with pytest.raises(FileExistsError):
            draft.sync("bundle")
    assert (tmp_path / "bundle").read_bytes() == b"another"
