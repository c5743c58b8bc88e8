"""Authorizations that paid, and what waits in vaults."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from ledger.balances import finality
from ledger.balances.finality import Finality
from ledger.models import authorization_used, block, cursor, usdc_transfer, vault_deployed
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
    """Every deployed vault that is not empty, by address: all that ever went in, less all that went out."""
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


async def vaults_to_flush(session: AsyncSession, chain_id: int) -> list[VaultBalance]:
    """Every deployed vault that something went into since its last flush, by address.

    A flush empties a vault, so that its older transfers need not be summed. `vault_balances` says the same of all of
    them, and reconciliation compares that with the chain."""
    found = await session.execute(text(_TO_FLUSH), {"chain_id": chain_id})
    return [
        VaultBalance(vault, ref, creator_id, agent_id, MicroUsdc(int(amount)), known)
        for vault, ref, creator_id, agent_id, amount, known in found
    ]


_TO_FLUSH = """
SELECT vault.vault, vault.ref, creator_id, agent_id, amount,
       CASE WHEN paid.block_number <= finalized_number THEN 'finalized'
            WHEN paid.block_number <= safe_number THEN 'safe' ELSE 'unsafe' END
  FROM ledger.vault_deployed vault LEFT JOIN LATERAL (
    SELECT block_number, log_index FROM ledger.vault_flushed flush
     WHERE flush.chain_id = vault.chain_id AND flush.vault = vault.vault
     ORDER BY block_number DESC, log_index DESC LIMIT 1) flush ON TRUE
  CROSS JOIN LATERAL (
    SELECT sum(amount_micro_usdc) AS amount, max(block_number) AS block_number FROM (
      SELECT * FROM ledger.usdc_transfer paid
       WHERE paid.chain_id = vault.chain_id AND to_address = vault.vault
         AND block_number >= coalesce(flush.block_number, 0)
         AND (block_number, log_index) > (coalesce(flush.block_number, 0), coalesce(flush.log_index, -1))
      OFFSET 0) since) paid
  JOIN ledger.cursor ON cursor.chain_id = vault.chain_id
 WHERE vault.chain_id = :chain_id AND amount > 0
 ORDER BY vault.vault"""
