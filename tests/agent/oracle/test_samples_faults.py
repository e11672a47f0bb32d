from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.oracle.samples import FILE_NAME, Note, Samples

AT = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
LATER = AT + timedelta(minutes=15)


def fill(samples: Samples) -> None:
    samples.remember("key", AT, [Note("CHECK", {"n": 1.0}, 3600)])
    samples.put_logon_off("key", LATER, "ORA-01017")


def read_only(samples: Samples, _path: Path) -> None:
    samples._db.execute("PRAGMA query_only = ON")


def full(samples: Samples, _path: Path) -> None:
    samples._db.execute("PRAGMA max_page_count = 1")
    for number in range(2_000):
        samples.remember(f"key {number}", AT, [Note("CHECK", {"n": float(number)}, 3600)])


@pytest.mark.parametrize("fault", [read_only, full])
def test_a_disk_that_takes_nothing_loses_neither_a_sample_nor_a_put_off_logon(
    tmp_path: Path, fault: Callable[[Samples, Path], None]
) -> None:
    with Samples(tmp_path / FILE_NAME) as samples:
        fill(samples)
        fault(samples, tmp_path)
        samples.remember("key", LATER, [Note("CHECK", {"n": 2.0}, 3600)])
        samples.put_logon_off("other", LATER, "ORA-28000")
        assert samples.history("key", ["CHECK"])["CHECK"][-1].values == {"n": 2.0}
        assert samples.logon_allowed_at("key") == (LATER, "ORA-01017")
        assert samples.logon_allowed_at("other") == (LATER, "ORA-28000")


def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(b"this is no database" * 500)
    with Samples(path) as samples:
        fill(samples)
    assert path.with_name(FILE_NAME + ".corrupt").exists()
    with Samples(path) as samples:
        assert samples.logon_allowed_at("key") == (LATER, "ORA-01017")


def test_a_file_that_cannot_be_opened_is_done_without(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with Samples(tmp_path / FILE_NAME) as samples:
        fill(samples)
        assert samples.logon_allowed_at("key") == (LATER, "ORA-01017")
