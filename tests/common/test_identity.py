"""Only the holder of the key is believed, for one request, for a short time; the class of a refusal is exact."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.identity import NotAuthentic, PrivateKey, PublicKey, key_id_of, verify_request

NOW = datetime(2026, 5, 14, 3, 0, tzinfo=UTC)
KEY = PrivateKey.generate()
OTHER = PrivateKey.generate()


def lookup(agent: str, key_id: str) -> PublicKey:
    if agent != "agt_1":
        raise NotAuthentic("unknown_agent", "no such agent")
    if key_id != KEY.key_id:
        raise NotAuthentic("key_unknown", "no such key")
    return KEY.public


def refusal(token: str, *, method: str = "GET", path: str = "/agent/v1/assignment", now: datetime = NOW) -> str:
    with pytest.raises(NotAuthentic) as refused:
        verify_request(token, method=method, path=path, now=now, lookup=lookup)
    return refused.value.failure


def token(key: PrivateKey = KEY, agent: str = "agt_1", at: datetime = NOW) -> str:
    return key.request_token(agent=agent, method="GET", path="/agent/v1/assignment", now=at)


def test_the_holder_of_the_key_is_believed() -> None:
    assert verify_request(token(), method="GET", path="/agent/v1/assignment", now=NOW, lookup=lookup).agent == "agt_1"


def test_another_request_with_the_same_token_is_not_believed() -> None:
    assert refusal(token(), method="POST") == "bad_signature"
    assert refusal(token(), path="/agent/v1/batches") == "bad_signature"


def test_each_refusal_has_its_class() -> None:
    assert refusal(token(agent="agt_2")) == "unknown_agent"
    assert refusal(token(OTHER)) == "key_unknown"
    forged = token().rpartition(".")[0] + "." + token(OTHER).rpartition(".")[2]
    assert refusal(forged) == "bad_signature"
    assert refusal(token(at=NOW - timedelta(minutes=10))) == "clock_skew"
    assert refusal(token(at=NOW + timedelta(minutes=10))) == "clock_skew"


def test_a_clock_two_minutes_off_is_tolerated() -> None:
    for offset in (-110, 110):
        at = NOW + timedelta(seconds=offset)
        verify_request(token(at=at), method="GET", path="/agent/v1/assignment", now=NOW, lookup=lookup)


def test_an_unsigned_token_is_refused() -> None:
    assert refusal("eyJhbGciOiJub25lIn0.eyJpc3MiOiJhZ3RfMSJ9.") in ("key_unknown", "bad_signature")


@given(st.text(max_size=200))
def test_any_text_in_place_of_a_token_is_a_plain_refusal(text: str) -> None:
    assert refusal(text) in ("bad_signature", "unknown_agent", "key_unknown")


def test_a_detached_signature_covers_every_byte() -> None:
    signature = KEY.sign(b"header")
    KEY.public.verify(b"header", signature)
    assert key_id_of(signature) == KEY.key_id
    for payload, key, text in ((b"headex", KEY, signature), (b"header", OTHER, signature), (b"header", KEY, "rubbish")):
        with pytest.raises(NotAuthentic):
            key.public.verify(payload, text)


def test_a_key_file_is_private_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "state" / "agent.key"
    KEY.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert PrivateKey.load(path).key_id == KEY.key_id
    assert [p.name for p in path.parent.iterdir()] == ["agent.key"]


def test_a_private_key_does_not_show_itself() -> None:
    assert repr(KEY) == f"PrivateKey({KEY.key_id})"


@pytest.mark.parametrize("text", ["", "AAAA", "%%%", "A" * 100])
def test_a_bad_public_key_says_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected 32 bytes as base64url"):
        PublicKey.parse(text)
