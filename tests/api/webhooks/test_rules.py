"""Webhooks go to the public internet, and nowhere else."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.webhooks import rules

LOCAL = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
        "no address",
    ],
)
def test_special_addresses_are_refused(address: str) -> None:
    assert not rules.is_allowed(address, ())


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "::ffff:1.1.1.1", "2606:4700::1111", "2a00:1450::1"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert rules.is_allowed(address, ())


@given(st.ip_addresses(v=4))
def test_writing_an_address_as_ipv6_changes_nothing(address: ipaddress.IPv4Address) -> None:
    assert rules.is_allowed(f"::ffff:{address}", ()) == rules.is_allowed(str(address), ())


@given(st.ip_addresses())
def test_nothing_private_is_allowed(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if rules.is_allowed(str(address), ()):
        plain = getattr(address, "ipv4_mapped", None) or address
        assert plain.is_global
        assert not plain.is_multicast


def test_an_operator_may_open_a_network() -> None:
    assert rules.is_allowed("127.0.0.1", LOCAL)
    assert not rules.is_allowed("10.0.0.1", LOCAL)
    assert rules.refusal("http://127.0.0.1:9000/hook", LOCAL) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "ftp://example.com",
        "https://user:pass@example.com",
        "https://user@example.com",
        "https://example.com/#part",
        "https://10.0.0.1/hook",
        "https://[::1]/hook",
        "https://[::ffff:169.254.169.254]/",
        "https://example.com:99999/",
        "https:///hook",
        "https://exa mple.com/",
        "https://example.com/\nHost: other",
        "https://[::1",
        "hook",
    ],
)
def test_refused_urls(url: str) -> None:
    assert rules.refusal(url, ()) is not None


def test_a_plain_url_is_fine() -> None:
    assert rules.refusal("https://example.com:8443/hook?of=molt", ()) is None


def test_attempts_come_later_and_later_and_end() -> None:
    pauses = [rules.pause(failures) for failures in range(1, 11)]
    assert pauses[-1] is None
    seconds = [each.total_seconds() for each in pauses if each]
    assert seconds == sorted(seconds)
    assert (4 <= seconds[0] <= 6, 40_000 <= seconds[-1] <= 61_000) == (True, True)
