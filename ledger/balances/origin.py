"""What accounts earned, by how it was paid and by whom: summed tip by tip, because rollups do not keep that apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ledger.balances import chain_state
from ledger.facts import AGENT_HELD, CREATOR_HELD
from ledger.money import MicroUsdc


@dataclass(frozen=True)
class EarnedBy:
    """The shares of the tips that have `key` in common: here a rail, or a payer (0x-hex).

    None for tips without a payer: flushes, whose transfers may come from many.
    """

    key: str | None
    tips: int
    final_micro_usdc: MicroUsdc
    """Earned in blocks that are final."""
    pending_micro_usdc: MicroUsdc
    """Earned in blocks that may still be reorganised away."""
    held_micro_usdc: MicroUsdc
    """The part of both that was held when it was tipped, whatever became of it later."""


async def earned_by_rail(
    session: AsyncSession,
    chain_id: int,
    accounts: Sequence[bytes],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[EarnedBy]:
    """In the order of their names. Takes time with the number of tips: about a second for a million."""
    values = await _span(session, chain_id, accounts, since, until)
    return [EarnedBy(rail, *_figures(row)) for rail, *row in await session.execute(text(_BY_RAIL), values)]


async def earned_by_payer(
    session: AsyncSession,
    chain_id: int,
    accounts: Sequence[bytes],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[EarnedBy]:
    """In the order of their addresses, None at the end. `after` is the last key seen.

    Takes time with the number of tips, each page anew.
    """
    values = await _span(session, chain_id, accounts, since, until)
    place = {"nobody": _NOBODY, "after": bytes.fromhex(after[2:]) if after else b"", "limit": limit}
    rows = await session.execute(text(_BY_PAYER), values | place)
    return [EarnedBy(None if payer == _NOBODY else f"0x{payer.hex()}", *_figures(row)) for payer, *row in rows]


async def _span(
    session: AsyncSession, chain_id: int, accounts: Sequence[bytes], since: datetime | None, until: datetime | None
) -> dict[str, Any]:
    first, end = await chain_state.blocks_between(session, chain_id, since, until)
    return {"chain_id": chain_id, "accounts": list(accounts), "first": first, "end": end}


def _figures(row: Sequence[Any]) -> tuple[int, MicroUsdc, MicroUsdc, MicroUsdc]:
    tips, final, pending, held = row
    return int(tips), MicroUsdc(int(final)), MicroUsdc(int(pending)), MicroUsdc(int(held))


_NOBODY = b"\xff" * 21
"""Comes after every address."""

# LATERAL and OFFSET keep it a walk along the index of each account, whatever the statistics say.
_LEG = """
SELECT rail, payer, {role}_share_micro_usdc AS earned, held_mask & {bit} <> 0 AS is_held,
       block_number > finalized_number AS is_pending
  FROM account CROSS JOIN LATERAL (
    SELECT * FROM ledger.tip_split
     WHERE chain_id = :chain_id AND {role}_id = account_id AND block_number >= :first AND block_number < :end
    OFFSET 0) tip
  JOIN ledger.cursor USING (chain_id)"""

_TIPS = f"""
WITH account AS (SELECT unnest(CAST(:accounts AS bytea[])) AS account_id), tip AS (
  {_LEG.format(role="creator", bit=CREATOR_HELD)}
  UNION ALL
  {_LEG.format(role="agent", bit=AGENT_HELD)}
)"""

_SUMS = """count(*), coalesce(sum(earned) FILTER (WHERE NOT is_pending), 0),
       coalesce(sum(earned) FILTER (WHERE is_pending), 0), coalesce(sum(earned) FILTER (WHERE is_held), 0)"""

_BY_RAIL = f"{_TIPS} SELECT rail, {_SUMS} FROM tip GROUP BY rail ORDER BY rail"  # noqa: S608 - constants only
_BY_PAYER = f"""{_TIPS}
SELECT coalesce(payer, :nobody) AS whose, {_SUMS} FROM tip WHERE coalesce(payer, :nobody) > :after
 GROUP BY whose ORDER BY whose LIMIT :limit"""  # noqa: S608 - constants only
