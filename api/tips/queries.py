"""Reads of tips from the ledger: who brought the money of a flush, and which tip an authorization became."""

from collections.abc import Sequence
from dataclasses import dataclass

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
    amount: MicroUsdc
    reason: str
    expires_at: int
    log_index: int


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


async def holds_in(session: AsyncSession, chain_id: int, tx_hashes: Sequence[bytes]) -> dict[bytes, list[Hold]]:
    """The shares that these transactions held, in the order of their logs."""
    held = share_held.c
    rows = await session.execute(
        select(held.tx_hash, held.account_id, held.amount_micro_usdc, held.reason, held.expires_at, held.log_index)
        .where(held.chain_id == chain_id, held.tx_hash.in_(tx_hashes))
        .order_by(held.block_number, held.log_index)
    )
    found: dict[bytes, list[Hold]] = {}
    for row in rows:
        hold = Hold(
            account_id=row.account_id,
            amount=MicroUsdc(row.amount_micro_usdc),
            reason=row.reason,
            expires_at=int(row.expires_at.timestamp()),
            log_index=row.log_index,
        )
        found.setdefault(row.tx_hash, []).append(hold)
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
