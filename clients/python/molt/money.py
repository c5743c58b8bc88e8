"""Micro-USDC: integers everywhere, decimals only at the eyes and fingers of a person."""

import re
from typing import NewType

MicroUsdc = NewType("MicroUsdc", int)

MICRO_PER_USDC = 1_000_000

_AMOUNT = re.compile(r"(?P<whole>\d{1,12})(?:\.(?P<fraction>\d{1,6}))?")


def parse_usdc(text: str) -> MicroUsdc:
    """`"0.25"` → 250000. Raises `ValueError` for anything but a plain decimal with at most six places."""
    match = _AMOUNT.fullmatch(text.strip().removeprefix("$"))
    if match is None:
        msg = f"{text!r} is not an amount of USDC: write it like 0.25, with at most six decimal places"
        raise ValueError(msg)
    fraction = (match["fraction"] or "").ljust(6, "0")
    return MicroUsdc(int(match["whole"]) * MICRO_PER_USDC + int(fraction))


def format_usdc(amount_micro_usdc: int) -> str:
    """250000 → `"0.25"`, 47500 → `"0.0475"`: exact, with two places at least."""
    whole, fraction = divmod(abs(amount_micro_usdc), MICRO_PER_USDC)
    places = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    sign = "-" if amount_micro_usdc < 0 else ""
    return f"{sign}{whole:,}.{places}"


def split(amount_micro_usdc: int) -> tuple[MicroUsdc, MicroUsdc, MicroUsdc]:
    """The contract's rule as (creator, platform, agent): ⌊a/100⌋ to the agent, ⌊19a/100⌋ to the platform, the rest to
    the creator. Tested against the vectors that Solidity is tested against."""
    agent = amount_micro_usdc // 100
    platform = amount_micro_usdc * 19 // 100
    return MicroUsdc(amount_micro_usdc - agent - platform), MicroUsdc(platform), MicroUsdc(agent)
