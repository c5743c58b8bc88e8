"""Claims that we sent: our own table, beside what the ledger says became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ledger.balances import Finality
from ledger.money import MicroUsdc

Status = Literal["pending", "claimed", "refused"]


@dataclass(frozen=True)
class Claim:
    """A claim, as the ledger and the outbox have it. `claimed` is decided by the ledger alone."""

    id: UUID
    account_id: UUID
    expiries: list[int]
    amount: MicroUsdc
    requested_by: UUID | None
    created_at: datetime
    status: Status
    claimed: MicroUsdc
    finality: Finality | None
    tx_hash: bytes | None
    refusal: str | None


# What reached the wallet from these buckets since we asked, whoever sent it.
_CLAIM = """
SELECT claim.id, claim.account_id, claim.expiries, claim.amount_micro_usdc AS amount, requested_by, claim.created_at,
       CASE WHEN paid.amount IS NOT NULL THEN 'claimed'
            WHEN outbox.settled_at IS NOT NULL AND outbox.state IN ('refused', 'mined_reverted', 'lost') THEN 'refused'
            ELSE 'pending' END AS status,
       coalesce(paid.amount, 0) AS claimed,
       CASE WHEN paid.block_number <= finalized_number THEN 'finalized'
            WHEN paid.block_number <= safe_number THEN 'safe'
            WHEN paid.block_number IS NOT NULL THEN 'unsafe' END AS finality,
       coalesce(paid.tx_hash, outbox.tx_hash) AS tx_hash,
       CASE WHEN paid.amount IS NULL AND outbox.settled_at IS NOT NULL
            THEN coalesce(outbox.error_detail ->> 'reason', outbox.error_code) END AS refusal
  FROM app.claim
  JOIN relay.outbox ON outbox.id = claim.outbox_id
  LEFT JOIN ledger.cursor ON cursor.chain_id = claim.chain_id
  LEFT JOIN LATERAL (
    SELECT sum(share_claimed.amount_micro_usdc)::bigint AS amount, max(share_claimed.block_number) AS block_number,
           (array_agg(share_claimed.tx_hash ORDER BY share_claimed.block_number DESC))[1] AS tx_hash
      FROM ledger.share_claimed
     WHERE share_claimed.chain_id = claim.chain_id
       AND share_claimed.account_id = decode(lpad(replace(claim.account_id::text, '-', ''), 64, '0'), 'hex')
       AND extract(epoch FROM share_claimed.expires_at)::bigint = ANY(claim.expiries)) paid ON TRUE
"""


async def claim(session: AsyncSession, claim_id: UUID) -> Claim | None:
    row = (await session.execute(text(f"{_CLAIM} WHERE claim.id = :id"), {"id": claim_id})).one_or_none()
    return Claim(*tuple[Any, ...](row)) if row else None


async def claims(
    session: AsyncSession,
    chain_id: int,
    accounts: Sequence[UUID],
    *,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[Claim]:
    """Newest first. `after` is (created_at, id) of the last one seen."""
    values: dict[str, Any] = {"chain_id": chain_id, "accounts": list(accounts), "limit": limit}
    where = "claim.chain_id = :chain_id AND claim.account_id = ANY(:accounts)"
    if after is not None:
        where += " AND (claim.created_at, claim.id) < (:after_time, :after_id)"
        values |= {"after_time": after[0], "after_id": after[1]}
    query = f"{_CLAIM} WHERE {where} ORDER BY claim.created_at DESC, claim.id DESC LIMIT :limit"
    return [Claim(*tuple[Any, ...](row)) for row in await session.execute(text(query), values)]


async def open_claims(session: AsyncSession, chain_id: int, account_id: UUID) -> list[Claim]:
    """Those whose outcome is not known yet."""
    recent = await claims(session, chain_id, [account_id], limit=1000)
    return [each for each in recent if each.status == "pending"]


async def insert(
    session: AsyncSession, *, claim_id: UUID, chain_id: int, account_id: UUID, expiries: Sequence[int],
    amount: MicroUsdc, outbox_id: UUID, requested_by: UUID | None,
) -> None:  # fmt: skip
    await session.execute(
        text(
            """INSERT INTO app.claim (id, chain_id, account_id, expiries, amount_micro_usdc, outbox_id, requested_by)
            VALUES (:id, :chain_id, :account_id, :expiries, :amount, :outbox_id, :requested_by)"""
        ),
        {
            "id": claim_id,
            "chain_id": chain_id,
            "account_id": account_id,
            "expiries": list(expiries),
            "amount": amount,
            "outbox_id": outbox_id,
            "requested_by": requested_by,
        },
    )
