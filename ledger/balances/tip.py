"""Tips, one by one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Select, and_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from ledger.balances import finality
from ledger.balances.finality import Finality
from ledger.models import block, cursor, tip_split
from ledger.money import MicroUsdc

Rail = Literal["approve", "permit", "authorization", "x402", "flush"]


@dataclass(frozen=True)
class Tip:
    """One TipSplit, with its block's hash and time and its finality."""

    chain_id: int
    block_number: int
    log_index: int
    tx_hash: bytes
    ref: bytes
    creator_id: bytes
    agent_id: bytes
    payer: bytes | None
    amount_micro_usdc: MicroUsdc
    creator_share_micro_usdc: MicroUsdc
    platform_share_micro_usdc: MicroUsdc
    agent_share_micro_usdc: MicroUsdc
    creator_wallet: bytes | None
    agent_wallet: bytes | None
    held_mask: int
    rail: Rail
    block_hash: bytes
    block_timestamp: datetime
    finality: Finality


async def tips(
    session: AsyncSession,
    chain_id: int,
    *,
    ref: bytes | None = None,
    account_id: bytes | None = None,
    payer: bytes | None = None,
    tx_hash: bytes | None = None,
    after: tuple[int, int] | None = None,
    limit: int = 50,
) -> list[Tip]:
    """Newest first. `account_id` is its creator or agent; `after` is (block_number, log_index) of the last one seen."""
    query = _tips(chain_id)
    if ref is not None:
        query = query.where(tip_split.c.ref == ref)
    if account_id is not None:
        query = query.where(or_(tip_split.c.creator_id == account_id, tip_split.c.agent_id == account_id))
    if payer is not None:
        query = query.where(tip_split.c.payer == payer)
    if tx_hash is not None:
        query = query.where(tip_split.c.tx_hash == tx_hash)
    if after is not None:
        query = query.where(tuple_(tip_split.c.block_number, tip_split.c.log_index) < after)
    newest_first = query.order_by(tip_split.c.block_number.desc(), tip_split.c.log_index.desc()).limit(limit)
    return [Tip(*row) for row in await session.execute(newest_first)]


async def tip_by_log(session: AsyncSession, chain_id: int, tx_hash: bytes, log_index: int) -> Tip | None:
    """The tip of one log; None when the ledger has none (not yet, or not any more)."""
    query = _tips(chain_id).where(tip_split.c.tx_hash == tx_hash, tip_split.c.log_index == log_index)
    row = (await session.execute(query)).one_or_none()
    return Tip(*row) if row else None


async def tips_by_tx(session: AsyncSession, chain_id: int, tx_hash: bytes) -> list[Tip]:
    """All tips of one transaction, in the order of their logs."""
    query = _tips(chain_id).where(tip_split.c.tx_hash == tx_hash).order_by(tip_split.c.log_index)
    return [Tip(*row) for row in await session.execute(query)]


def _tips(chain_id: int) -> Select[Any]:
    columns = [tip_split.c[name] for name in Tip.__dataclass_fields__ if name in tip_split.c]
    return (
        select(*columns, block.c.hash, block.c.timestamp, finality.of(tip_split))
        .join(block, and_(block.c.chain_id == tip_split.c.chain_id, block.c.number == tip_split.c.block_number))
        .join(cursor, cursor.c.chain_id == tip_split.c.chain_id)
        .where(tip_split.c.chain_id == chain_id)
    )
