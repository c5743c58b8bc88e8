"""Buckets: what is held, and not yet claimed or swept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ledger.balances.finality import Finality
from ledger.money import MicroUsdc


@dataclass(frozen=True)
class HeldBucket:
    """What is held for one account until one instant: `claim` and `sweep` take (account_id, expires_at)."""

    account_id: bytes
    expires_at: datetime
    amount_micro_usdc: MicroUsdc
    refs: list[bytes]
    reasons: list[str]
    finality: Finality

    @property
    def expiry(self) -> int:
        """As the contract takes it: unix seconds."""
        return int(self.expires_at.timestamp())


async def held_buckets(session: AsyncSession, chain_id: int, account_id: bytes) -> list[HeldBucket]:
    """Everything unclaimed and unswept of the account, expired or not, the first to expire first."""
    return await _buckets(session, chain_id, "account_id = :account_id", account_id=account_id)


async def expired_buckets(session: AsyncSession, chain_id: int, now: datetime, limit: int = 500) -> list[HeldBucket]:
    """What may be swept at `now` (the chain's time: see `head().timestamp`), of all accounts, the oldest first."""
    return await _buckets(session, chain_id, "expires_at <= :now", limit, now=now)


async def live_buckets(session: AsyncSession, chain_id: int, now: datetime) -> list[HeldBucket]:
    """What may still be claimed at `now`, of all accounts, the first to expire first."""
    return await _buckets(session, chain_id, "expires_at > :now", now=now)


async def _buckets(
    session: AsyncSession, chain_id: int, which: str, limit: int | None = None, **parameters: Any
) -> list[HeldBucket]:
    found = await session.execute(
        text(_BUCKETS.format(which=which)), {"chain_id": chain_id, "limit": limit, **parameters}
    )
    return [
        HeldBucket(account_id, expires_at, MicroUsdc(int(amount)), refs, reasons, known)
        for account_id, expires_at, amount, refs, reasons, known in found
    ]


# Which buckets may have something in them: those that were open when the rollups were made, and those that were filled
# since. What is in each is summed from its own facts. LATERAL and OFFSET keep it to those.
_BUCKETS = """
WITH rolled_up AS (
  SELECT coalesce(max(rolled_up_number), -1) AS number FROM ledger.rollup_cursor WHERE chain_id = :chain_id
), bucket AS MATERIALIZED (
  SELECT account_id, expires_at FROM ledger.open_bucket WHERE chain_id = :chain_id AND {which}
  UNION
  SELECT account_id, expires_at FROM rolled_up CROSS JOIN LATERAL (
    SELECT * FROM ledger.share_held WHERE chain_id = :chain_id AND block_number > number AND {which} OFFSET 0) held
)
SELECT account_id, expires_at, went_in - claimed - swept, refs, reasons,
       CASE WHEN block_number <= finalized_number THEN 'finalized'
            WHEN block_number <= safe_number THEN 'safe' ELSE 'unsafe' END
  FROM bucket CROSS JOIN LATERAL (
    SELECT sum(amount_micro_usdc) AS went_in, array_agg(DISTINCT ref) AS refs, array_agg(DISTINCT reason) AS reasons,
           max(block_number) AS block_number
      FROM ledger.share_held fact
     WHERE fact.chain_id = :chain_id AND fact.account_id = bucket.account_id AND fact.expires_at = bucket.expires_at
    ) held CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_micro_usdc), 0) AS claimed FROM ledger.share_claimed fact
     WHERE fact.chain_id = :chain_id AND fact.account_id = bucket.account_id AND fact.expires_at = bucket.expires_at
    ) claim CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount_micro_usdc), 0) AS swept FROM ledger.share_swept fact
     WHERE fact.chain_id = :chain_id AND fact.account_id = bucket.account_id AND fact.expires_at = bucket.expires_at
    ) sweep
  JOIN ledger.cursor ON cursor.chain_id = :chain_id
 WHERE went_in > claimed + swept
 ORDER BY expires_at, account_id
 LIMIT :limit"""
