"""What a proxy says of the one who asks, and when it is believed."""

from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.core.forwarded import Proxies, Seen, seen

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
PEER = "10.0.0.1"


def headers(**given: str) -> list[tuple[bytes, bytes]]:
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ({}, PEER),
        ({"x_forwarded_for": "198.51.100.7"}, "198.51.100.7"),
        ({"x_forwarded_for": "203.0.113.9, 198.51.100.7"}, "198.51.100.7"),
        ({"x_forwarded_for": "203.0.113.9, 198.51.100.7, 10.9.9.9"}, "198.51.100.7"),
        ({"x_forwarded_for": "10.1.1.1, 10.2.2.2"}, "10.1.1.1"),
        ({"x_forwarded_for": "198.51.100.7:4711"}, "198.51.100.7"),
        ({"x_forwarded_for": "[2001:db8::7]:4711"}, "2001:db8::7"),
        ({"x_forwarded_for": "::ffff:198.51.100.7"}, "198.51.100.7"),
        ({"x_forwarded_for": "203.0.113.9, unknown, 10.2.2.2"}, "10.2.2.2"),
        ({"x_forwarded_for": "nonsense"}, PEER),
        ({"x_forwarded_for": "fe80::1%eth0"}, PEER),
        ({"forwarded": 'for=203.0.113.9, for="[2001:db8::7]:47";proto=https'}, "2001:db8::7"),
        ({"forwarded": "for=_hidden"}, PEER),
        ({"x_forwarded_for": "198.51.100.7", "forwarded": "for=198.51.100.7"}, "198.51.100.7"),
        ({"x_forwarded_for": "203.0.113.9", "forwarded": "for=198.51.100.7"}, PEER),
    ],
)
def test_the_last_hop_that_is_no_proxy_of_ours_is_who_asks(said: dict[str, str], client: str) -> None:
    assert seen(PEER, headers(**said), TRUSTED).client == client


def test_a_header_that_comes_twice_is_read_as_one() -> None:
    twice = [(b"x-forwarded-for", b"203.0.113.9"), (b"x-forwarded-for", b"198.51.100.7")]
    assert seen(PEER, twice, TRUSTED).client == "198.51.100.7"


@pytest.mark.parametrize(
    ("said", "scheme"),
    [
        ({"x_forwarded_proto": "https"}, "https"),
        ({"x_forwarded_proto": "http, HTTPS"}, "https"),
        ({"x_forwarded_proto": "gopher"}, ""),
        ({"forwarded": "for=198.51.100.7;Proto=HTTPS"}, "https"),
        ({}, ""),
    ],
)
def test_the_scheme_is_the_nearest_proxys(said: dict[str, str], scheme: str) -> None:
    assert seen(PEER, headers(**said), TRUSTED).scheme == scheme


@pytest.mark.parametrize(
    ("value", "verified"), [("SUCCESS", True), ("NONE", False), ("FAILED:expired", False), ("", False)]
)
def test_a_client_certificate_counts_where_the_proxy_says_that_it_is_good(value: str, verified: bool) -> None:  # noqa: FBT001
    assert seen(PEER, headers(x_client_verify=value), TRUSTED).verified is verified


def test_a_claim_beside_the_proxys_own_word_is_not_enough() -> None:
    both = [(b"x-client-verify", b"SUCCESS"), (b"x-client-verify", b"NONE")]
    assert not seen(PEER, both, TRUSTED).verified


def test_nobody_is_believed_unless_named() -> None:
    assert not Proxies().trusts("127.0.0.1")
    assert not Proxies(TRUSTED).trusts("192.0.2.1")
    assert not Proxies(TRUSTED).trusts("")
    assert Proxies(TRUSTED).trusts("10.1.2.3")
    assert Proxies(TRUSTED).trusts("::ffff:10.1.2.3")
    assert Proxies(on_socket=True).trusts("")


@settings(max_examples=200, deadline=None)
@given(claims=st.text(max_size=60), last=st.sampled_from(["198.51.100.7", "2001:db8::7"]))
def test_no_claim_to_the_left_changes_who_asks(claims: str, last: str) -> None:
    said = [(b"x-forwarded-for", f"{claims}, {last}".encode("latin-1", "ignore"))]
    assert seen(PEER, said, TRUSTED) == Seen(last, "", verified=False)
