"""Files of an enrolment: whoever changes one on its way is noticed."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common import admission, wire
from common.admission import AdmissionError, Reply
from common.identity import PrivateKey

NOW = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
HOST, COLLECTOR = PrivateKey.generate(), PrivateKey.generate()


def request() -> bytes:
    return admission.request_file(HOST, name="db-1", hostname="db01", version="0.7.0", host="h1", at=NOW)


def reply() -> Reply:
    return Reply(
        key_id=HOST.key_id,
        agent="agt_1",
        tenant="acme",
        name="db-1",
        collector_key=COLLECTOR.public.text,
        made_at=NOW,
    )


def test_a_request_says_who_asks_and_is_signed_by_the_key_that_it_brings() -> None:
    asked, key = admission.read_request(request())
    assert (asked.name, asked.hostname, asked.host, key.key_id) == ("db-1", "db01", "h1", HOST.key_id)


def test_a_reply_is_signed_by_the_key_that_it_names() -> None:
    found, key = admission.read_reply(admission.reply_file(reply(), COLLECTOR))
    assert found == reply()
    assert key.key_id == COLLECTOR.key_id
    with pytest.raises(AdmissionError, match="signature does not fit"):
        admission.read_reply(admission.reply_file(reply(), HOST))


def test_one_is_not_taken_for_the_other() -> None:
    with pytest.raises(AdmissionError, match="expected an enrolment reply"):
        admission.read_reply(request())
    with pytest.raises(AdmissionError, match="expected an enrolment request"):
        admission.read_request(admission.reply_file(reply(), COLLECTOR))


def test_what_a_later_release_adds_does_no_harm() -> None:
    file = msgspec.json.decode(request())
    content = wire.encode({**file["content"], "mood": "good"})
    later = b'{"content":%s,"signature":"%s"}' % (content, HOST.sign(content).encode())
    assert admission.read_request(later)[0].name == "db-1"


@given(st.integers(0, 600), st.integers(0, 7))
def test_a_file_with_one_bit_turned_says_the_same_or_nothing(place: int, bit: int) -> None:
    damaged = bytearray(request())
    damaged[place % len(damaged)] ^= 1 << bit
    try:
        asked, key = admission.read_request(bytes(damaged))
    except AdmissionError:
        return
    assert (asked.name, asked.hostname, key.key_id) == ("db-1", "db01", HOST.key_id)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_plain_refusal(content: bytes) -> None:
    with pytest.raises(AdmissionError):
        admission.read_request(content)


def test_a_fingerprint_is_in_groups_of_four() -> None:
    assert admission.fingerprint("0123456789abcdef0123456789abcdef") == "0123 4567 89ab cdef 0123 4567 89ab cdef"
