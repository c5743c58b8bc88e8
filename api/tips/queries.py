"""Reads of tips from the ledger: who brought the money of a flush, and which tip an authorization became."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from ledger import balances
from ledger.models import share_held, tip_split, usdc_transfer, vault_flushed
from ledger.money import MicroUsdc


@dataclass(frozen=True)
class Contribution:
    """One Transfer into a vault, split by the flush that came next.

    Shares belong to the flush, not to its contributions: floors do not add up.
    """

    payer: bytes
    amount: MicroUsdc
    tx_hash: bytes
    log_index: int
    block_number: int


@dataclass(frozen=True)
class Hold:
    """A share that was held."""

    account_id: bytes
    reason: str
    expires_at: datetime


async def contributions(session: AsyncSession, tip: balances.Tip) -> list[Contribution]:
    """What lay in the vault when it was flushed into `tip`, in order of arrival. Empty when no vault was involved."""
    flush = await _flush_of(session, tip)
    if flush is None:
        return []
    vault, log_index = flush
    paid = usdc_transfer.c
    here = tuple_(paid.block_number, paid.log_index)
    query = (
        select(paid.from_address, paid.amount_micro_usdc, paid.tx_hash, paid.log_index, paid.block_number)
        .where(paid.chain_id == tip.chain_id, paid.to_address == vault, paid.amount_micro_usdc > 0)
        .where(here < (tip.block_number, log_index))
        .order_by(paid.block_number, paid.log_index)
    )
    before = await _flushed_before(session, tip.chain_id, vault, (tip.block_number, log_index))
    if before is not None:
        query = query.where(here > before)
    return [Contribution(p, MicroUsdc(a), h, i, b) for p, a, h, i, b in await session.execute(query)]


async def settling_tip(
    session: AsyncSession, chain_id: int, *, payer: bytes, nonce: bytes, to: bytes, amount: MicroUsdc, splitter: bytes
) -> balances.Tip | None:
    """The tip that this authorization paid, whoever submitted it; None while the ledger knows of none.

    Decided by `AuthorizationUsed` and the Transfer that follows it, never by `authorizationState`, which a cancellation
    sets too. Paid into a vault, it is the next flush of that vault.
    """
    use = await balances.authorization(session, chain_id, payer, nonce)
    if use is None or use.transfer_to != to or use.transfer_amount_micro_usdc != amount:
        return None
    if to == splitter:
        return await _first_tip(session, chain_id, use.tx_hash, after_log=use.log_index, payer=payer)
    flush = vault_flushed.c
    found = (
        await session.execute(
            select(flush.tx_hash, flush.log_index)
            .where(flush.chain_id == chain_id, flush.vault == to)
            .where(tuple_(flush.block_number, flush.log_index) > (use.block_number, use.log_index))
            .order_by(flush.block_number, flush.log_index)
            .limit(1)
        )
    ).one_or_none()
    return await _first_tip(session, chain_id, found.tx_hash, after_log=found.log_index) if found else None


async def holds_of(session: AsyncSession, tips: Sequence[balances.Tip]) -> dict[tuple[bytes, int], list[Hold]]:
    """By (tx hash, log index) of the tip: the shares it held, in the contract's order (creator, platform, agent).

    The contract tells of a tip's holds right before the tip itself, so each belongs to the next tip of its transaction.
    """
    if not tips:
        return {}
    held, following = share_held.c, tip_split.alias("following").c
    next_tip = (
        select(func.min(following.log_index))
        .where(following.chain_id == held.chain_id, following.block_number == held.block_number)
        .where(following.tx_hash == held.tx_hash, following.log_index > held.log_index)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(held.tx_hash, next_tip.label("tip"), held.account_id, held.reason, held.expires_at)
        .where(held.chain_id == tips[0].chain_id, held.tx_hash.in_({tip.tx_hash for tip in tips}))
        .order_by(held.block_number, held.log_index)
    )
    found: dict[tuple[bytes, int], list[Hold]] = {}
    for row in rows:
        found.setdefault((row.tx_hash, row.tip), []).append(Hold(row.account_id, row.reason, row.expires_at))
    return found


async def _flush_of(session: AsyncSession, tip: balances.Tip) -> tuple[bytes, int] | None:
    """(vault, log index) of the VaultFlushed that `tip` follows."""
    flush = vault_flushed.c
    row = (
        await session.execute(
            select(flush.vault, flush.log_index)
            .where(flush.chain_id == tip.chain_id, flush.block_number == tip.block_number)
            .where(flush.tx_hash == tip.tx_hash, flush.log_index < tip.log_index, flush.ref == tip.ref)
            .where(flush.log_index > await _previous_tip(session, tip))
            .order_by(flush.log_index.desc())
            .limit(1)
        )
    ).one_or_none()
    return (row.vault, row.log_index) if row else None


async def _previous_tip(session: AsyncSession, tip: balances.Tip) -> int:
    """The log index of the tip before, in the same transaction; -1 when there is none."""
    earlier = tip_split.c
    found: int | None = await session.scalar(
        select(func.max(earlier.log_index)).where(
            earlier.chain_id == tip.chain_id,
            earlier.block_number == tip.block_number,
            earlier.tx_hash == tip.tx_hash,
            earlier.log_index < tip.log_index,
        )
    )
    return -1 if found is None else found


async def _flushed_before(
    session: AsyncSession, chain_id: int, vault: bytes, place: tuple[int, int]
) -> tuple[int, int] | None:
    flush = vault_flushed.c
    row = (
        await session.execute(
            select(flush.block_number, flush.log_index)
            .where(flush.chain_id == chain_id, flush.vault == vault)
            .where(tuple_(flush.block_number, flush.log_index) < place)
            .order_by(flush.block_number.desc(), flush.log_index.desc())
            .limit(1)
        )
    ).one_or_none()
    return (row.block_number, row.log_index) if row else None


async def _first_tip(
    session: AsyncSession, chain_id: int, tx_hash: bytes, *, after_log: int, payer: bytes | None = None
) -> balances.Tip | None:
    tips = await balances.tips_by_tx(session, chain_id, tx_hash)
    return next((t for t in tips if t.log_index > after_log and payer in {None, t.payer}), None)
