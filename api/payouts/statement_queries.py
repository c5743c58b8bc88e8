"""Reads of one span of time of accounts' money: what was held before it, and everything that happened in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from api.payouts.queries import Kind, Role
from ledger import balances
from ledger.balances import Finality
from ledger.facts import AGENT_HELD, CREATOR_HELD
from ledger.money import MicroUsdc


@dataclass(frozen=True)
class Entry:
    """One thing that happened to an account's money, as a statement tells it."""

    kind: Kind
    account_id: bytes
    role: Role | None
    """None for claims and sweeps: a bucket may hold shares of several roles."""
    tip_micro_usdc: MicroUsdc | None
    """The whole tip that it is a share of."""
    amount_micro_usdc: MicroUsdc
    wallet: bytes | None
    """Where it went; None while held."""
    ref: bytes | None
    block_number: int
    log_index: int
    """Of a share, also a held one: its TipSplit's."""
    tx_hash: bytes
    block_timestamp: datetime
    finality: Finality


async def entries(
    session: AsyncSession, chain_id: int, accounts: Sequence[bytes], blocks: tuple[int, int], *, limit: int
) -> list[Entry]:
    """Of the blocks `first <= number < end`, in the order of the chain."""
    values = {**_of(chain_id, accounts, blocks), "limit": limit}
    return [Entry(*tuple[Any, ...](row)) for row in await session.execute(text(_ENTRIES), values)]


async def held_before(
    session: AsyncSession, chain_id: int, accounts: Sequence[bytes], since: datetime, first: int
) -> dict[bytes, MicroUsdc]:
    """By account: what lay in its buckets when `first` was mined, the first block at or after `since`."""
    values = balances.line_parameters(chain_id, accounts, None, since) | {"first": first}
    rows = await session.execute(text(_HELD_BEFORE), values)
    return {account_id: MicroUsdc(int(amount)) for account_id, amount in rows}


def _of(chain_id: int, accounts: Sequence[bytes], blocks: tuple[int, int]) -> dict[str, Any]:
    return {"chain_id": chain_id, "accounts": list(accounts), "first": blocks[0], "end": blocks[1]}


# Each leg walks its account's index (LATERAL, and OFFSET before the order is asked for, keep it there), and is cut by
# itself before they are put in order.
_BLOCKS = "block_number >= :first AND block_number < :end OFFSET 0"
_CUT = "ORDER BY block_number, log_index LIMIT :limit"

_SHARES = """
SELECT CASE WHEN is_held THEN 'held' ELSE 'share' END AS kind, account_id, '{role}' AS role, tip, amount,
       CASE WHEN NOT is_held THEN wallet END AS wallet, ref, block_number, log_index, tx_hash
  FROM account CROSS JOIN LATERAL (
    SELECT * FROM (
      SELECT {role}_share_micro_usdc AS amount, amount_micro_usdc AS tip, {role}_wallet AS wallet,
             held_mask & {bit} <> 0 AS is_held, ref, block_number, log_index, tx_hash
        FROM ledger.tip_split WHERE chain_id = :chain_id AND {role}_id = account_id AND {blocks}) mine {cut}) share"""

_OTHERS = """
SELECT '{kind}', account.account_id, NULL, NULL, amount_micro_usdc, {to}, NULL, block_number, log_index, tx_hash
  FROM account CROSS JOIN LATERAL (
    SELECT * FROM (
      SELECT * FROM ledger.{table} fact
       WHERE chain_id = :chain_id AND fact.account_id = account.account_id AND {blocks}) mine {cut}) fact"""

_ENTRIES = f"""
WITH account AS (SELECT unnest(CAST(:accounts AS bytea[])) AS account_id), entry AS (
  {_SHARES.format(role="creator", bit=CREATOR_HELD, blocks=_BLOCKS, cut=_CUT)}
  UNION ALL
  {_SHARES.format(role="agent", bit=AGENT_HELD, blocks=_BLOCKS, cut=_CUT)}
  UNION ALL
  {_OTHERS.format(kind="claim", table="share_claimed", to="wallet", blocks=_BLOCKS, cut=_CUT)}
  UNION ALL
  {_OTHERS.format(kind="sweep", table="share_swept", to="treasury", blocks=_BLOCKS, cut=_CUT)}
)
SELECT kind, account_id, role, tip, amount, wallet, ref, entry.block_number, log_index, tx_hash, block.timestamp,
       CASE WHEN entry.block_number <= finalized_number THEN 'finalized'
            WHEN entry.block_number <= safe_number THEN 'safe' ELSE 'unsafe' END
  FROM entry
  JOIN ledger.block ON block.chain_id = :chain_id AND block.number = entry.block_number
  JOIN ledger.cursor ON cursor.chain_id = :chain_id
 ORDER BY entry.block_number, log_index, role DESC, account_id
 LIMIT :limit
"""  # noqa: S608 - constants only

_HELD_BEFORE = f"""
WITH account AS (SELECT unnest(CAST(:accounts AS bytea[])) AS account_id), line AS (
  SELECT account_id, sum(held) AS held FROM ({balances.EARNED_LINES}) line GROUP BY account_id
)
SELECT account_id, coalesce(held, 0)
       - (SELECT coalesce(sum(amount_micro_usdc), 0) FROM ledger.share_claimed c
           WHERE c.chain_id = :chain_id AND c.account_id = account.account_id AND block_number < :first)
       - (SELECT coalesce(sum(amount_micro_usdc), 0) FROM ledger.share_swept w
           WHERE w.chain_id = :chain_id AND w.account_id = account.account_id AND block_number < :first)
  FROM account LEFT JOIN line USING (account_id)
"""  # noqa: S608 - constants only
