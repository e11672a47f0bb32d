"""Broken requests follow from their chance; receivers see through wrong signatures; dialects differ as they should."""

import hashlib
import hmac
import time
from base64 import b64encode
from pathlib import Path

import orjson
import pytest

from collector.prove.proof import Terms
from collector.prove.proofs import _receiver
from collector.prove.proofs._chance import chance
from collector.prove.proofs._dialects import DIALECTS
from collector.prove.proofs._mangled import BODIES, Envelopes, raw, target
from common.identity import PrivateKey

LINE = b'{"seq":1,"kind":"run","at":"2026-05-14T03:00:00Z","body":{"run":"r","connection":"db1","outcomes":[]}}'


def test_the_same_chance_makes_the_same_request(tmp_path: Path) -> None:
    terms = Terms(seed=9, quick=True, folder=tmp_path)
    for number in range(40):
        one, other = chance(terms, number), chance(terms, number)
        assert raw(one) == raw(other)
        assert target(one, "/api/{a}/b", {"a": "1"}) == target(other, "/api/{a}/b", {"a": "1"})
        assert [make(one, ("a", "b")) for make in BODIES.values()] == [
            make(other, ("a", "b")) for make in BODIES.values()
        ]


def test_envelopes_are_broken_in_every_way_without_breaking_who_makes_them(tmp_path: Path) -> None:
    envelopes = Envelopes(agent="agt_1", key=PrivateKey.generate(), lines=(LINE, LINE))
    terms = Terms(seed=9, quick=True, folder=tmp_path)
    made = {envelopes.sent(chance(terms, number)).what for number in range(60)}
    assert len(made) > 8


def signed(secret: bytes, body: bytes, sent_at: int) -> dict[str, str]:
    digest = hmac.new(secret, b"msg_1.%d." % sent_at + body, hashlib.sha256).digest()
    signature = f"v1,{b64encode(digest).decode()}"
    return {"webhook-id": "msg_1", "webhook-timestamp": str(sent_at), "webhook-signature": signature}


@pytest.mark.parametrize(
    ("secret", "body", "late", "fault"),
    [
        (b"k" * 32, b'{"data":{"title":"7"}}', 0, ""),
        (b"x" * 32, b'{"data":{"title":"7"}}', 0, "its signature does not fit"),
        (b"k" * 32, b'{"data":{"title":"7"}}', 900, "its timestamp is"),
        (b"k" * 32, b"{}", 0, "its body is"),
    ],
)
def test_the_receiver_says_what_is_wrong_with_a_delivery(secret: bytes, body: bytes, late: int, fault: str) -> None:
    headers = signed(secret, body, int(time.time()) - late)
    assert _receiver._fault(f"whsec_{b64encode(b'k' * 32).decode()}", headers, body).startswith(fault)
    assert bool(fault) == bool(_receiver._fault(f"whsec_{b64encode(b'k' * 32).decode()}", headers, body))


def test_older_versions_leave_out_and_newer_ones_add_on_every_level() -> None:
    record = {"kind": "run", "body": {"outcomes": [{"check": "A", "cap": 40}]}}
    header = {"agent": "agt_1", "instance": "i", "host": "h"}
    oldest, before, ours, newest = DIALECTS
    assert oldest.record(record)["body"]["outcomes"] == [{"check": "A"}]
    assert before.header(header) == {"agent": "agt_1"}
    assert (ours.record(record), ours.header(header)) == (record, header)
    richer = newest.record(record)
    assert richer["body"]["outcomes"][0].items() > record["body"]["outcomes"][0].items()  # type: ignore[index]  # a literal
    assert orjson.loads(orjson.dumps(richer))["labels"] == {"team": "dba"}
