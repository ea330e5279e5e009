"""Addresses of the network, as they are counted: never themselves, but a digest that only this backend can make. Pure.

A plain digest would hide nothing: there are few enough addresses to try them all.
"""

import hmac
from hashlib import sha256
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

_NETWORK_BITS: Final = 64
"""What of an IPv6 address is one customer's: whoever has a network has 2**64 addresses in it
(https://www.rfc-editor.org/rfc/rfc6177#section-2)."""
_DIGITS: Final = 32
"""Hexadecimal digits of a digest: 128 bits."""


def counted_as(address: str) -> str:
    """The address, or of IPv6 the network that it is of; empty where it is none: all such count as one."""
    try:
        found = ip_address(address.strip())
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Network((int(found), _NETWORK_BITS), strict=False))
    return str(found)


def digest(address: str, *, key: str) -> str:
    """What stands for an address as long as the key is the same."""
    counted = f"chatkit-address:{counted_as(address)}"
    return hmac.new(key.encode(), counted.encode(), sha256).hexdigest()[:_DIGITS]
