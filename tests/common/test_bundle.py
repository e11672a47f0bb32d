"""Bundles and receipts as bytes: whatever is not exactly what was signed is refused with a reason."""

import io
import tarfile
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common import bundle, wire
from common.bundle import Manifest, Place, Receipt, Writer
from common.identity import NotAuthentic, PrivateKey
from common.wire import Assignment, WireError

AT = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
KEY = PrivateKey.generate()


def batch(first: int, count: int = 3) -> tuple[bytes, str]:
    seqs = range(first, first + count)
    lines = [wire.record_line(seq, "run", AT, {"n": seq}) for seq in seqs]
    header, body = wire.pack(lines, agent="agt_1", epoch="e" * 20, stream="bulk", seqs=seqs, boot="b", sent_at=AT)
    return body, KEY.sign(header)


def manifest(writer: Writer, **changes: object) -> Manifest:
    given: dict[str, object] = {
        "format": bundle.FORMAT,
        "agent": "agt_1",
        "key_id": KEY.key_id,
        "epoch": "e" * 20,
        "number": 7,
        "made_at": AT,
        "every_s": 86_400,
        "overlap": 3,
        "records": 6,
        "kept": 6,
        "carried": bundle.collected([(Place("e" * 20, "bulk"), (1, 6))]),
        "envelopes": tuple(writer.envelopes),
    }
    return Manifest(**{**given, **changes})  # type: ignore[arg-type]  # keyword arguments of one struct


def made(*, batches: int = 2, **changes: object) -> bytes:
    writer = Writer(AT)
    content = b"".join(writer.add(*batch(1 + 3 * number)) for number in range(batches))
    signed = wire.encode(manifest(writer, **changes))
    return content + writer.end(signed, KEY.sign(signed))


WHOLE = made()


def refusal(content: bytes) -> WireError:
    with pytest.raises(WireError) as caught:
        read(content)
    return caught.value


def read(content: bytes) -> tuple[Manifest, list[bytes]]:
    """As an import does, as far as it is about bytes."""
    opened = bundle.opened(io.BytesIO(content))
    opened.prove(KEY.public)
    found = list(bundle.batches(io.BytesIO(content)))
    for one in found:
        KEY.public.verify(wire.unpack(one.body).signed, one.signature)
    return opened.manifest, [one.body for one in found]


def test_a_bundle_reads_as_it_was_written() -> None:
    opened = bundle.opened(io.BytesIO(WHOLE))
    opened.prove(KEY.public)
    assert (opened.manifest.number, opened.key_id) == (7, KEY.key_id)
    assert [one.body for one in bundle.batches(io.BytesIO(WHOLE))] == [batch(1)[0], batch(4)[0]]
    assert bundle.file_name(opened.manifest) == "fieldpost-agt_1-eeeeeeee-000007.bundle"


