"""The file of a price book, what it refuses, and taking one into use."""

import gzip
import json
from datetime import date
from pathlib import Path

import msgspec
import pytest

from agent.aws.prices import book as books
from agent.aws.prices.book import PriceBook, faults, pack, unpack
from agent.aws.prices.store import FILE_NAME, current, install
from agent.reference_data import KEYS_FILE
from common.errors import ConfigurationError
from common.identity import PrivateKey
from common.sealed import seal

TODAY = date(2026, 7, 1)
LINEAR = {f"linux/m5.{size}": price for size, price in (("large", 0.1), ("xlarge", 0.2), ("2xlarge", 0.4))}


def made(prices: dict[str, float] | None = None, *, day: str = "2026-06-01") -> PriceBook:
    return PriceBook(as_of=day, source="test", regions={"eu-west-1": {"ec2": prices or LINEAR}})


def take(tmp_path: Path, content: bytes, *, unsigned: bool = True, force: bool = False) -> PriceBook:
    file = tmp_path / "given"
    file.write_bytes(content)
    return install(file, state_dir=tmp_path / "state", config_dir=tmp_path, today=TODAY, unsigned=unsigned, force=force)


def test_a_book_comes_back_as_it_was_and_with_its_digest() -> None:
    found = unpack(pack(made()))
    assert found.regions == made().regions
    assert len(found.sha256) == 64
    assert pack(found) == pack(made())


def test_the_file_has_the_documented_names() -> None:
    document = json.loads(gzip.decompress(pack(made())))
    assert {"asOf", "source", "sha256", "currency", "regions"} <= set(document)


def test_a_price_that_was_changed_afterwards_is_seen() -> None:
    document = json.loads(gzip.decompress(pack(made())))
    document["regions"]["eu-west-1"]["ec2"]["linux/m5.large"] = 0.01
    with pytest.raises(ConfigurationError, match="sha256"):
        unpack(gzip.compress(json.dumps(document).encode()))


@pytest.mark.parametrize(
    "content", [b"", b"hello", gzip.compress(b"{}", mtime=0), gzip.compress(b"[1]", mtime=0), pack(made())[:-9]]
)
def test_what_is_no_book_is_refused(content: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"not a (gzip|price)"):
        unpack(content)


def test_a_book_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "MAX_UNPACKED", 100)
    with pytest.raises(ConfigurationError, match="more than 100 bytes"):
        unpack(gzip.compress(b" " * 200))


def test_another_currency_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="currency: `EUR`"):
        unpack(pack(msgspec.structs.replace(made(), currency="EUR")))


# --- the self-check ------------------------------------------------------------------------------------------------


def test_a_zero_is_a_fault() -> None:
    assert faults(made({**LINEAR, "linux/m5.4xlarge": 0.0}))[0].startswith("eu-west-1 ec2 linux/m5.4xlarge: `0.0`")


def test_families_that_do_not_grow_with_size_are_a_fault() -> None:
    crooked = {"linux/m5.large": 0.1, "linux/m5.xlarge": 0.1, "linux/c5.large": 0.1, "linux/c5.xlarge": 0.3}
    assert "2 of 2 families do not grow" in faults(made(crooked))[0]


def test_a_jump_is_a_fault_and_a_step_is_none() -> None:
    dearer = {key: price * 1.29 for key, price in LINEAR.items()}
    assert faults(made(dearer), made()) == []
    twice = {key: price * 2 for key, price in LINEAR.items()}
    assert len(faults(made(twice), made())) == len(LINEAR)


def test_a_book_without_a_price_is_a_fault() -> None:
    assert faults(PriceBook(as_of="2026-06-01", source="", regions={})) == ["regions: there is no price in it"]


def test_a_book_of_more_than_90_days_is_stale() -> None:
    assert not made(day="2026-04-02").stale(TODAY)
    assert made(day="2026-04-01").stale(TODAY)


# --- taking one into use -------------------------------------------------------------------------------------------


def test_a_signed_book_is_taken_when_its_key_is_trusted(tmp_path: Path) -> None:
    key = PrivateKey.generate()
    (tmp_path / KEYS_FILE).write_text(f"{key.public.text} prices\n")
    take(tmp_path, seal(pack(made()), key), unsigned=False)
    found, wrong = current(tmp_path / "state")
    assert found is not None
    assert found.regions == made().regions
    assert wrong == ""
    with pytest.raises(ConfigurationError, match="not trusted"):
        take(tmp_path, seal(pack(made()), PrivateKey.generate()), unsigned=False)


def test_a_signed_book_needs_a_key_to_trust(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no key is trusted"):
        take(tmp_path, seal(pack(made()), PrivateKey.generate()), unsigned=True)


def test_a_book_without_a_signature_is_taken_only_when_told_to(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not signed"):
        take(tmp_path, pack(made()), unsigned=False)
    assert take(tmp_path, pack(made())).as_of == "2026-06-01"


def test_an_older_book_or_one_of_tomorrow_is_refused(tmp_path: Path) -> None:
    take(tmp_path, pack(made()))
    with pytest.raises(ConfigurationError, match="expected 2026-06-01 or later"):
        take(tmp_path, pack(made(day="2026-05-01")))
    with pytest.raises(ConfigurationError, match="expected a day that has come"):
        take(tmp_path, pack(made(day="2026-07-02")))


def test_a_book_that_jumps_is_refused_unless_forced(tmp_path: Path) -> None:
    take(tmp_path, pack(made()))
    twice = made({key: price * 2 for key, price in LINEAR.items()})
    with pytest.raises(ConfigurationError, match="expected within 30%"):
        take(tmp_path, pack(twice))
    assert take(tmp_path, pack(twice), force=True).value("ec2", "linux/m5.large", "eu-west-1") == 0.2


def test_a_damaged_book_in_use_is_ignored_and_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"\x1f\x8bnothing")
    found, wrong = current(tmp_path)
    assert found is None
    assert FILE_NAME in wrong
