"""Whether a request would succeed now, and with how much gas: asked before anything is signed."""

from dataclasses import dataclass

from relayer.chain import Answer, Call, Chain, NodeError, classified
from relayer.reverts import Revert, decoded

GAS_MARGIN = 80_000
"""Beside a quarter more than the estimate; what is not used costs nothing.

USDC's transient slot refunds about 20k that a limit must cover; and an estimate made in the second in which shares were
held finds buckets there that a block later are 17.1k each anew."""


@dataclass(frozen=True, slots=True)
class WouldSucceed:
    gas_limit: int


@dataclass(frozen=True, slots=True)
class WouldRevert:
    revert: Revert


@dataclass(frozen=True, slots=True)
class CannotTell:
    """The node could not say; ask again."""

    why: str


Verdict = WouldSucceed | WouldRevert | CannotTell

PENDING, LATEST = "pending", "latest"
"""PENDING counts what is on its way already, LATEST only what is mined."""


async def verdict(chain: Chain, call: Call, block: str) -> Verdict:
    """Raises Unreachable when no node answers."""
    try:
        if call.gas_limit is not None:
            await chain.call(call, block)
            return WouldSucceed(call.gas_limit)
        estimate = await chain.estimate_gas(call, block)
        return WouldSucceed(estimate + estimate // 4 + GAS_MARGIN)
    except NodeError as error:
        revert = explained(error)
        return CannotTell(error.message) if revert is None else WouldRevert(revert)


async def why_reverted(chain: Chain, call: Call, *, block_number: int, gas_used: int) -> Revert:
    """The reason of a mined revert, by running it again on the state before its block, then after it.

    Without a tracing node this is a very good guess: the transactions before it in its block are not replayed.
    """
    for number in (block_number - 1, block_number):
        try:
            await chain.call(call, hex(number))
        except NodeError as error:
            revert = explained(error)
            if revert is not None:
                return revert
    if call.gas_limit is not None and gas_used >= call.gas_limit:
        return Revert("OutOfGas", {"gas_limit": str(call.gas_limit)})
    return Revert("Unexplained")


def explained(error: NodeError) -> Revert | None:
    """The revert that a node reports; None when it reports something else (its own trouble, our lack of funds)."""
    said = error.message.lower()
    if error.data is not None and error.data.startswith("0x") and ("revert" in said or len(error.data) > len("0x")):
        return decoded(bytes.fromhex(error.data[2:]))
    if "outofgas" in said or "out of gas" in said or "gas required exceeds" in said:
        return Revert("OutOfGas")
    if "revert" in said and classified(error.message) is Answer.LATER:
        return Revert("Unexplained", {"reason": error.message})
    return None