def test_any_tar_lists_what_is_in_a_bundle() -> None:
    with tarfile.open(fileobj=io.BytesIO(WHOLE)) as archive:
        assert archive.getnames() == [
            "000001.ndjson.gz",
            "000001.jws",
            "000002.ndjson.gz",
            "000002.jws",
            "manifest.json",
            "manifest.jws",
        ]
        (first, *_) = archive.getmembers()
        content = archive.extractfile(first)
        assert content is not None
        lines = zlib.decompress(content.read(), 31).splitlines()
    assert len(lines) == 4


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
def test_a_bundle_that_is_cut_off_anywhere_is_refused(length: int) -> None:
    assert refusal(WHOLE[:length]).code in {"malformed", "digest"}


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_a_flipped_bit_is_found_wherever_it_is_or_changes_nothing(place: int, bit: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[place] ^= 1 << bit
    try:
        found = read(bytes(damaged))
    except (WireError, NotAuthentic):
        return
    assert found == read(WHOLE)


def test_batches_in_another_order_are_refused() -> None:
    writer = Writer(AT)
    first, second = batch(1), batch(4)
    signed = wire.encode(manifest(_of(first, second)))
    content = writer.add(*second) + writer.add(*first) + writer.end(signed, KEY.sign(signed))
    assert refusal(content).code == "digest"


def _of(*batches: tuple[bytes, str]) -> Writer:
    writer = Writer(AT)
    for one in batches:
        writer.add(*one)
    return writer


def test_a_batch_more_or_less_than_the_manifest_names_is_refused() -> None:
    for batches in (1, 3):
        writer = Writer(AT)
        content = b"".join(writer.add(*batch(1 + 3 * number)) for number in range(batches))
        signed = wire.encode(manifest(_of(batch(1), batch(4))))
        assert "not those that its manifest names" in refusal(content + writer.end(signed, KEY.sign(signed))).detail


def test_bytes_behind_its_end_are_refused() -> None:
    assert "follows it" in refusal(WHOLE + b"x").detail
    assert "follows it" in refusal(WHOLE + WHOLE).detail


def test_what_is_no_plain_file_or_has_a_foreign_name_is_refused() -> None:
    for name, kind in (("../000001.ndjson.gz", tarfile.REGTYPE), ("000001.ndjson.gz", tarfile.SYMTYPE)):
        about = tarfile.TarInfo(name)
        about.type, about.linkname = kind, "/etc/passwd"
        assert refusal(about.tobuf(tarfile.USTAR_FORMAT) + WHOLE).code == "malformed"


def test_a_file_that_claims_to_be_huge_is_refused_before_it_is_read() -> None:
    about = tarfile.TarInfo("000001.ndjson.gz")
    about.size = 8 * 1024**3 - 1
    assert refusal(about.tobuf(tarfile.USTAR_FORMAT)).code == "too_large"


def test_a_batch_that_unpacks_to_more_than_a_batch_may_be_is_refused() -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = bomb.compress(bytes(wire.MAX_UNPACKED + 1)) + bomb.flush()
    writer = Writer(AT)
    content = writer.add(body, KEY.sign(b""))
    signed = wire.encode(manifest(writer))
    assert refusal(content + writer.end(signed, KEY.sign(signed))).code == "too_large"


def test_a_bundle_of_a_later_format_is_refused_by_that_name() -> None:
    error = refusal(made(format=2))
    assert (error.code, error.detail) == ("protocol", "bundle: format 2; this release reads 1")


def test_a_bundle_signed_by_somebody_else_is_refused() -> None:
    opened = bundle.opened(io.BytesIO(WHOLE))
    with pytest.raises(WireError, match="signature"):
        opened.prove(PrivateKey.generate().public)


def test_what_is_no_bundle_at_all_is_refused() -> None:
    for content in (b"", b"x" * 600, bytes(2_000), b"PK\x03\x04" + bytes(1_000)):
        assert refusal(content).code == "malformed"


# --- receipts ------------------------------------------------------------------------------------------------------

RECEIPT = Receipt(
    format=bundle.FORMAT,
    agent="agt_1",
    number=5,
    made_at=AT,
    not_after=AT + timedelta(days=30),
    stored=bundle.collected([(Place("e", "bulk"), (1, 9))]),
    missing=(),
    assignment=Assignment(version="v1"),
)
SEALED = bundle.seal(RECEIPT, KEY)


def test_a_receipt_reads_as_it_was_written() -> None:
    assert bundle.open_receipt(SEALED, KEY.public) == RECEIPT
    assert bundle.receipt_name(RECEIPT) == "fieldpost-agt_1-5.receipt"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(SEALED) - 1), st.integers(0, 7))
def test_a_receipt_with_a_flipped_bit_is_refused_or_says_the_same(place: int, bit: int) -> None:
    damaged = bytearray(SEALED)
    damaged[place] ^= 1 << bit
    try:
        found = bundle.open_receipt(bytes(damaged), KEY.public)
    except WireError:
        return
    assert found == RECEIPT


def test_a_receipt_that_is_cut_off_or_has_more_lines_is_refused() -> None:
    for content in (b"", SEALED[:-1], SEALED.partition(b"\n")[0], SEALED + b"\n", SEALED + SEALED):
        with pytest.raises(WireError):
            bundle.open_receipt(content, KEY.public)


def test_ranges_are_kept_by_place_and_joined() -> None:
    one, other = Place("e", "live"), Place("e", "bulk")
    found = bundle.collected([(one, (5, 6)), (other, (1, 1)), (one, (1, 4))])
    assert [(ranges.place, ranges.ranges) for ranges in found] == [(other, ((1, 1),)), (one, ((1, 6),))]
    assert list(bundle.spread(found)) == [(other, (1, 1)), (one, (1, 6))]
