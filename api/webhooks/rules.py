"""Where webhooks may go, and when a failed one is tried again. Pure."""

import ipaddress
import random
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MOST_WEBHOOKS = 10
PAUSES = tuple(timedelta(seconds=each) for each in (5, 30, 120, 300, 1800, 7200, 18_000, 36_000, 50_400))
"""After each failed attempt: 5 s to 14 h, 31 hours in all. Then the delivery is given up."""
_JITTER = 0.2
DISABLED_AFTER = timedelta(days=5)
"""Of nothing but failures."""
FORMER_SECRET_LASTS = timedelta(hours=24)

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_SPECIAL = tuple(ipaddress.IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
"""Within it: protocol assignments (Teredo among them), documentation, 6to4 (which carries an IPv4 address)."""
_RELAYS = ipaddress.IPv4Network("192.88.99.0/24")


def pause(failures: int) -> timedelta | None:
    """Before the next attempt, after so many (at least one); None: give up."""
    if failures > len(PAUSES):
        return None
    return PAUSES[failures - 1] * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads load


def is_allowed(address: str, networks: Sequence[Network]) -> bool:
    """Whether it is a host's on the public internet (RFC 6890), or in one of the operator's `networks`."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if any(ip in network for network in networks):
        return True
    if isinstance(ip, ipaddress.IPv6Address):
        return ip in _GLOBAL_UNICAST and not any(ip in each for each in _SPECIAL)
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and ip not in _RELAYS


def refusal(url: str, networks: Sequence[Network]) -> str | None:
    """Why webhooks do not go there, as far as the address itself says; None when it may be tried."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "This is no URL."
    if not host or any(character.isspace() or not character.isprintable() for character in url):
        return "This is no URL."
    if parts.scheme != "https" and not (parts.scheme == "http" and networks):
        return "Its scheme is not https."
    if parts.username is not None or parts.password is not None:
        return "It has a user name."
    if parts.fragment:
        return "It has a fragment."
    return None if not _is_literal(host) or is_allowed(host, networks) else f"{host} is not a public address."


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
