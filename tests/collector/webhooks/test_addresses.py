"""No address is reached that the operator did not mean, however it is written or wrapped."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.domain.webhooks.addresses import Reach, allowed, check_host, check_syslog_port, check_url, unwrap

FORBIDDEN = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
    "240.0.0.0/4", "168.63.129.16/32",
]  # fmt: skip


def v4(address: str) -> int:
    return int(IPv4Address(address))


def wrapped(inner: int) -> list[IPv6Address]:
    """Every form in which an IPv6 address carries an IPv4 one."""
    return [
        IPv6Address(int(IPv6Address("::ffff:0:0")) | inner),
        IPv6Address(inner) if inner > 1 else IPv6Address("::ffff:0:0"),
        IPv6Address(int(IPv6Address("64:ff9b::")) | inner),
        IPv6Address(int(IPv6Address("64:ff9b:1::")) | inner),
        IPv6Address(int(IPv6Address("2002::")) | inner << 80 | 1),
        IPv6Address(int(IPv6Address("2001::")) | inner << 64 | (v4("8.8.8.8") ^ 0xFFFFFFFF)),
        IPv6Address(int(IPv6Address("2001::")) | v4("8.8.8.8") << 64 | (inner ^ 0xFFFFFFFF)),
        IPv6Address(int(IPv6Address("2600::5efe:0:0")) | inner),
    ]


forbidden = st.sampled_from(FORBIDDEN).flatmap(lambda text: st.ip_addresses(v=4, network=text))


@given(inner=forbidden)
@settings(max_examples=150, deadline=None)
def test_what_is_forbidden_stays_so_in_every_wrapping(inner: IPv4Address) -> None:
    assert not allowed(inner, ())
    for address in wrapped(int(inner)):
        assert not allowed(address, ()), address


@given(inner=st.ip_addresses(v=4))
@settings(max_examples=150, deadline=None)
def test_a_wrapping_allows_no_more_than_what_is_in_it(inner: IPv4Address) -> None:
    for networks in ((), (ip_network("10.0.0.0/8"),), (ip_network("0.0.0.0/0"), ip_network("::/0"))):
        for address in wrapped(int(inner)):
            assert not allowed(address, networks) or allowed(inner, networks), address


@given(address=st.ip_addresses())
@settings(max_examples=150, deadline=None)
def test_listing_everything_still_leaves_out_what_is_never_meant(address: IPv4Address | IPv6Address) -> None:
    everything = (ip_network("0.0.0.0/0"), ip_network("::/0"))
    never = any(part.is_loopback or part.is_link_local or part.is_multicast for part in unwrap(address))
    assert not (never and allowed(address, everything))


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::1"]
)
def test_the_public_internet_is_reached(text: str) -> None:
    assert allowed(ip_address(text), ())


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "169.254.169.254", "168.63.129.16", "ff02::1",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "2002:7f00:1::1", "::ffff:10.0.0.1", "::127.0.0.1", "100.64.0.1",
        "2001:0:808:808::f5ff:fffe", "2001:db8::1", "0.0.0.1", "255.255.255.255",
    ],
)  # fmt: skip
def test_known_ways_inside_are_closed(text: str) -> None:
    assert not allowed(ip_address(text), ())


def test_a_listed_network_is_reached_in_every_wrapping_but_loopback_has_to_be_listed_by_itself() -> None:
    ten = (ip_network("10.0.0.0/8"),)
    assert allowed(ip_address("10.1.2.3"), ten)
    assert allowed(ip_address("::ffff:10.1.2.3"), ten)
    assert not allowed(ip_address("192.168.0.1"), ten)
    assert not allowed(ip_address("127.0.0.1"), (IPv4Network("0.0.0.0/0"),))
    assert allowed(ip_address("127.0.0.1"), (IPv4Network("127.0.0.0/8"),))
    assert allowed(ip_address("169.254.1.1"), (IPv4Network("169.254.1.0/24"),))


PUBLIC = Reach()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/", "scheme 'http'; expected https"),
        ("ftp://example.com/", "scheme 'ftp'"),
        ("example.com/hook", "scheme ''"),
        ("https://ana:pw@example.com/", "user or a password"),
        ("https://example.com/#x", "fragment"),
        ("https://", "expected the name"),
        ("https://example.com:22/", "port 22; expected one of 443, 8443"),
        ("https://example.com:0/", "port 0"),
        ("https://example.com:99999/", "port is not a number"),
        ("https://127.0.0.1/", "not allowed"),
        ("https://[::1]/", "not allowed"),
        ("https://[::ffff:127.0.0.1]/", "not allowed"),
        ("https://[fe80::1%25eth0]/", "not allowed|expected the name"),
        ("https://2130706433/", "expected the name"),
        ("https://0x7f.1/", "expected the name"),
        ("https://127.1/", "expected the name"),
        ("https://0177.0.0.1/", "expected the name"),
        ("https://exa mple.com/", "not printable"),
        ("https://example.com\\@127.0.0.1/", "not printable"),
        ("https://ex\u00e4mple.com/", "not printable"),
        ("https://example.com/" + "a" * 2048, "over 2048"),
        ("https://[::1/", "cannot be parsed"),
        ("https://a..b/", "expected the name"),
    ],
)
def test_a_url_that_cannot_be_a_receiver_is_refused_by_name(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"url: .*({why})") as refused:
        check_url(url, PUBLIC)
    assert "pw" not in str(refused.value)


def test_what_the_operator_allows_is_accepted() -> None:
    assert check_url("https://hooks.example.com/a?b=c", PUBLIC)
    assert check_url("https://hooks.example.com:8443/", PUBLIC)
    wide = Reach(networks=(ip_network("127.0.0.0/8"),), ports=frozenset({9000}), plain_http=True)
    assert check_url("http://127.0.0.1:9000/hook", wide)
    assert check_url("http://siem.example.com/hook", wide)
    assert check_host("siem.example.com.", PUBLIC)
    assert check_syslog_port(6514, PUBLIC)
    with pytest.raises(ValueError, match=r"port: port 22; expected one of 514, 601, 6514"):
        check_syslog_port(22, PUBLIC)


@given(url=st.text(max_size=60) | st.from_regex(r"https?://[^/]{0,30}(/.*)?", fullmatch=True))
@settings(max_examples=200, deadline=None)
def test_any_text_is_accepted_or_refused_and_nothing_else(url: str) -> None:
    assert refusal(url).startswith(("url: ", "accepted"))


def refusal(url: str) -> str:
    try:
        check_url(url, PUBLIC)
    except ValueError as refused:
        return str(refused)
    return "accepted"
