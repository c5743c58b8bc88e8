"""`GET /chain`."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api import calldata, edge
from api.db import Reading, ReadSession
from api.errors import ChainUnavailable, problems
from api.resources import Held, Resources
from api.wire import Address, Amount
from ledger import balances
from ledger.money import MicroUsdc

router = edge.router(tags=["chain"])

NAMES = {8453: "Base", 84532: "Base Sepolia"}


class Domain(BaseModel):
    """An EIP-712 domain, named as wallets take it."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    version: str
    chainId: int  # noqa: N815 - EIP-712's own spelling
    verifyingContract: str  # noqa: N815


class LedgerHead(BaseModel):
    """How far the ledger is, and how much of it is final."""

    head_number: int
    head_time: datetime
    safe_number: int = Field(description="blocks up to this one are `safe`")
    finalized_number: int = Field(description="blocks up to this one are `finalized`: they can no longer change")
    lag_blocks: int = Field(description="blocks that the chain has and the ledger has not")


class Chain(BaseModel):
    """Where tips are split."""

    chain_id: int
    name: str
    is_local: bool = Field(description="a throwaway chain: `POST /dev/faucet` gives test USDC and gas")
    rpc_url: str | None = Field(description="for wallets; null when you should take your own")
    usdc: Address
    usdc_domain: Domain
    splitter: Address
    splitter_domain: Domain
    deployed_at_block: int
    minimum_tip_micro_usdc: Amount
    tips_paused: bool
    treasury: Address | None
    ledger: LedgerHead | None = Field(description="null until the indexer has begun")


@router.get("/chain", operation_id="getChain", responses=problems(ChainUnavailable))
async def get_chain(session: Reading, held: Held) -> Chain:
    """The chain, its contracts, what they are set to, and how far the ledger is."""
    contracts = held.deployment
    name = "Local chain" if held.settings.local_chain else NAMES.get(held.chain_id, f"Chain {held.chain_id}")
    return Chain(
        chain_id=held.chain_id,
        name=name,
        is_local=held.settings.local_chain,
        rpc_url=held.settings.wallets_rpc_url,
        usdc=contracts.usdc_bytes,
        usdc_domain=Domain(**contracts.usdc_domain),
        splitter=contracts.splitter_bytes,
        splitter_domain=Domain(**contracts.splitter_domain),
        deployed_at_block=contracts.deployed_at_block,
        minimum_tip_micro_usdc=await _minimum_tip(session, held),
        tips_paused=await balances.paused(session, held.chain_id),
        treasury=await balances.treasury(session, held.chain_id),
        ledger=await _ledger_head(session, held.chain_id),
    )


async def _minimum_tip(session: ReadSession, held: Resources) -> MicroUsdc:
    """By the ledger; by the chain before the ledger has seen it."""
    known = await balances.min_tip(session, held.chain_id)
    if known is not None:
        return known
    return MicroUsdc(
        calldata.answer("uint64", await held.node.call(held.deployment.splitter_bytes, calldata.call("minTip()")))
    )


async def _ledger_head(session: ReadSession, chain_id: int) -> LedgerHead | None:
    head = await balances.head(session, chain_id)
    if head is None:
        return None
    return LedgerHead(
        head_number=head.number,
        head_time=head.timestamp,
        safe_number=head.safe_number,
        finalized_number=head.finalized_number,
        lag_blocks=head.lag_blocks,
    )
