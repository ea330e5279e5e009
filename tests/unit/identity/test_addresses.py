"""Addresses of the network, as they are counted."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.identity.addresses import counted_as, digest


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" 192.0.2.1 ", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unknown", ""),
        ("192.0.2.1, 192.0.2.2", ""),
        ("192.0.2.256", ""),
    ],
)
def test_what_counts_as_one_address(address: str, counted: str) -> None:
    """One of IPv4, however it is written; of IPv6 one customer's network; and all that is none together."""
    assert counted_as(address) == counted


@given(st.ip_addresses() | st.text(), st.ip_addresses(), st.text(min_size=1))
def test_a_digest_hides_an_address(address: object, other: object, key: str) -> None:
    """Of any text it has one form, and tells addresses apart; without the key nobody makes it."""
    one = digest(str(address), key=key)
    assert re.fullmatch("[0-9a-f]{32}", one)
    assert (one == digest(str(other), key=key)) == (counted_as(str(address)) == counted_as(str(other)))
    assert one != digest(str(address), key=key + "x")
