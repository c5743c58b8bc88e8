"""What a unit of gas may cost (EIP-1559), and by how much a replacement must outbid. Pure."""

from dataclasses import dataclass

BUMP_NUMERATOR, BUMP_DENOMINATOR = 9, 8
"""A replacement offers 12.5 % more of both fees; nodes ask for 10 % (geth, reth, anvil)."""


@dataclass(frozen=True, slots=True)
class Fees:
    max_fee_wei: int
    """The most that is paid for a unit of gas, base fee included."""
    priority_fee_wei: int
    """Of that, what goes to the block's builder."""


@dataclass(frozen=True, slots=True)
class FeeCaps:
    max_fee_wei: int
    priority_fee_wei: int


def quote(*, base_fee_wei: int, priority_fee_wei: int, caps: FeeCaps) -> Fees | None:
    """Fees that outlast five full blocks in a row (the base fee grows by at most an eighth a block).

    None while the base fee alone is above the cap: then it is better to wait than to sign what cannot be mined.
    """
    if base_fee_wei > caps.max_fee_wei:
        return None
    max_fee_wei = min(2 * base_fee_wei + priority_fee_wei, caps.max_fee_wei)
    return Fees(max_fee_wei, min(priority_fee_wei, caps.priority_fee_wei, max_fee_wei))


def outbid(previous: Fees, quoted: Fees, caps: FeeCaps) -> Fees | None:
    """Fees with which a node takes a replacement of `previous`, at least `quoted`; None when the caps forbid it."""
    max_fee_wei = max(_bumped(previous.max_fee_wei), quoted.max_fee_wei)
    priority_fee_wei = max(_bumped(previous.priority_fee_wei), quoted.priority_fee_wei)
    if max_fee_wei > caps.max_fee_wei or priority_fee_wei > caps.priority_fee_wei:
        return None
    return Fees(max(max_fee_wei, priority_fee_wei), priority_fee_wei)


def can_be_mined(fees: Fees, base_fee_wei: int) -> bool:
    """Whether a block of this base fee takes it at all."""
    return fees.max_fee_wei >= base_fee_wei


def _bumped(fee_wei: int) -> int:
    return max(-(-fee_wei * BUMP_NUMERATOR // BUMP_DENOMINATOR), fee_wei + 1)
