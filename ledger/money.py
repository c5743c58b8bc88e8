"""Micro-USDC, and the rule of the split."""

from decimal import Decimal
from typing import NamedTuple, NewType

MicroUsdc = NewType("MicroUsdc", int)
"""An amount in the token's own unit: 1 USDC = 1,000,000."""

MICRO_PER_USDC = 1_000_000
MAX_TIP = MicroUsdc(2**63 - 1)
"""What a BIGINT holds. The contract takes up to 2**96 - 1, which is more USDC than can exist."""


class Split(NamedTuple):
    """The three shares of a tip; they add up to it exactly."""

    creator: MicroUsdc
    platform: MicroUsdc
    agent: MicroUsdc


def split(amount: MicroUsdc) -> Split:
    """What the contract's `preview` answers: agent ⌊a/100⌋, platform ⌊19a/100⌋, the creator the rest.

    `tests/vectors/split.json` proves the two equal. Raises ValueError below 0 and above `MAX_TIP`.
    """
    if not 0 <= amount <= MAX_TIP:
        raise ValueError(f"{amount} is not an amount between 0 and {MAX_TIP} micro-USDC")
    agent = amount // 100
    platform = amount * 19 // 100
    return Split(MicroUsdc(amount - agent - platform), MicroUsdc(platform), MicroUsdc(agent))


def format_usdc(amount: MicroUsdc) -> str:
    """For eyes: `0.25`, `1.00`, `0.000001`. Two decimals at least, all six when they say something."""
    exact = Decimal(amount) / MICRO_PER_USDC
    text = f"{exact:.6f}"
    whole, fraction = text.split(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"
