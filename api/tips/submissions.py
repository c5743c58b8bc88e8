"""Authorizations that were handed to us: our own table. What became of one, `standing` says."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.tips.rails import GaslessRail
from ledger.money import MicroUsdc


@dataclass(frozen=True)
class Submitted:
    """An authorization that was handed to us. What became of it, the ledger and the outbox say."""

    id: UUID
    payer: bytes
    nonce: bytes
    kind: str
    payable_id: UUID
    """What it pays for: an episode, or something of another kind."""
    rail: GaslessRail
    recipient: bytes
    amount: MicroUsdc
    valid_before: int
    attempt: int
    outbox_id: UUID
    created_at: datetime


_SUBMITTED = """
SELECT id, payer, nonce, kind, coalesce(episode_id, payable_id) AS payable_id, rail, recipient, amount_micro_usdc,
       valid_before, attempt, outbox_id, created_at
  FROM app.submitted_tip
"""


async def submission(session: AsyncSession, submitted_id: UUID) -> Submitted | None:
    row = (await session.execute(text(f"{_SUBMITTED} WHERE id = :id"), {"id": submitted_id})).one_or_none()
    return _submission(row)


async def by_payment(
    session: AsyncSession, *, chain_id: int, asset: bytes, payer: bytes, nonce: bytes
) -> Submitted | None:
    """By the payment key: an authorization pays once."""
    query = f"{_SUBMITTED} WHERE chain_id = :chain_id AND asset = :asset AND payer = :payer AND nonce = :nonce"
    key = {"chain_id": chain_id, "asset": asset, "payer": payer, "nonce": nonce}
    return _submission((await session.execute(text(query), key)).one_or_none())


async def by_payment_id(session: AsyncSession, *, chain_id: int, payer: bytes, payment_id: str) -> Submitted | None:
    """By the name that the payer gave the payment."""
    query = f"{_SUBMITTED} WHERE chain_id = :chain_id AND payer = :payer AND payment_id = :payment_id"
    key = {"chain_id": chain_id, "payer": payer, "payment_id": payment_id}
    return _submission((await session.execute(text(query), key)).one_or_none())


async def give_up_payment_id(session: AsyncSession, submitted_id: UUID) -> None:
    """A refused tip leaves its name to the next one."""
    await session.execute(text("UPDATE app.submitted_tip SET payment_id = NULL WHERE id = :id"), {"id": submitted_id})


def _submission(row: Any) -> Submitted | None:
    if row is None:
        return None
    return Submitted(
        id=row.id,
        payer=row.payer,
        nonce=row.nonce,
        kind=row.kind,
        payable_id=row.payable_id,
        rail=row.rail,
        recipient=row.recipient,
        amount=MicroUsdc(row.amount_micro_usdc),
        valid_before=int(row.valid_before),
        attempt=row.attempt,
        outbox_id=row.outbox_id,
        created_at=row.created_at,
    )
