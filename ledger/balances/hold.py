"""Buckets: what is held, and not yet claimed or swept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ledger.balances import finality
from ledger.balances.finality import Finality
from ledger.models import (
    cursor,
    share_claimed,
    share_held,
    share_swept,
)
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
    return await _buckets(session, chain_id, share_held.c.account_id == account_id)


async def expired_buckets(session: AsyncSession, chain_id: int, now: datetime, limit: int = 500) -> list[HeldBucket]:
    """What may be swept at `now` (the chain's time: see `head().timestamp`), of all accounts, the oldest first."""
    return await _buckets(session, chain_id, share_held.c.expires_at <= now, limit)


async def _buckets(
    session: AsyncSession, chain_id: int, which: ColumnElement[bool], limit: int | None = None
) -> list[HeldBucket]:
    went_in = (
        select(
            share_held.c.account_id,
            share_held.c.expires_at,
            func.sum(share_held.c.amount_micro_usdc).label("amount"),
            func.array_agg(share_held.c.ref.distinct()).label("refs"),
            func.array_agg(share_held.c.reason.distinct()).label("reasons"),
            func.max(share_held.c.block_number).label("block_number"),
        )
        .where(share_held.c.chain_id == chain_id, which)
        .group_by(share_held.c.account_id, share_held.c.expires_at)
        .subquery()
    )
    left = went_in.c.amount - _went_out(share_claimed, went_in, chain_id) - _went_out(share_swept, went_in, chain_id)
    left_sum = left.label("left")
    query = (
        select(went_in, left_sum, finality.of(went_in))
        .join(cursor, cursor.c.chain_id == chain_id)
        .where(left > 0)
        .order_by(went_in.c.expires_at, went_in.c.account_id)
        .limit(limit)
    )
    return [
        HeldBucket(
            account_id=row.account_id,
            expires_at=row.expires_at,
            amount_micro_usdc=MicroUsdc(int(row.left)),
            refs=row.refs,
            reasons=row.reasons,
            finality=row.finality,
        )
        for row in await session.execute(query)
    ]


def _went_out(table: Any, bucket: FromClause, chain_id: int) -> ColumnElement[int]:
    return func.coalesce(
        select(func.sum(table.c.amount_micro_usdc))
        .where(
            table.c.chain_id == chain_id,
            table.c.account_id == bucket.c.account_id,
            table.c.expires_at == bucket.c.expires_at,
        )
        .scalar_subquery(),
        0,
    )
