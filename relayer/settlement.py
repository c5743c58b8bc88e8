"""What became of what was sent: receipts, reorganisations, finality. Asks the chain, then writes all news at once."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog

from relayer import record
from relayer.chain import Call, Chain, Head, Receipt
from relayer.journal import Sent
from relayer.lease import Lease, Writing
from relayer.outbox import State
from relayer.reverts import Revert
from relayer.simulation import why_reverted

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class View:
    """The chain as one pass sees it."""

    head: Head
    finalized_number: int
    nonce: int
    """How many transactions of the key are mined."""
    reorganised: bool
    """Blocks that the last pass saw may be gone."""


@dataclass(frozen=True, slots=True)
class Mined:
    """A receipt says so, and it may be news."""

    sent: Sent
    receipt: Receipt
    state: State
    why: Revert | None
    final: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """As we knew it, and its block is final now."""

    sent: Sent


@dataclass(frozen=True, slots=True)
class FallenOut:
    """Its block left the chain, and no other block has it."""

    sent: Sent


@dataclass(frozen=True, slots=True)
class Lost:
    """Its nonce went to something else, finally."""

    sent: Sent


News = Mined | Settled | FallenOut | Lost


async def settle(chain: Chain, lease: Lease, view: View, sent: Sequence[Sent]) -> bool:
    """Writes what is new about these; says whether anything was. Raises Unreachable: then nothing is written.

    Give it what is on its way, and of what is mined that which is due to be final; after a reorganisation all of it.
    """
    canonical = await _canonical(chain, {item.block_number for item in sent if item.block_number is not None})
    found = await asyncio.gather(*(_news(chain, lease.address, view, item, canonical) for item in sent))
    news = [one for one in found if one is not None]
    if news:
        async with lease.writing() as writing:
            for one in news:
                await _write(writing, one)
        for one in news:
            _tell(one)
    return bool(news)


async def _canonical(chain: Chain, numbers: Collection[int]) -> Mapping[int, bytes | None]:
    """The hashes that the chain has at these numbers now."""
    return dict(zip(numbers, await asyncio.gather(*map(chain.block_hash, numbers)), strict=True))


async def _news(
    chain: Chain, address: bytes, view: View, sent: Sent, canonical: Mapping[int, bytes | None]
) -> News | None:
    if sent.block_number is not None:
        if canonical[sent.block_number] == sent.block_hash:
            return Settled(sent) if sent.block_number <= view.finalized_number else None
        receipt = await _receipt(chain, sent)
        return FallenOut(sent) if receipt is None else await _mined(chain, address, view, sent, receipt)
    if sent.nonce >= view.nonce:
        return None
    receipt = await _receipt(chain, sent)
    if receipt is not None:
        # A block after the view's head is left to the next pass: the look after this one would not miss it if it went.
        is_seen = receipt.block_number <= view.head.number
        return await _mined(chain, address, view, sent, receipt) if is_seen else None
    # The receipt may only be late at this node. That the nonce is used in a final block, and not by us, is no lateness.
    if await chain.nonce(address, hex(view.finalized_number)) > sent.nonce:
        return Lost(sent)
    return None


async def _receipt(chain: Chain, sent: Sent) -> Receipt | None:
    """Of whichever attempt was mined."""
    receipts = await asyncio.gather(*(chain.receipt(attempt.tx_hash) for attempt in sent.attempts))
    return next((receipt for receipt in receipts if receipt is not None), None)


async def _mined(chain: Chain, address: bytes, view: View, sent: Sent, receipt: Receipt) -> Mined:
    final = receipt.block_number <= view.finalized_number
    attempt = next(attempt for attempt in sent.attempts if attempt.tx_hash == receipt.tx_hash)
    if attempt.kind == "no_op":
        return Mined(sent, receipt, "refused", sent.why, final)
    if receipt.succeeded:
        return Mined(sent, receipt, "mined_ok", None, final)
    call = Call(address, sent.request.to, sent.request.data, sent.request.value_wei, attempt.gas_limit)
    why = await why_reverted(chain, call, block_number=receipt.block_number, gas_used=receipt.gas_used)
    return Mined(sent, receipt, "mined_reverted", why, final)


async def _write(writing: Writing, news: News) -> None:
    match news:
        case Mined(sent, receipt, state, why, final):
            await record.mined(writing, sent, receipt, state=state, why=why, final=final)
        case Settled(sent):
            await record.settled(writing, sent)
        case FallenOut(sent):
            await record.fallen_out(writing, sent)
        case Lost(sent):
            taken = Revert("NonceTaken", {"nonce": str(sent.nonce)})
            await record.lost(writing, sent, taken)


def _tell(news: News) -> None:
    request = news.sent.request
    told = log.bind(outbox_id=str(request.id), purpose=request.purpose, nonce=news.sent.nonce)
    match news:
        case Mined(_, receipt, state, why, final):
            told.info(
                "transaction_mined",
                tx_hash=receipt.tx_hash.hex(),
                block_number=receipt.block_number,
                state=state,
                error_code=why.code if why else None,
                final=final,
            )
        case Settled():
            told.debug("transaction_settled", state=news.sent.state)
        case FallenOut():
            told.warning("transaction_fell_out", tx_hash=news.sent.tx_hash.hex(), block_number=news.sent.block_number)
        case Lost():
            told.error("transaction_lost", advice="its nonce was used by a transaction that is not ours")
