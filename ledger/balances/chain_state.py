"""How far the mirror has come, and what the contract is set to."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import select, text
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


NO_BLOCK = 2**63 - 1
"""After every block."""


async def blocks_between(
    session: AsyncSession, chain_id: int, since: datetime | None, until: datetime | None
) -> tuple[int, int]:
    """(first, end): exactly the blocks `first <= number < end` have rows of `since <= time < until`."""
    first = 0 if since is None else await _first_block_from(session, chain_id, since)
    return first, NO_BLOCK if until is None else await _first_block_from(session, chain_id, until)


async def final_time(session: AsyncSession, chain_id: int) -> datetime | None:
    """Nothing that happened before this moment, by the chain's time, can change any more; None before that is known."""
    found: datetime | None = await session.scalar(text(_FINAL_TIME), {"chain_id": chain_id})
    return found


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


async def _first_block_from(session: AsyncSession, chain_id: int, instant: datetime) -> int:
    """The first block with rows that is not older than `instant`; NO_BLOCK when there is none."""
    values: dict[str, Any] = {"chain_id": chain_id, "instant": instant, "day": instant.astimezone(UTC).date()}
    found: int | None = await session.scalar(text(_FIRST_BLOCK_FROM), values)
    return NO_BLOCK if found is None else found


# Times are in no index: it walks from the last tip of the days before.
_FIRST_BLOCK_FROM = """
SELECT number FROM ledger.block
 WHERE chain_id = :chain_id AND timestamp >= :instant AND number > coalesce(
   (SELECT last_block_number FROM ledger.day_rollup WHERE chain_id = :chain_id AND day < :day
     ORDER BY day DESC LIMIT 1), -1)
 ORDER BY number LIMIT 1"""

_FINAL_TIME = """
SELECT CASE WHEN finalized_number = head_number THEN head_timestamp ELSE
       (SELECT timestamp FROM ledger.block WHERE block.chain_id = cursor.chain_id AND number <= finalized_number
         ORDER BY number DESC LIMIT 1) END
  FROM ledger.cursor WHERE chain_id = :chain_id"""


async def _latest_argument(session: AsyncSession, chain_id: int, event: str, argument: str) -> str | None:
    latest = (
        select(contract_event.c.args[argument].astext)
        .where(contract_event.c.chain_id == chain_id, contract_event.c.name == event)
        .order_by(contract_event.c.block_number.desc(), contract_event.c.log_index.desc())
        .limit(1)
    )
    value: str | None = (await session.execute(latest)).scalar_one_or_none()
    return value
