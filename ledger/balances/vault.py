"""Authorizations that paid, and what waits in vaults."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ledger.balances import finality
from ledger.balances.finality import Finality
from ledger.models import (
    authorization_used,
    block,
    cursor,
    usdc_transfer,
    vault_deployed,
)
from ledger.money import MicroUsdc


@dataclass(frozen=True)
class AuthorizationUse:
    """An EIP-3009 authorization that USDC marked as used, and the transfer it made."""

    block_number: int
    tx_hash: bytes
    log_index: int
    block_timestamp: datetime
    transfer_to: bytes | None
    """None when no Transfer of the authorizer's follows at the next log index: it was cancelled, nothing was paid."""
    transfer_amount_micro_usdc: MicroUsdc | None
    finality: Finality


async def authorization(
    session: AsyncSession, chain_id: int, authorizer: bytes, nonce: bytes
) -> AuthorizationUse | None:
    """Whether (authorizer, nonce) was used in a transaction that paid the splitter or a known vault.

    None says only that the ledger knows of no such use, up to its head. USDC's own `authorizationState` does not tell a
    payment from a cancellation; the transfer named here does.
    """
    used, paid = authorization_used.c, usdc_transfer.c
    following = and_(
        paid.chain_id == used.chain_id,
        paid.block_number == used.block_number,
        paid.log_index == used.log_index + 1,
        paid.tx_hash == used.tx_hash,
        paid.from_address == used.authorizer,
    )
    query = (
        select(
            used.block_number,
            used.tx_hash,
            used.log_index,
            block.c.timestamp,
            paid.to_address,
            paid.amount_micro_usdc,
            finality.of(authorization_used),
        )
        .outerjoin(usdc_transfer, following)
        .join(block, and_(block.c.chain_id == used.chain_id, block.c.number == used.block_number))
        .join(cursor, cursor.c.chain_id == used.chain_id)
        .where(used.chain_id == chain_id, used.authorizer == authorizer, used.nonce == nonce)
    )
    row = (await session.execute(query)).one_or_none()
    return AuthorizationUse(*row) if row else None


@dataclass(frozen=True)
class VaultBalance:
    """USDC that lies in a deployed vault and waits for a flush."""

    vault: bytes
    ref: bytes
    creator_id: bytes
    agent_id: bytes
    amount_micro_usdc: MicroUsdc
    finality: Finality
    """Of the newest transfer into or out of it."""


async def vault_balances(session: AsyncSession, chain_id: int) -> list[VaultBalance]:
    """Every deployed vault that is not empty, by address."""
    moved, vault = usdc_transfer.c, vault_deployed.c
    touching = and_(
        moved.chain_id == vault.chain_id, or_(moved.to_address == vault.vault, moved.from_address == vault.vault)
    )
    signed = case((moved.to_address == vault.vault, moved.amount_micro_usdc), else_=0) - case(
        (moved.from_address == vault.vault, moved.amount_micro_usdc), else_=0
    )
    sums = (
        select(
            vault.vault,
            vault.ref,
            vault.creator_id,
            vault.agent_id,
            func.sum(signed).label("amount"),
            func.max(moved.block_number).label("block_number"),
        )
        .join(usdc_transfer, touching)
        .where(vault.chain_id == chain_id)
        .group_by(vault.vault, vault.ref, vault.creator_id, vault.agent_id)
        .having(func.sum(signed) != 0)
        .subquery()
    )
    query = (
        select(sums.c.vault, sums.c.ref, sums.c.creator_id, sums.c.agent_id, sums.c.amount, finality.of(sums))
        .join(cursor, cursor.c.chain_id == chain_id)
        .order_by(sums.c.vault)
    )
    return [
        VaultBalance(vault, ref, creator_id, agent_id, MicroUsdc(int(amount)), known)
        for vault, ref, creator_id, agent_id, amount, known in await session.execute(query)
    ]
