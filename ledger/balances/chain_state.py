"""How far the mirror has come, and what the contract is set to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ledger.models import contract_event, cursor, difference
from ledger.money import MicroUsdc

Status = Literal["syncing", "live", "halted"]


@dataclass(frozen=True)
class Head:
    """How far the mirror has come."""

    number: int
    hash: bytes
    timestamp: datetime
    safe_number: int
    finalized_number: int
    chain_head_number: int
    status: Status
    status_detail: str | None
    updated_at: datetime

    @property
    def lag_blocks(self) -> int:
        """Blocks that the chain is known to have and the ledger has not."""
        return max(0, self.chain_head_number - self.number)


async def head(session: AsyncSession, chain_id: int) -> Head | None:
    """None before the indexer has first run for this chain."""
    row = (
        await session.execute(
            select(
                cursor.c.head_number,
                cursor.c.head_hash,
                cursor.c.head_timestamp,
                cursor.c.safe_number,
                cursor.c.finalized_number,
                cursor.c.chain_head_number,
                cursor.c.status,
                cursor.c.status_detail,
                cursor.c.updated_at,
            ).where(cursor.c.chain_id == chain_id)
        )
    ).one_or_none()
    return Head(*row) if row else None


async def differs(session: AsyncSession, chain_id: int) -> bool:
    """Whether reconciliation has found something in the ledger that is not on the chain, or the other way round, and
    has not found it equal since."""
    found = select(difference.c.id).where(difference.c.chain_id == chain_id, difference.c.resolved_at.is_(None))
    return (await session.execute(found.limit(1))).first() is not None


async def treasury(session: AsyncSession, chain_id: int) -> bytes | None:
    """Where the platform's share goes; None before the first event says so."""
    value = await _latest_argument(session, chain_id, "TreasuryChanged", "treasury")
    return bytes.fromhex(value[2:]) if value else None


async def min_tip(session: AsyncSession, chain_id: int) -> MicroUsdc | None:
    """The smallest tip the contract takes; None before the first event says so."""
    value = await _latest_argument(session, chain_id, "MinTipSet", "minTip")
    return MicroUsdc(int(value)) if value else None


async def paused(session: AsyncSession, chain_id: int) -> bool:
    """Whether the tip entry points refuse (claims, sweeps and flushes never do)."""
    latest = (
        select(contract_event.c.name)
        .where(contract_event.c.chain_id == chain_id, contract_event.c.name.in_(("Paused", "Unpaused")))
        .order_by(contract_event.c.block_number.desc(), contract_event.c.log_index.desc())
        .limit(1)
    )
    return (await session.execute(latest)).scalar_one_or_none() == "Paused"


async def _latest_argument(session: AsyncSession, chain_id: int, event: str, argument: str) -> str | None:
    latest = (
        select(contract_event.c.args[argument].astext)
        .where(contract_event.c.chain_id == chain_id, contract_event.c.name == event)
        .order_by(contract_event.c.block_number.desc(), contract_event.c.log_index.desc())
        .limit(1)
    )
    value: str | None = (await session.execute(latest)).scalar_one_or_none()
    return value
