"""What accounts were told about what is held for them: 0, 7, 21, 27 and 29 days after it was tipped."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.payouts.queries import LiveBucket
from api.payouts.schemas import Notice


async def insert(session: AsyncSession, chain_id: int, bucket: LiveBucket, day: int) -> bool:
    """False when it was written before."""
    values = {
        "chain_id": chain_id,
        "account_id": bucket.account_id,
        "expires_at": bucket.expires_at,
        "day": day,
        "amount": bucket.amount_micro_usdc,
    }
    return await session.scalar(_INSERT, values) is not None


async def notices(
    session: AsyncSession,
    chain_id: int,
    accounts: Sequence[UUID],
    *,
    after: tuple[datetime, UUID, datetime, int] | None,
    limit: int,
) -> list[Notice]:
    """Newest first. `after` is the `place` of the last one seen."""
    values: dict[str, Any] = {"chain_id": chain_id, "accounts": list(accounts), "limit": limit}
    values |= dict(
        zip(("created_at", "account_id", "expires_at", "day"), after or (None, None, None, None), strict=True)
    )
    return [Notice(**row) for row in (await session.execute(_NEWEST, values)).mappings()]


def place(notice: Notice) -> tuple[datetime, UUID, datetime, int]:
    """Unique, and the order of the list."""
    return notice.created_at, notice.account_id, notice.expires_at, notice.day


_INSERT = text(
    """INSERT INTO app.hold_notice (chain_id, account_id, expires_at, day, amount_micro_usdc)
    VALUES (:chain_id, :account_id, :expires_at, :day, :amount) ON CONFLICT DO NOTHING RETURNING day"""
)
_NEWEST = text(
    """SELECT account_id, amount_micro_usdc, expires_at, day, created_at FROM app.hold_notice
    WHERE chain_id = :chain_id AND account_id = ANY(:accounts) AND (CAST(:created_at AS timestamptz) IS NULL
      OR (created_at, account_id, expires_at, day) < (:created_at, :account_id, :expires_at, :day))
    ORDER BY created_at DESC, account_id DESC, expires_at DESC, day DESC LIMIT :limit"""
)
